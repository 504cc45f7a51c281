//! The gates in words: what each looked at, whether it let the candidate pass or not. Nothing is
//! decided here.

use chrono_tz::Tz;

use super::super::wording::{Times, counted, some_of, thousands};
use crate::domain::{
    CapLooked, Channel, Consent, Instant, Looked, Passage, Rival, RuleId, Suppressed,
    SuppressionCause,
};

/// How many earlier contacts of a cap are named.
const NAMED: usize = 6;

/// What is known of the candidate beside its gates.
pub(super) struct Place<'a> {
    pub(super) rule: &'a RuleId,
    pub(super) channel: &'a Channel,
    /// Where the customer lives, where that is another zone than the pack's.
    pub(super) abroad: Option<Tz>,
    /// What the topic's `mute_when` read.
    pub(super) mute_read: &'a str,
    pub(super) times: &'a Times,
}

/// The gates as rows: a mark and the name, and the evidence.
pub(super) fn rows(gates: &[Passage], place: &Place<'_>) -> Vec<Vec<String>> {
    let refused = gates.iter().position(|gate| !gate.passes).unwrap_or(gates.len());
    let rows = |(number, gate): (usize, &Passage)| {
        let mark = match number > refused {
            false if gate.passes => "✓",
            false => "✗",
            true => "·",
        };
        let beyond = match (number > refused, gate.passes) {
            (true, false) => "would refuse it too: ",
            _ => "",
        };
        let evidence = format!("{beyond}{}", evidence(gate, place));
        let first = vec![format!("{mark} {}", name(&gate.looked)), evidence];
        let more = more(gate, place).into_iter().map(|told| vec![String::new(), told]);
        std::iter::once(first).chain(more).collect::<Vec<_>>()
    };
    gates.iter().enumerate().flat_map(rows).collect()
}

/// A gate's name for people.
pub(super) fn name(looked: &Looked) -> &'static str {
    match looked {
        Looked::Cap { .. } => "caps",
        Looked::Quiet { .. } => "quiet hours",
        other => other.name(),
    }
}

impl Place<'_> {
    /// An instant, and the customer's own time of day where that is another.
    fn say(&self, instant: &Instant) -> String {
        let here = self.times.say(instant);
        match self.abroad {
            Some(zone) => {
                let local = instant.with_timezone(&zone).format("%H:%M");
                format!("{here} ({local} in {})", city(zone.name()))
            }
            None => here,
        }
    }
}

/// `Mexico City`, of `America/Mexico_City`.
fn city(zone: &str) -> String {
    zone.rsplit('/').next().unwrap_or(zone).replace('_', " ")
}

fn evidence(gate: &Passage, place: &Place<'_>) -> String {
    let at = |instant: &Instant| place.times.say(instant);
    match &gate.looked {
        Looked::Address { address: Some(address), .. } if gate.passes => address.clone(),
        Looked::Address { column, address: Some(address) } => {
            format!("\"{}\" in `{column}` is no address", address.escape_debug())
        }
        Looked::Address { column, address: None } => format!("`{column}` is empty"),
        Looked::Consent { topic, consent, agreed, refused_by } => {
            self::consent(topic.as_deref(), *consent, *agreed, refused_by.is_some())
        }
        Looked::Suppression { applies: Some(applies), .. } => suppressed(applies, &at),
        Looked::Suppression { applies: None, others: 0 } => "nothing is suppressed".to_owned(),
        Looked::Suppression { applies: None, others } => {
            format!("nothing that applies; {others} of other topics or addresses")
        }
        Looked::Mute { condition: None, .. } => "the topic has no `mute_when`".to_owned(),
        Looked::Mute { condition: Some(condition), .. } if gate.passes => {
            let read = if place.mute_read.is_empty() { "" } else { ": " };
            format!("`{condition}` is not true{read}{}", place.mute_read)
        }
        Looked::Mute { condition: Some(condition), read } => {
            let read: Vec<_> =
                read.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            format!("`{condition}` is true: {}", read.join(", "))
        }
        Looked::Episode { .. } => episode(gate, place),
        Looked::Cooldown { lasts: None, .. } => "the rule has no COOLDOWN".to_owned(),
        Looked::Cooldown { lasts: Some(lasts), contacted: None, .. } => {
            format!("{lasts}; nothing else of this rule went to them in that time")
        }
        Looked::Cooldown { lasts: Some(lasts), contacted: Some(contacted), until } => {
            let until = until.as_ref().map(&at).unwrap_or_default();
            format!(
                "{lasts}; this rule wrote about something else {}, so until {until}",
                at(contacted)
            )
        }
        Looked::Joins { subject } => {
            format!("goes with the message about {subject}, which was let through")
        }
        Looked::Hold { approved: true, .. } => "somebody approved it".to_owned(),
        Looked::Hold { limit, contacts, allowed, .. } => format!(
            "{} in 24 hours; {} may go out without approval ([hold] {})",
            counted(*contacts, "contact"),
            thousands(*allowed),
            limit.name()
        ),
        Looked::Rank { .. } => rank(&gate.looked, place.rule),
        Looked::Cap { ignored: true, .. } => "the topic ignores caps".to_owned(),
        Looked::Cap { caps, .. } => match caps.first() {
            Some(cap) => self::cap(cap, place),
            None => "there are none".to_owned(),
        },
        Looked::Quiet { .. } => quiet(gate, place),
    }
}

/// What does not go on the gate's own line: the other caps.
fn more(gate: &Passage, place: &Place<'_>) -> Vec<String> {
    match &gate.looked {
        Looked::Cap { ignored: false, caps } => {
            caps.iter().skip(1).map(|cap| self::cap(cap, place)).collect()
        }
        _ => Vec::new(),
    }
}

fn consent(topic: Option<&str>, consent: Option<Consent>, agreed: bool, refused: bool) -> String {
    let Some(topic) = topic else { return "the rule has no topic".to_owned() };
    match (consent, agreed, refused) {
        (Some(Consent::Always), ..) => format!("`{topic}` is necessary: it needs none"),
        (Some(Consent::OptIn), false, _) => format!("`{topic}` is opt-in, and was not agreed to"),
        (Some(Consent::OptIn), true, true) => {
            format!("`{topic}` was agreed to, and refused at this address")
        }
        (Some(Consent::OptIn), true, false) => format!("`{topic}` is opt-in, and was agreed to"),
        (_, _, true) => format!("`{topic}` is opt-out, and was refused"),
        (_, _, false) => format!("`{topic}` is opt-out, and nothing was refused"),
    }
}

fn suppressed(applies: &Suppressed, at: &dyn Fn(&Instant) -> String) -> String {
    let what =
        applies.topic.as_ref().map_or("every contact".to_owned(), |topic| format!("`{topic}`"));
    let since = at(&applies.since);
    match applies.cause {
        SuppressionCause::Refused => format!("refused {what} {since}"),
        SuppressionCause::Bounce => format!("mail came back {since}: the address does not exist"),
        SuppressionCause::Erasure => format!("asked to be forgotten {since}"),
    }
}

fn episode(gate: &Passage, place: &Place<'_>) -> String {
    let Looked::Episode { since, due, times, last_at, reminder, told_now, last_word } =
        &gate.looked
    else {
        return String::new();
    };
    let at = |instant: &Instant| place.times.say(instant);
    if told_now.is_some() && !gate.passes {
        return "another message of this rule tells them in this run".to_owned();
    }
    if *last_word {
        return format!("it began {} and is over; this is the last word", at(since));
    }
    let began = match *since == place.times.as_of {
        true => "true for the first time".to_owned(),
        false => format!("true since {}", at(since)),
    };
    let done = match place.channel.is_contact() {
        true => ("contact", "counts as told"),
        false => ("task", "handed to a colleague"),
    };
    let story = match (last_at, reminder) {
        (None, _) => match due {
            Some(due) if gate.passes => format!("long enough (FOR had passed {})", at(due)),
            Some(due) => format!("FOR passes {}", at(due)),
            None => format!("no {} before", done.0),
        },
        (Some(last), reminder) => {
            let how_often =
                if *times > 1 { format!("{times} times, last ") } else { String::new() };
            let then = match (gate.passes, reminder) {
                (true, Some(due)) => {
                    format!("{} {}: a reminder fell due {}", ordinal(times + 1), done.0, at(due))
                }
                (_, Some(due)) => format!("a reminder falls due {}", at(due)),
                (_, None) => "no reminder follows".to_owned(),
            };
            format!("{} {how_often}{}; {then}", done.1, at(last))
        }
    };
    format!("{began}, {story}")
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn rank(looked: &Looked, own: &RuleId) -> String {
    let Looked::Rank { ignored, priority, winner, behind, .. } = looked else {
        return String::new();
    };
    let names = |rivals: &[Rival]| -> String {
        let told = rivals.iter().map(|rival| match rival.rule == *own {
            true => "another message of this rule".to_owned(),
            false => format!("{} ({})", rival.rule, rival.priority),
        });
        let told: Vec<_> = told.collect();
        some_of(&told, 3)
    };
    match winner {
        _ if *ignored => format!("priority {priority}; the topic goes beside anything else"),
        Some(winner) if winner.rule == *own => {
            format!("another message of this rule goes first, about {}", winner.subject)
        }
        Some(winner) => format!(
            "{} has priority {} over {priority}, and writes about {}",
            winner.rule, winner.priority, winner.subject
        ),
        None if behind.is_empty() => format!("priority {priority}; nothing else for them"),
        None => format!("priority {priority}; it goes before {}", names(behind)),
    }
}

fn cap(cap: &CapLooked, place: &Place<'_>) -> String {
    let on = match &cap.channel {
        Some(channel) if channel.0 == Channel::EMAIL => "e-mail".to_owned(),
        Some(channel) => format!("{channel} contact"),
        None => "contact".to_owned(),
    };
    let most = format!("at most {} in {}", counted(u64::from(cap.contacts), &on), cap.per);
    let earlier: Vec<_> = cap.earlier.iter().map(|e| place.times.say(&e.at)).collect();
    let earlier = match earlier.is_empty() {
        true => "none so far".to_owned(),
        false => some_of(&earlier, NAMED),
    };
    match &cap.free_at {
        Some(free_at) => format!("{most}: {earlier}; free again {}", place.say(free_at)),
        None => format!("{most}: {earlier}"),
    }
}

fn quiet(gate: &Passage, place: &Place<'_>) -> String {
    let Looked::Quiet { ignored, nightly, days, zone, own_zone, leaves_at, expires } = &gate.looked
    else {
        return String::new();
    };
    if *ignored {
        let none = nightly.is_none() && days.is_empty();
        return if none { "there are none" } else { "the topic ignores them" }.to_owned();
    }
    let nightly = nightly.as_ref().map(|(from, to)| format!("{from}-{to}"));
    let days = (!days.is_empty()).then(|| days.join(", "));
    let hours: Vec<_> = nightly.into_iter().chain(days).collect();
    let whose = if *own_zone { "" } else { ", the pack's zone" };
    let hours = format!("{} in {}{whose}", hours.join(" and "), city(zone));
    if !gate.passes {
        let (first, until) = (place.say(leaves_at), place.times.say(expires));
        return format!("{hours}; first decent minute {first}; worth saying until {until}");
    }
    match *leaves_at > place.times.as_of {
        true => format!("{hours}: it waits for the first decent minute, {}", place.say(leaves_at)),
        false => {
            let zone: Tz = zone.parse().unwrap_or(place.times.zone);
            let local = leaves_at.with_timezone(&zone).format("%H:%M");
            format!("{hours}: it is {local} there")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CustomerId, Earlier, Span, SubjectId, parse_instant};

    fn at(text: &str) -> Instant {
        parse_instant(text).unwrap()
    }

    fn told(passes: bool, looked: Looked) -> String {
        let times = Times { zone: Tz::Europe__Berlin, as_of: at("1998-05-07T09:00:00Z") };
        let email = Channel(Channel::EMAIL.to_owned());
        let abroad = Some(Tz::Europe__Lisbon);
        let place = Place {
            rule: &RuleId::from("thank-you"),
            channel: &email,
            abroad,
            mute_read: "customer.tickets.open = 0",
            times: &times,
        };
        let rows = rows(&[Passage { passes, looked }], &place);
        rows.iter().map(|row| row.join("  ")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn evidence_is_told_also_where_it_lets_somebody_pass() {
        let earlier = |day: u32| Earlier {
            rule: RuleId::from("churn-risk"),
            at: at(&format!("1998-04-{day}T08:00:00Z")),
        };
        let cap = |free_at| CapLooked {
            contacts: 4,
            per: Span::days(30),
            channel: Some(Channel("email".to_owned())),
            earlier: [12, 19, 28].map(earlier).to_vec(),
            free_at,
        };
        let episode = |times, reminder: Option<&str>, last_at: Option<&str>| Looked::Episode {
            since: at("1998-05-05T09:00:00Z"),
            due: None,
            times,
            last_at: last_at.map(at),
            reminder: reminder.map(at),
            told_now: None,
            last_word: false,
        };
        let rival = |rule: &str, priority| Rival {
            rule: RuleId::from(rule),
            priority,
            customer_id: CustomerId::from("RANCH"),
            subject: SubjectId::from("11040"),
        };
        let rank = |winner, behind| Looked::Rank {
            ignored: false,
            priority: 30,
            winner,
            ahead: Vec::new(),
            behind,
        };
        let cooldown = |contacted: Option<&str>| Looked::Cooldown {
            lasts: Some(Span::days(60)),
            contacted: contacted.map(at),
            until: contacted.map(|contacted| at(contacted) + Span::days(60).delta()),
        };
        let lines = [
            told(
                false,
                Looked::Cap {
                    ignored: false,
                    caps: vec![cap(Some(at("1998-05-12T08:00:00Z"))), cap(None)],
                },
            ),
            told(true, Looked::Cap { ignored: true, caps: Vec::new() }),
            told(true, episode(1, Some("1998-05-06T09:00:00Z"), Some("1998-05-05T09:00:00Z"))),
            told(false, episode(1, Some("1998-05-08T09:00:00Z"), Some("1998-05-07T08:00:00Z"))),
            told(false, episode(2, None, Some("1998-05-07T08:00:00Z"))),
            told(false, rank(Some(rival("stalled-order", 80)), Vec::new())),
            told(true, rank(None, vec![rival("win-back", 20)])),
            told(false, rank(Some(rival("thank-you", 30)), Vec::new())),
            told(true, rank(None, vec![rival("thank-you", 30)])),
            told(false, cooldown(Some("1998-05-01T09:00:00Z"))),
            told(true, cooldown(None)),
            told(
                true,
                Looked::Mute {
                    condition: Some("customer.tickets.open > 0".to_owned()),
                    read: Default::default(),
                },
            ),
            told(true, Looked::Joins { subject: SubjectId::from("11040") }),
            told(true, Looked::Suppression { applies: None, others: 2 }),
            told(
                false,
                Looked::Suppression {
                    applies: Some(Suppressed {
                        topic: Some("offers".to_owned()),
                        cause: SuppressionCause::Refused,
                        since: at("1998-05-01T09:00:00Z"),
                        customer_id: Some(CustomerId::from("RANCH")),
                        recipient: None,
                    }),
                    others: 0,
                },
            ),
            told(
                true,
                Looked::Consent {
                    topic: Some("security".to_owned()),
                    consent: Some(Consent::Always),
                    agreed: false,
                    refused_by: Some(CustomerId::from("RANCH")),
                },
            ),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
