//! The books: the state database joined with what the servers accepted. Everything that is wrong
//! is named, with its key; nothing here trusts the program's own words.

use std::collections::{BTreeMap, BTreeSet};

use super::company::Company;
use super::journal::{self, Change};

/// Where an outreach may go from a state.
const WAYS: [(&str, &[&str]); 11] = [
    ("", &["held", "ready", "sent"]),
    ("held", &["ready", "withdrawn", "expired"]),
    ("ready", &["claimed", "expired", "withdrawn", "held", "sent"]),
    ("claimed", &["transmitting", "ready", "retry", "sent", "failed", "expired", "withdrawn"]),
    ("transmitting", &["sent", "retry", "failed", "uncertain"]),
    ("retry", &["claimed", "expired", "withdrawn", "failed"]),
    ("withdrawn", &["ready", "held", "sent"]),
    ("uncertain", &["sent"]),
    ("sent", &[]),
    ("failed", &[]),
    ("expired", &[]),
];

/// The rolling window of the company's one cap, in microseconds, and how many fit in it.
const CAP: (i64, usize) = (24 * 3600 * 1_000_000, 2);

/// What the books say.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// How many outreaches there are in each state.
    pub(crate) states: BTreeMap<String, usize>,
    /// How many messages servers accepted, and how many of those twice.
    pub(crate) accepted: usize,
    pub(crate) accepted_twice: usize,
    /// Everything that is wrong, a line each.
    pub(crate) wrong: Vec<String>,
}

impl Checked {
    pub(crate) fn count(&self, state: &str) -> usize {
        self.states.get(state).copied().unwrap_or_default()
    }

    /// Fails with everything that is wrong.
    pub(crate) fn assert_fine(self, about: &str) -> Self {
        let (shown, all) = (self.wrong.iter().take(20), self.wrong.len());
        let shown: Vec<_> = shown.map(String::as_str).collect();
        assert!(self.wrong.is_empty(), "{about}: {all} wrong\n{}", shown.join("\n"));
        self
    }
}

/// An outreach in the state database.
struct Outreach {
    channel: String,
    state: String,
}

/// Checks the books when all is quiet. `in_flight` are the outreaches that the server may have had
/// when a worker was killed or stopped: only an e-mail among them may be uncertain.
pub(crate) fn check(company: &Company, in_flight: &BTreeSet<String>) -> Checked {
    let state = &company.state;
    let rows = state.ask("SELECT key, channel, state FROM outreaches");
    let outreaches: BTreeMap<String, Outreach> = rows
        .into_iter()
        .map(|row| {
            let [key, channel, state] = <[String; 3]>::try_from(row).unwrap();
            (key, Outreach { channel, state })
        })
        .collect();
    let mut checked = Checked::default();
    for outreach in outreaches.values() {
        *checked.states.entry(outreach.state.clone()).or_default() += 1;
    }
    check_ends(company, &outreaches, in_flight, &mut checked);
    check_servers(company, &outreaches, &mut checked);
    check_decisions(company, &outreaches, &mut checked);
    check_contacts(company, &mut checked);
    check_caps(company, &mut checked);
    check_journal(company, &outreaches, &mut checked);
    for key in journal::begun_afterwards(state) {
        checked.wrong.push(format!("{key} began to leave after somebody it is for had opted out"));
    }
    checked
}

/// Nothing is under way any more, and what is in doubt was in flight.
fn check_ends(
    company: &Company,
    outreaches: &BTreeMap<String, Outreach>,
    in_flight: &BTreeSet<String>,
    checked: &mut Checked,
) {
    for (key, Outreach { channel, state }) in outreaches {
        match state.as_str() {
            "sent" | "withdrawn" => {}
            "failed" if company.is_returned(key) => {}
            "uncertain" if channel != "email" => {
                checked.wrong.push(format!("{key} on {channel} is uncertain"));
            }
            "uncertain" if !in_flight.contains(key) => {
                checked.wrong.push(format!("{key} is uncertain, and was not in flight"));
            }
            "uncertain" => {}
            _ => checked.wrong.push(format!("{key} on {channel} ended {state}")),
        }
    }
}

/// What is sent was accepted, once; what was accepted is sent or in doubt.
fn check_servers(
    company: &Company,
    outreaches: &BTreeMap<String, Outreach>,
    checked: &mut Checked,
) {
    let books = [
        ("email", company.mail.book.keys()),
        ("sms", company.web.book.keys()),
        ("fax", company.faxes()),
    ];
    for (channel, keys) in books {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for key in &keys {
            *times.entry(key).or_default() += 1;
        }
        checked.accepted += times.len();
        for (key, times) in &times {
            match outreaches.get(*key) {
                None => checked.wrong.push(format!("{key} was accepted and is no outreach")),
                Some(outreach) if outreach.channel != channel => {
                    checked.wrong.push(format!("{key} came by {channel}"));
                }
                Some(outreach)
                    if !["sent", "uncertain"].contains(&outreach.state.as_str())
                        && !company.is_returned(key) =>
                {
                    checked.wrong.push(format!("{key} was accepted and is {}", outreach.state));
                }
                Some(_) if *times > 1 && channel == "email" => {
                    checked.accepted_twice += 1;
                    checked.wrong.push(format!("{key} was accepted {times} times"));
                }
                Some(_) => {}
            }
        }
        let sent = outreaches.iter().filter(|(_, o)| o.channel == channel && o.state == "sent");
        for (key, _) in sent.filter(|(key, _)| !times.contains_key(key.as_str())) {
            checked.wrong.push(format!("{key} is sent, and nobody accepted it"));
        }
    }
}

/// Every candidate of every run has one decision in one counted state, and what it led to is there.
fn check_decisions(
    company: &Company,
    outreaches: &BTreeMap<String, Outreach>,
    checked: &mut Checked,
) {
    const OUTCOMES: [&str; 5] = ["contact", "deferred", "refused", "held", "task"];
    let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
    let decisions = "SELECT run, outcome, reason, outreach, rule, subject FROM decisions";
    for row in company.state.ask(decisions) {
        let [run, outcome, reason, outreach, rule, subject] = <[String; 6]>::try_from(row).unwrap();
        let about = format!("{rule} {subject} in run {run}: {outcome}");
        if matches!(outcome.as_str(), "refused" | "held") == reason.is_empty() {
            checked.wrong.push(format!("{about} because of `{reason}`"));
        }
        let leads_somewhere = matches!(outcome.as_str(), "contact" | "deferred" | "task");
        if leads_somewhere && !outreaches.contains_key(&outreach) {
            checked.wrong.push(format!("{about}, and no outreach `{outreach}`"));
        }
        *found.entry((run, outcome)).or_default() += 1;
    }
    for row in company.state.ask("SELECT as_of, report FROM runs") {
        let report: serde_json::Value = serde_json::from_str(&row[1]).unwrap();
        let total = |name: &str| report["totals"][name].as_u64().unwrap();
        let mut all = 0;
        for outcome in OUTCOMES {
            let count = found.remove(&(row[0].clone(), outcome.to_owned())).unwrap_or_default();
            all += count;
            if count != total(outcome) {
                let said = total(outcome);
                checked.wrong.push(format!("run {}: {count} {outcome}, said {said}", row[0]));
            }
        }
        if all != total("candidates") {
            checked.wrong.push(format!("run {}: {all} decided of its candidates", row[0]));
        }
    }
    for ((run, outcome), count) in found {
        checked.wrong.push(format!("run {run} has {count} decisions `{outcome}` of nobody"));
    }
}

/// Every event is told about once and no more, and every task of an outreach is there once.
fn check_contacts(company: &Company, checked: &mut Checked) {
    let told = "SELECT c.subject, COUNT(*) FROM contacts c JOIN outreaches o ON o.key = c.outreach
         WHERE o.state <> 'withdrawn' GROUP BY c.subject";
    let told: BTreeMap<String, String> =
        company.state.ask(told).into_iter().map(|mut row| (row.remove(0), row.remove(0))).collect();
    for event in 0..company.events() {
        match told.get(&event.to_string()).map(String::as_str) {
            Some(_) if company.is_gone(event) => {
                checked.wrong.push(format!("event {event} came to nothing, and was told"));
            }
            None if company.is_gone(event) || company.is_silenced(event) => {}
            Some("1") => {}
            Some(times) => checked.wrong.push(format!("event {event} is told about {times} times")),
            None => checked.wrong.push(format!("event {event} is lost")),
        }
    }
    let freed = "SELECT c.dedupe_key FROM contacts c JOIN outreaches o ON o.key = c.outreach
         WHERE o.state = 'withdrawn'";
    for row in company.state.ask(freed) {
        checked.wrong.push(format!("contact {} is with a withdrawn outreach", row[0]));
    }
    let tasks = "SELECT o.key, o.state, COUNT(t.id) FROM outreaches o
         LEFT JOIN tasks t ON t.outreach = o.key WHERE o.channel IN ('task', 'phone')
         GROUP BY o.key, o.state";
    for row in company.state.ask(tasks) {
        if (row[1] == "sent") != (row[2] == "1") {
            checked.wrong.push(format!("{} is {}, with {} tasks", row[0], row[1], row[2]));
        }
    }
}

/// Nobody is contacted more often than the cap allows in any rolling window.
fn check_caps(company: &Company, checked: &mut Checked) {
    let contacts = "SELECT DISTINCT r.recipient, c.at, c.outreach FROM contacts c
         JOIN outreach_recipients r ON r.outreach = c.outreach
         JOIN outreaches o ON o.key = c.outreach
         WHERE c.channel <> 'task' AND o.state <> 'withdrawn'";
    let mut by_recipient: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in company.state.ask(contacts) {
        by_recipient.entry(row[0].clone()).or_default().push(row[1].parse().unwrap());
    }
    for (recipient, mut at) in by_recipient {
        at.sort_unstable();
        if at.windows(CAP.1 + 1).any(|some| some[CAP.1] - some[0] < CAP.0) {
            checked.wrong.push(format!("{recipient} is contacted more often than the cap allows"));
        }
    }
}

/// Every change of state is one of those that there are, by whoever held the outreach then.
fn check_journal(
    company: &Company,
    outreaches: &BTreeMap<String, Outreach>,
    checked: &mut Checked,
) {
    let mut now: BTreeMap<&str, (&str, i64)> = BTreeMap::new();
    let changes = journal::read(&company.state);
    for Change { what, was, state, fence } in &changes {
        if state == "suppressed" {
            continue;
        }
        let (before, held) = now.get(what.as_str()).copied().unwrap_or_default();
        let ways = WAYS.iter().find(|(from, _)| from == was).map_or(&[][..], |(_, to)| *to);
        let came_back = was == "sent" && state == "failed" && company.is_returned(what);
        if was != before || !(ways.contains(&state.as_str()) || came_back) {
            checked.wrong.push(format!("{what} went from {was} ({before}) to {state}"));
        }
        if *fence != held + i64::from(state == "claimed") {
            checked.wrong.push(format!("{what} is {state} under {fence}, after {held}"));
        }
        now.insert(what, (state, *fence));
    }
    for (key, outreach) in outreaches {
        let last = now.get(key.as_str()).map(|(state, _)| *state);
        if last != Some(outreach.state.as_str()) {
            checked.wrong.push(format!("{key} is {}, the journal says {last:?}", outreach.state));
        }
    }
}
