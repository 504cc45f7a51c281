//! Columns of `customers` that were probably meant to be one with a meaning of its own: `refusal`,
//! where `refusals` is what customers don't want to hear. A column that somebody reads means what its
//! reader makes of it, and is left alone.

use std::collections::BTreeSet;

use super::Pack;
use crate::domain::{Customer, Field, Place, Problem, slips};

/// What else the columns with a meaning are called. A slip of one letter is found without this list.
const OTHERWISE: [(&str, &[&str]); 6] = [
    ("consents", &["opt_in", "opt_ins", "optin", "opted_in"]),
    (
        "refusals",
        &[
            "refused",
            "refused_topics",
            "opt_out",
            "opt_outs",
            "optout",
            "opted_out",
            "unsubscribe",
            "unsubscribes",
            "unsubscribed",
            "do_not_contact",
            "suppressed",
            "suppressions",
        ],
    ),
    ("email", &["mail", "email_address", "emailaddress", "mail_address"]),
    ("phone", &["telephone", "phone_number", "phonenumber", "telephone_number"]),
    ("locale", &["language", "lang", "language_code", "preferred_language"]),
    ("timezone", &["tz", "tz_name", "timezone_name"]),
];

/// The columns of which a slip is looked for; what the others mean is small, or told elsewhere.
const MEANT: [&str; 7] =
    ["consents", "refusals", "email", "phone", "locale", "timezone", "preferred_channel"];

/// Words of their own that are one letter from a column's name.
const OWN_WORDS: [&str; 5] = ["content", "contents", "convent", "convents", "iphone"];

/// Without which of the columns somebody hears from us who said no.
const OPT_OUTS: [&str; 2] = ["consents", "refusals"];

/// One column that was probably meant to be another one.
struct Slip {
    given: String,
    meant: &'static str,
    /// Whether nothing else can be meant.
    is_certain: bool,
}

/// What the queries themselves show of the columns of `customers`.
pub(super) fn of_queries(pack: &Pack) -> Vec<Problem> {
    let mut problems = BTreeSet::new();
    for (given, maybe) in pack.signals.customers.columns_written() {
        let names: Vec<&str> = given.iter().map(|given| given.name.as_str()).collect();
        for slip in pack.slips(&names) {
            let is_given = |name: &str| name.eq_ignore_ascii_case(slip.meant);
            // What a database folds to small letters, and what it calls a value without a name, only
            // the database knows.
            if names.iter().copied().chain(maybe.iter().map(String::as_str)).any(is_given) {
                continue;
            }
            let place = given.iter().find(|given| given.name == slip.given);
            problems.extend(place.map(|given| problem(given.place.clone(), &slip)));
        }
    }
    problems.into_iter().collect()
}

impl Pack {
    /// What a database shows of the columns of `customers` that the queries themselves didn't.
    pub fn misspelt_columns(&self, columns: &[&str]) -> Vec<Problem> {
        let written = self.signals.customers.columns_written();
        let place = |name: &str| {
            let mut all = written.iter().flat_map(|(given, _)| given);
            let found = all.find(|given| given.name.eq_ignore_ascii_case(name));
            found.map_or_else(
                || Place::file(&self.signals.customers.file),
                |given| given.place.clone(),
            )
        };
        let slips = self.slips(columns);
        let found: Vec<Problem> =
            slips.iter().map(|slip| problem(place(&slip.given), slip)).collect();
        if found.is_empty() {
            return found;
        }
        let told = of_queries(self);
        found.into_iter().filter(|problem| !told.contains(problem)).collect()
    }

    /// Whether a column of `customers` is there, misspelt; then that is told.
    pub(super) fn is_misspelt<'n>(
        &self,
        column: &str,
        columns: impl Iterator<Item = &'n str>,
    ) -> bool {
        let columns: Vec<&str> = columns.collect();
        self.slips(&columns).iter().any(|slip| slip.meant == column)
    }

    fn slips(&self, columns: &[&str]) -> Vec<Slip> {
        let missing = MEANT.into_iter().filter(|meant| !columns.contains(meant));
        let strangers = columns.iter().filter(|name| !Customer::SPINE.contains(name));
        let unread: Vec<&str> = strangers.copied().filter(|name| !self.is_read(name)).collect();
        let slip = |meant: &'static str| {
            // That a column is missed is told where it is read.
            if !OPT_OUTS.contains(&meant) && self.is_read(meant) {
                return None;
            }
            let near = unread.iter().find(|name| is_near(name, meant));
            let other = || unread.iter().find(|name| is_otherwise(name, meant));
            let given = near.or_else(other)?;
            let is_certain = near.is_some() && OPT_OUTS.contains(&meant);
            Some(Slip { given: (*given).to_owned(), meant, is_certain })
        };
        missing.filter_map(slip).collect()
    }

    /// Whether a rule, its words or a topic's condition reads a column of `customers`.
    fn is_read(&self, column: &str) -> bool {
        let is_it = |field: &Field| matches!(field, Field::Customer(name) if name == column);
        let rules = self.rules.values().flat_map(|rule| rule.places.keys());
        rules
            .chain(self.mutes.values().flat_map(|mute| mute.reads()).collect::<Vec<_>>().iter())
            .any(is_it)
    }
}

fn is_near(name: &str, meant: &str) -> bool {
    let lower = name.to_lowercase();
    let singular = meant.strip_suffix('s').unwrap_or(meant);
    let bare = lower.replace('_', "");
    !OWN_WORDS.contains(&lower.as_str())
        && (slips(&lower, meant) <= 1 || slips(&lower, singular) <= 1 || bare == meant)
}

fn is_otherwise(name: &str, meant: &str) -> bool {
    let lower = name.to_lowercase();
    OTHERWISE.iter().any(|(of, names)| *of == meant && names.contains(&lower.as_str()))
}

fn problem(place: Place, slip: &Slip) -> Problem {
    let Slip { given, meant, is_certain } = slip;
    let message = match is_near(given, meant) {
        true => format!("`{given}` looks like `{meant}`, which means something to Lookout"),
        false => format!("`{given}` means nothing to Lookout, and nothing reads it"),
    };
    let cost = match *meant {
        "consents" => "as it stands, nobody has agreed to anything",
        "refusals" => "as it stands, nobody's refusal counts",
        "email" => "as it stands, nobody has an e-mail address",
        "phone" => "as it stands, nobody has a telephone number",
        "locale" => "as it stands, everybody reads the same language",
        "timezone" => "as it stands, quiet hours are those of policy.toml's zone for everybody",
        _ => "as it stands, nobody prefers a channel",
    };
    let help = match (*meant, is_near(given, meant)) {
        ("refusals", false) => format!(
            "{cost}; give the topics that a customer refused, with commas, '*' for all: \
             CASE WHEN {given} THEN '*' END AS refusals"
        ),
        ("consents", false) => format!(
            "{cost}; give the topics that a customer agreed to, with commas, '*' for all: \
             CASE WHEN {given} THEN '*' END AS consents"
        ),
        _ => format!("write AS {meant}; {cost}"),
    };
    let problem = match is_certain {
        true => Problem::error(place, "misspelt-column", message),
        false => Problem::finding(place, "misspelt-column", message),
    };
    problem.label(format!("did you mean `{meant}`?")).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_a_word_of_its_own_is_not() {
        for (name, meant) in [
            ("refusal", "refusals"),
            ("Refusals", "refusals"),
            ("refusl", "refusals"),
            ("consent", "consents"),
            ("consens", "consents"),
            ("local", "locale"),
            ("time_zone", "timezone"),
            ("prefered_channel", "preferred_channel"),
            ("e_mail", "email"),
        ] {
            assert!(is_near(name, meant), "{name}");
        }
        for name in ["content", "contents", "contacts", "concerts", "referrals", "refunds"] {
            assert!(!OPT_OUTS.iter().any(|meant| is_near(name, meant)), "{name}");
        }
        for name in ["zone", "phase", "space", "channel", "gmail_id", "location", "iphone"] {
            assert!(!MEANT.iter().any(|meant| is_near(name, meant)), "{name}");
        }
    }
}
