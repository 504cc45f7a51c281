//! The customers that every engine judges: 25 columns, a third of them with gaps, from a fixed seed.
//! Nobody in them is real.

use chrono::{Days, NaiveDate};

use crate::dry_run::measure::data::Random;

/// The day of the run, counted from 1970-01-01; it is 2024-05-07.
pub const TODAY: i64 = 19_850;

/// One customer as a row of a Rust program. Days are counted from 1970-01-01.
pub struct Customer {
    pub plan: String,
    pub registered_on: i32,
    pub seats: i32,
    pub country: Option<String>,
    pub last_login: Option<i32>,
    pub logins: i32,
    pub logins_before: i32,
    pub exports: Option<i32>,
    pub api_errors: i32,
    pub storage_share: Option<f64>,
    pub invited: i32,
    pub monthly: f64,
    pub overdue: f64,
    pub oldest_invoice: Option<i32>,
    pub failed_payments: i32,
    pub renews_on: i32,
    pub auto_renew: bool,
    pub discount: f64,
    pub open: i32,
    pub urgent: i32,
    pub reopened: i32,
    pub oldest_open: Option<i32>,
    pub last_answer: Option<i32>,
    pub satisfaction: Option<f64>,
    pub complaints: i32,
}

/// One column.
pub struct Column {
    /// Its name, which no other has.
    pub name: &'static str,
    /// The signal that gives it; none for the customers' own.
    pub signal: Option<&'static str>,
    /// What it holds.
    pub kind: Kind,
    /// Whether it has gaps.
    pub has_gaps: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int,
    Real,
    Text,
    Day,
}

/// One cell of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Absent,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(String),
    /// A day, counted from 1970-01-01.
    Day(i64),
}

const fn full(signal: Option<&'static str>, name: &'static str, kind: Kind) -> Column {
    Column { name, signal, kind, has_gaps: false }
}

const fn gaps(signal: Option<&'static str>, name: &'static str, kind: Kind) -> Column {
    Column { name, signal, kind, has_gaps: true }
}

const USAGE: Option<&str> = Some("usage");
const BILLING: Option<&str> = Some("billing");
const SUPPORT: Option<&str> = Some("support");

/// The columns, in the order of [`Customer::cells`].
pub const COLUMNS: [Column; 25] = [
    full(None, "plan", Kind::Text),
    full(None, "registered_on", Kind::Day),
    full(None, "seats", Kind::Int),
    gaps(None, "country", Kind::Text),
    gaps(USAGE, "last_login", Kind::Day),
    full(USAGE, "logins", Kind::Int),
    full(USAGE, "logins_before", Kind::Int),
    gaps(USAGE, "exports", Kind::Int),
    full(USAGE, "api_errors", Kind::Int),
    gaps(USAGE, "storage_share", Kind::Real),
    full(USAGE, "invited", Kind::Int),
    full(BILLING, "monthly", Kind::Real),
    full(BILLING, "overdue", Kind::Real),
    gaps(BILLING, "oldest_invoice", Kind::Day),
    full(BILLING, "failed_payments", Kind::Int),
    full(BILLING, "renews_on", Kind::Day),
    full(BILLING, "auto_renew", Kind::Bool),
    full(BILLING, "discount", Kind::Real),
    full(SUPPORT, "open", Kind::Int),
    full(SUPPORT, "urgent", Kind::Int),
    full(SUPPORT, "reopened", Kind::Int),
    gaps(SUPPORT, "oldest_open", Kind::Day),
    gaps(SUPPORT, "last_answer", Kind::Day),
    gaps(SUPPORT, "satisfaction", Kind::Real),
    full(SUPPORT, "complaints", Kind::Int),
];

/// So many customers, the same on every machine.
pub fn generate(count: usize) -> Vec<Customer> {
    let mut random = Random::new(25);
    (0..count).map(|_| Customer::generated(&mut random)).collect()
}

impl Customer {
    fn generated(random: &mut Random) -> Self {
        let plans = ["free", "free", "free", "free", "free", "basic", "basic", "basic", "business"];
        let countries = ["DE", "NL", "GB", "US", "TH", "FR", "ES", "IT", "SE", "PL"];
        let plan = if random.percent(4) { "enterprise" } else { random.pick(plans) };
        let owes = random.percent(10);
        let open = int(random, 0, 6);
        Self {
            plan: plan.to_owned(),
            registered_on: day(-random.between(0, 2000)),
            seats: int(random, 1, 201),
            country: known(random, 90).then(|| random.pick(countries).to_owned()),
            last_login: known(random, 95)
                .then(|| day(-random.between(0, 20) * random.between(0, 12))),
            logins: int(random, 0, 60),
            logins_before: int(random, 0, 60),
            exports: known(random, 70).then(|| int(random, 0, 20)),
            api_errors: int(random, 0, 100),
            storage_share: known(random, 80).then(|| random.between(0, 1000) as f64 / 1000.0),
            invited: int(random, 0, 10),
            monthly: random.between(0, 50_000) as f64 / 100.0,
            overdue: if owes { random.between(100, 100_000) as f64 / 100.0 } else { 0.0 },
            oldest_invoice: owes.then(|| day(-random.between(0, 100))),
            failed_payments: int(random, 0, 4),
            renews_on: day(random.between(0, 365)),
            auto_renew: random.percent(80),
            discount: random.between(0, 50) as f64 / 100.0,
            open,
            urgent: int(random, 0, 4),
            reopened: int(random, 0, 4),
            oldest_open: (open > 0).then(|| day(-random.between(0, 40))),
            last_answer: known(random, 80).then(|| day(-random.between(0, 30))),
            satisfaction: known(random, 50).then(|| random.between(10, 51) as f64 / 10.0),
            complaints: int(random, 0, 4),
        }
    }

    /// The row, in the order of [`COLUMNS`].
    pub fn cells(&self) -> [Cell; COLUMNS.len()] {
        [
            Cell::Text(self.plan.clone()),
            Cell::Day(self.registered_on.into()),
            Cell::Int(self.seats.into()),
            self.country.clone().map_or(Cell::Absent, Cell::Text),
            maybe_day(self.last_login),
            Cell::Int(self.logins.into()),
            Cell::Int(self.logins_before.into()),
            self.exports.map_or(Cell::Absent, |exports| Cell::Int(exports.into())),
            Cell::Int(self.api_errors.into()),
            self.storage_share.map_or(Cell::Absent, Cell::Real),
            Cell::Int(self.invited.into()),
            Cell::Real(self.monthly),
            Cell::Real(self.overdue),
            maybe_day(self.oldest_invoice),
            Cell::Int(self.failed_payments.into()),
            Cell::Day(self.renews_on.into()),
            Cell::Bool(self.auto_renew),
            Cell::Real(self.discount),
            Cell::Int(self.open.into()),
            Cell::Int(self.urgent.into()),
            Cell::Int(self.reopened.into()),
            maybe_day(self.oldest_open),
            maybe_day(self.last_answer),
            self.satisfaction.map_or(Cell::Absent, Cell::Real),
            Cell::Int(self.complaints.into()),
        ]
    }
}

/// A day as Lookout's signals hold it: `2024-05-07`.
pub fn date(day: i64) -> String {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap_or_default();
    (epoch + Days::new(day.unsigned_abs())).to_string()
}

fn maybe_day(day: Option<i32>) -> Cell {
    day.map_or(Cell::Absent, |day| Cell::Day(day.into()))
}

/// The day so many days after the run's.
fn day(after: i64) -> i32 {
    (TODAY + after) as i32
}

fn int(random: &mut Random, low: i64, high: i64) -> i32 {
    random.between(low, high) as i32
}

fn known(random: &mut Random, share: i64) -> bool {
    random.percent(share)
}
