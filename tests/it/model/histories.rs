//! Random histories: a pack's rules and policy, and what happens to its customers run by run.
//! Plain data that shrinks; nothing here knows how anything is decided.

use chrono::TimeDelta;
use proptest::prelude::*;

/// How many customers a history has: two of them share a mailbox, one has no valid address yet.
pub const CUSTOMERS: usize = 4;

/// A rule, as numbers of hours where it speaks of time.
#[derive(Clone, Debug)]
pub struct Rule {
    pub priority: u8,
    pub topic: &'static str,
    pub by_rows: bool,
    pub asks: &'static [&'static str],
    pub holds_for: Option<i64>,
    pub repeat: Option<i64>,
    pub reminders: u32,
    pub cooldown: Option<i64>,
    pub expires: i64,
}

/// At most so many contacts in so many hours.
#[derive(Clone, Debug)]
pub struct Cap {
    pub contacts: u32,
    pub hours: i64,
    pub channel: Option<&'static str>,
}

/// Who may be contacted when.
#[derive(Clone, Debug)]
pub struct Policy {
    pub caps: Vec<Cap>,
    /// From this hour to that, and the days (Monday is 0) that are quiet all day.
    pub quiet: Option<(u32, u32, Vec<u8>)>,
    /// How many messages of one rule, and of all, go out in a day without approval.
    pub hold: Option<(u64, u64)>,
    /// What the topic `security` ignores.
    pub lenient: &'static [&'static str],
}

/// What changes in the world before a run.
#[derive(Clone, Debug)]
pub enum Change {
    /// A rule begins to match, fails on, or no longer matches a subject of a customer.
    Subject(usize, usize, usize, Verdict),
    /// A customer agrees to offers, or takes it back.
    Agree(usize),
    /// A customer refuses one topic or all in the company's own data, or takes it back.
    Refuse(usize, Option<&'static str>),
    /// A customer has an open ticket: offers are muted; or it is closed.
    Ticket(usize),
    /// The customer without a valid address gets one.
    Correct,
    /// Somebody is suppressed in Lookout, by id or by address.
    Suppress(usize, bool, Option<&'static str>, &'static str),
    /// Somebody approves what is held of a rule, or takes it back.
    Approve(usize, bool),
    /// A rule is edited: an approval of it no longer fits.
    Edit(usize),
    /// And is no longer.
    Unsuppress(usize, bool, Option<&'static str>),
}

/// What a rule says of a subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    True,
    False,
    Raises,
}

/// How a worker fares with each of the outreaches that it takes, in turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    Sent,
    Failed,
    Retry,
    Uncertain,
    /// The worker is lost before, or after, the server may have it.
    Lost {
        transmitting: bool,
    },
}

/// One run and what happens around it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Minutes since the last step.
    pub after: i64,
    pub changes: Vec<Change>,
    /// Rules that are not due.
    pub idle: Vec<usize>,
    /// A rule that sits the run out.
    pub quarantined: Option<usize>,
    /// A worker comes so many minutes after the run.
    pub delivery: Option<(i64, Vec<Fate>)>,
}

/// A whole history.
#[derive(Clone, Debug)]
pub struct History {
    pub rules: Vec<Rule>,
    pub policy: Policy,
    pub steps: Vec<Step>,
}

pub fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}

/// What a rule may ask for each subject. `contact` is `contact()`.
const ASKS: [&[&str]; 9] = [
    &["email"],
    &["email"],
    &["sms"],
    &["phone"],
    &["task"],
    &["contact"],
    &["email", "task"],
    &["sms", "email"],
    &["task", "task"],
];

pub fn histories() -> impl Strategy<Value = History> {
    let rules = prop::collection::vec(rule(), 2..=3);
    let steps = prop::collection::vec(step(), 3..=9);
    (rules, policy(), steps).prop_map(|(rules, policy, steps)| History { rules, policy, steps })
}

fn rule() -> impl Strategy<Value = Rule> {
    let names = (
        prop::sample::select(vec![10u8, 50, 50, 90]),
        prop::sample::select(vec!["service", "service", "offers", "security"]),
        any::<bool>(),
        prop::sample::select(ASKS.to_vec()),
    );
    let times = (
        maybe(vec![24, 48]),
        maybe(vec![12, 24, 48]),
        1u32..=2,
        maybe(vec![24, 72]),
        prop::sample::select(vec![6i64, 24, 72]),
    );
    (names, times).prop_map(|((priority, topic, by_rows, asks), times)| {
        let (holds_for, repeat, reminders, cooldown, expires) = times;
        Rule { priority, topic, by_rows, asks, holds_for, repeat, reminders, cooldown, expires }
    })
}

/// Nothing, three times out of five.
fn maybe(hours: Vec<i64>) -> impl Strategy<Value = Option<i64>> {
    prop_oneof![3 => Just(None), 2 => prop::sample::select(hours).prop_map(Some)]
}

fn policy() -> impl Strategy<Value = Policy> {
    let cap = (1u32..=2, prop::sample::select(vec![24i64, 72]), any::<bool>()).prop_map(
        |(contacts, hours, all)| Cap { contacts, hours, channel: (!all).then_some("email") },
    );
    let quiet = prop_oneof![
        Just(None),
        Just(Some((20, 8, vec![]))),
        Just(Some((20, 8, vec![5, 6]))),
        Just(Some((1, 5, vec![2]))),
    ];
    let everything: &[&str] = &["quiet_hours", "cap", "outranked"];
    let lenient = prop::sample::select(vec![everything, &["outranked"], &["quiet_hours"], &[]]);
    let hold = prop::sample::select(vec![None, None, Some((1, 9)), Some((2, 3)), Some((9, 2))]);
    (prop::collection::vec(cap, 0..=2), quiet, hold, lenient)
        .prop_map(|(caps, quiet, hold, lenient)| Policy { caps, quiet, hold, lenient })
}

fn step() -> impl Strategy<Value = Step> {
    let idle = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(0..3usize, 1..=2)];
    let quarantined = prop_oneof![9 => Just(None), 1 => (0..3usize).prop_map(Some)];
    let fates = prop::collection::vec(fate(), 1..=4);
    let delivery = prop_oneof![1 => Just(None), 3 => (0i64..=180, fates).prop_map(Some)];
    let changes = prop::collection::vec(change(), 0..=8);
    (181i64..=3000, changes, idle, quarantined, delivery).prop_map(
        |(after, changes, idle, quarantined, delivery)| Step {
            after,
            changes,
            idle,
            quarantined,
            delivery,
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let customer = || 0..CUSTOMERS;
    let topic = || prop::sample::select(vec![None, Some("service"), Some("offers")]);
    let cause = prop::sample::select(vec!["refused", "refused", "bounce", "erasure"]);
    let verdict = prop_oneof![
        4 => Just(Verdict::True),
        2 => Just(Verdict::False),
        1 => Just(Verdict::Raises),
    ];
    prop_oneof![
        12 => (0..3usize, customer(), 0..2usize, verdict)
            .prop_map(|(rule, customer, row, verdict)| Change::Subject(rule, customer, row, verdict)),
        2 => customer().prop_map(Change::Agree),
        1 => (customer(), topic()).prop_map(|(customer, topic)| Change::Refuse(customer, topic)),
        1 => customer().prop_map(Change::Ticket),
        1 => Just(Change::Correct),
        1 => (customer(), any::<bool>(), topic(), cause)
            .prop_map(|(customer, by_id, topic, cause)| Change::Suppress(customer, by_id, topic, cause)),
        2 => (0..3usize, prop::sample::select(vec![true, true, true, false]))
            .prop_map(|(rule, yes)| Change::Approve(rule, yes)),
        1 => (0..3usize).prop_map(Change::Edit),
        1 => (customer(), any::<bool>(), topic())
            .prop_map(|(customer, by_id, topic)| Change::Unsuppress(customer, by_id, topic)),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Sent),
        1 => Just(Fate::Failed),
        1 => Just(Fate::Retry),
        1 => Just(Fate::Uncertain),
        1 => any::<bool>().prop_map(|transmitting| Fate::Lost { transmitting }),
    ]
}
