//! The words in which decisions, times and numbers are told to people. Nothing here decides or
//! prints.

use chrono::Datelike;
use chrono_tz::Tz;

use crate::domain::{Channel, Consent, Instant, Refusal, SuppressionCause};

/// Times as the pack's wall shows them, the year only where it is another.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The pack's zone.
    pub zone: Tz,
    /// The run's instant.
    pub as_of: Instant,
}

impl Times {
    /// `6 May 22:10`
    pub fn say(&self, instant: &Instant) -> String {
        let local = instant.with_timezone(&self.zone);
        let same_year = local.year() == self.as_of.with_timezone(&self.zone).year();
        local.format(if same_year { "%-d %b %H:%M" } else { "%-d %b %Y %H:%M" }).to_string()
    }

    /// `8 May`, for a day; `8 May 10:30` for an instant that is not midnight.
    pub fn say_from(&self, instant: &Instant) -> String {
        let local = instant.with_timezone(&self.zone);
        match local.time() == chrono::NaiveTime::MIN {
            true => self.say_day(local.date_naive()),
            false => self.say(instant),
        }
    }

    /// `8 May`
    pub fn say_day(&self, day: chrono::NaiveDate) -> String {
        let same_year = day.year() == self.as_of.with_timezone(&self.zone).year();
        day.format(if same_year { "%-d %b" } else { "%-d %b %Y" }).to_string()
    }

    /// `Thu 7 May 1998, 11:00 (times are Europe/Berlin)`: the run's instant, and the zone once.
    pub fn heading(&self) -> String {
        let local = self.as_of.with_timezone(&self.zone).format("%a %-d %b %Y, %H:%M");
        format!("{local} (times are {})", self.zone)
    }
}

/// Why a decision was made against a candidate, by the same words as [`refusal`]; where its own rule is
/// what went before it, that is not said as if it were another.
pub fn because(rule: &str, told: &Refusal, channel: &Channel, times: &Times) -> String {
    match told {
        Refusal::Outranked { by, customer_id: None } if by.as_str() == rule => {
            "another message of this rule goes to them".to_owned()
        }
        Refusal::Outranked { by, customer_id: Some(other) } if by.as_str() == rule => format!(
            "another message of this rule goes to {} at the same address",
            plain(other.as_str())
        ),
        told => refusal(told, channel, times),
    }
}

/// Why a candidate on `channel` was refused, with the evidence, in a sentence without full stop.
pub fn refusal(refusal: &Refusal, channel: &Channel, times: &Times) -> String {
    let at = |instant: &Instant| times.say(instant);
    match refusal {
        Refusal::NoAddress { column, invalid: true } => {
            format!("what stands in `{column}` is no address")
        }
        Refusal::NoAddress { column, invalid: false } => format!("`{column}` is empty"),
        Refusal::NoConsent { topic, consent: Consent::OptIn } => {
            format!("no consent to `{topic}`")
        }
        Refusal::NoConsent { topic, .. } => format!("has refused `{topic}`"),
        Refusal::Suppressed { topic, cause, since } => suppressed(topic, *cause, &at(since)),
        Refusal::Muted { condition, read, .. } => {
            let read: Vec<_> =
                read.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            format!("`{condition}` is true: {}", read.join(", "))
        }
        Refusal::Pending { since, until } => {
            format!("true since {}; falls due {}", at(since), at(until))
        }
        Refusal::AlreadyContacted { at: last, times: count, reminder } => {
            let done =
                if channel.is_contact() { "counts as told" } else { "handed to a colleague" };
            let how_often =
                if *count > 1 { format!("{count} times, last ") } else { String::new() };
            let then = match reminder {
                Some(reminder) => format!("a reminder is due {}", at(reminder)),
                None => "no reminder follows".to_owned(),
            };
            format!("{done} {how_often}{}; {then}", at(last))
        }
        Refusal::Cooldown { contacted, until } => {
            format!("this rule wrote {}; again from {}", at(contacted), at(until))
        }
        Refusal::Held { limit, contacts, allowed } => format!(
            "held: {} in 24 hours, where {} may go out without approval ([hold] {})",
            counted(*contacts, "contact"),
            thousands(*allowed),
            limit.name()
        ),
        Refusal::Outranked { by, customer_id: None } => format!("outranked by {by}"),
        Refusal::Outranked { by, customer_id: Some(other) } => {
            format!(
                "outranked by {by}, which writes to {} at the same address",
                plain(other.as_str())
            )
        }
        Refusal::Cap { contacts, per, channel, earlier, free_at } => {
            let by = channel.as_ref().map(|c| format!(" by {c}")).unwrap_or_default();
            let earlier: Vec<_> =
                earlier.iter().map(|e| format!("{} wrote {}", e.rule, at(&e.at))).collect();
            format!(
                "cap: {}{by} in {per}; {}; free again {}",
                counted(u64::from(*contacts), "contact"),
                some_of(&earlier, 3),
                at(free_at)
            )
        }
        Refusal::Expired { expires, first_decent } => format!(
            "worth saying until {}; the first decent minute is {}",
            at(expires),
            at(first_decent)
        ),
        Refusal::NotPlanned { changed: None } => "not in the plan".to_owned(),
        Refusal::NotPlanned { changed: Some(what) } => not_as_planned(what).to_owned(),
    }
}

/// In what something is no longer what was planned, by its code.
fn not_as_planned(changed: &str) -> &str {
    match changed {
        "channel" => "planned to go another way",
        "template" => "planned with other words",
        "address" => "planned to another address",
        "assign" => "planned for somebody else",
        "contacted" => "planned before the last contact: this would be a reminder",
        "began_again" => "planned before it was over and began again",
        "too_late" => "planned to be done before now",
        "not_whole" => "planned without all that the rule has to say last",
        other => other,
    }
}

fn suppressed(topic: &Option<String>, cause: SuppressionCause, since: &str) -> String {
    let what = match topic {
        Some(topic) => format!("`{topic}`"),
        None => "every contact".to_owned(),
    };
    match cause {
        SuppressionCause::Refused => format!("refused {what} {since}"),
        SuppressionCause::Bounce => format!("mail came back {since}: the address does not exist"),
        SuppressionCause::Erasure => format!("asked to be forgotten {since}"),
    }
}

/// What everybody who was refused for a reason has in common.
pub fn reason(code: &str) -> &str {
    match code {
        "no_address" => "no valid address",
        "no_consent" => "no consent",
        "suppressed" => "not to be contacted",
        "muted" => "muted by the policy",
        "pending" => "not true for long enough yet",
        "already_contacted" => "already contacted about this",
        "held" => "too many at once, waits for approval",
        "cooldown" => "contacted by this rule not long ago",
        "outranked" => "something more important goes to the same person",
        "cap" => "contacted often enough lately",
        "expired" => "no longer worth saying at a decent hour",
        "no_longer_true" => "no longer true",
        "true_again" => "what was over is true again",
        "rule_removed" => "the rule was removed",
        "quarantined" => "the rule failed too often, or its data could not be used",
        "not_asked" => "the rule no longer asks for it",
        "merged" => "told in another message",
        "rejected" => "somebody rejected it",
        "erased" => "they were erased",
        Refusal::NOT_PLANNED => "outside the plan that was carried out",
        other => other,
    }
}

/// `1 contact`, `2 contacts`, `3 matches`
pub fn counted(count: u64, noun: &str) -> String {
    let plural = match noun {
        _ if count == 1 => "",
        noun if noun.ends_with("ch") || noun.ends_with("ss") => "es",
        _ => "s",
    };
    format!("{} {noun}{plural}", thousands(count))
}

/// `a`, `a and b`, `a, b and c`
pub(super) fn listed(items: &[String]) -> String {
    match items {
        [earlier @ .., last] if !earlier.is_empty() => {
            format!("{} and {last}", earlier.join(", "))
        }
        items => items.concat(),
    }
}

/// `1,234,567`
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut told = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

/// The first `most` of a list, and how many more there are.
pub(super) fn some_of(items: &[String], most: usize) -> String {
    match items.len().checked_sub(most) {
        Some(more @ 1..) => format!("{} and {more} more", items[..most].join(", ")),
        _ => items.join(", "),
    }
}

/// Text from a database, fit for a terminal and a line: what would steer either is made visible.
pub fn plain(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut told, c| {
        if steers(c) {
            told.extend(c.escape_default())
        } else {
            told.push(c)
        }
        told
    })
}

/// A text as one word of a shell.
pub fn shell_word(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "-_.,@+:/".contains(c);
    match !text.is_empty() && !text.starts_with('-') && text.chars().all(is_bare) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{Earlier, HoldLimit, RuleId, Span, Value, parse_instant};

    fn at(text: &str) -> Instant {
        parse_instant(text).unwrap()
    }

    #[test]
    fn every_refusal_has_its_sentence() {
        let times = Times { zone: Tz::Europe__Berlin, as_of: at("1998-05-07T09:00:00Z") };
        let last = at("1998-05-06T20:10:00Z");
        let later = at("1998-05-07T20:10:00Z");
        let topic = || "offers".to_owned();
        let earlier = |rule: &str| Earlier { rule: RuleId::from(rule), at: last };
        let refusals = [
            Refusal::NoAddress { column: "email".to_owned(), invalid: false },
            Refusal::NoAddress { column: "email".to_owned(), invalid: true },
            Refusal::NoConsent { topic: topic(), consent: Consent::OptIn },
            Refusal::NoConsent { topic: topic(), consent: Consent::OptOut },
            Refusal::Suppressed {
                topic: Some(topic()),
                cause: SuppressionCause::Refused,
                since: last,
            },
            Refusal::Suppressed { topic: None, cause: SuppressionCause::Refused, since: last },
            Refusal::Suppressed { topic: None, cause: SuppressionCause::Bounce, since: last },
            Refusal::Suppressed { topic: None, cause: SuppressionCause::Erasure, since: last },
            Refusal::Muted {
                topic: topic(),
                condition: "customer.tickets.open > 0".to_owned(),
                read: BTreeMap::from([("customer.tickets.open".to_owned(), Value::Int(2))]),
            },
            Refusal::Pending { since: last, until: at("1998-05-09T20:10:00Z") },
            Refusal::AlreadyContacted { at: last, times: 1, reminder: None },
            Refusal::AlreadyContacted {
                at: at("1997-12-30T12:00:00Z"),
                times: 2,
                reminder: Some(later),
            },
            Refusal::Cooldown { contacted: last, until: later },
            Refusal::Held { limit: HoldLimit::Share, contacts: 100_000, allowed: 10_000 },
            Refusal::Outranked { by: RuleId::from("stalled-order"), customer_id: None },
            Refusal::Cap {
                contacts: 1,
                per: Span::days(1),
                channel: None,
                earlier: vec![earlier("churn-risk")],
                free_at: later,
            },
            Refusal::Cap {
                contacts: 4,
                per: Span::days(30),
                channel: Some(Channel("email".to_owned())),
                earlier: ["a", "b", "c", "d"].map(earlier).to_vec(),
                free_at: later,
            },
            Refusal::Expired { expires: later, first_decent: at("1998-05-08T06:00:00Z") },
        ];
        let email = Channel(Channel::EMAIL.to_owned());
        let told: Vec<_> = refusals
            .iter()
            .map(|it| format!("{}\n    {}", reason(it.code()), refusal(it, &email, &times)))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
        for code in Refusal::CODES {
            assert!(refusals.iter().any(|refusal| refusal.code() == code), "{code}");
            assert_ne!(reason(code), code);
        }
        for code in
            ["no_longer_true", "true_again", "rule_removed", "quarantined", "not_asked", "merged"]
        {
            assert_ne!(reason(code), code);
        }
        let task = Channel(Channel::TASK.to_owned());
        let made = Refusal::AlreadyContacted { at: last, times: 1, reminder: None };
        let sentence = refusal(&made, &task, &times);
        assert_eq!(sentence, "handed to a colleague 6 May 22:10; no reminder follows");
    }

    #[test]
    fn numbers_have_their_plural() {
        assert_eq!(counted(1, "match"), "1 match");
        assert_eq!(counted(0, "match"), "0 matches");
        assert_eq!(counted(1_234_567, "customer"), "1,234,567 customers");
        assert_eq!(counted(999, "task"), "999 tasks");
    }

    #[test]
    fn lists_end_in_and() {
        let items = ["a", "b", "c"].map(str::to_owned);
        let lists = [0, 1, 2, 3].map(|n| listed(&items[..n]));
        assert_eq!(lists, ["", "a", "a and b", "a, b and c"]);
    }

    #[test]
    fn data_steers_no_terminal() {
        assert_eq!(plain("Ana\u{1b}[2J\r\nB\u{202e}"), "Ana\\u{1b}[2J\\r\\nB\\u{202e}");
        assert_eq!(plain("Größe ไทย 🐎"), "Größe ไทย 🐎");
    }
}
