//! How values are said in the reader's language: the filters `date`, `datetime`, `number`, `money`
//! and `plural`. No value of a customer gets into an error.

use chrono_tz::Tz;
use icu_locale_core::LanguageIdentifier;
use minijinja::value::{Kwargs, Object, Value};
use minijinja::{Environment, Error, ErrorKind, State};

use super::dates::{Calendar, Form, Moment};
use super::{dates, numbers};
use crate::domain::nearest;

/// The name under which a template finds the voice. No author can write it down: their names
/// would be looked for in the signals.
pub(super) const NAME: &str = "__voice";

/// The language and the place in which values are said.
#[derive(Clone, Debug)]
pub(super) struct Voice {
    pub(super) locale: LanguageIdentifier,
    pub(super) timezone: Tz,
}

impl Object for Voice {}

impl Voice {
    /// The reader's own locale, as long as the words are in its language: whoever reads English in
    /// London gets British dates, and whoever gets English for want of Thai gets English ones.
    pub(super) fn new(words: &LanguageIdentifier, reader: Option<&str>, timezone: Tz) -> Self {
        let own = reader.and_then(super::locale::parse);
        let locale = own.filter(|own| own.language == words.language);
        Self { locale: locale.unwrap_or_else(|| words.clone()), timezone }
    }
}

/// Adds the filters.
pub(super) fn teach(engine: &mut Environment<'static>) {
    engine.add_filter("date", date);
    engine.add_filter("datetime", datetime);
    engine.add_filter("number", number);
    engine.add_filter("money", money);
    engine.add_filter("plural", plural);
}

/// A value with which a filter works, to try what it is given besides; none for any other filter.
pub(super) fn sample(filter: &str) -> Option<&'static str> {
    match filter {
        "date" => Some("'2026-01-02'"),
        "datetime" => Some("'2026-01-02T03:04:05Z'"),
        "number" | "money" | "plural" => Some("2"),
        _ => None,
    }
}

/// `{{ order.order_date | date }}`, `| date("long")`, `| date(calendar="gregorian")`.
fn date(state: &State, value: &Value, form: Option<&str>, more: Kwargs) -> Result<String, Error> {
    let voice = voice(state)?;
    let calendar = calendar(&more)?;
    let form = self::form(form)?;
    let day = match moment(value, "date")? {
        Moment::Day(day) => day,
        Moment::Instant(at) => at.with_timezone(&voice.timezone).date_naive(),
    };
    dates::day(&voice.locale, day, form, calendar).ok_or_else(|| failed("date"))
}

/// `{{ ticket.opened_at | datetime }}`, in the reader's time zone.
fn datetime(
    state: &State,
    value: &Value,
    form: Option<&str>,
    more: Kwargs,
) -> Result<String, Error> {
    let voice = voice(state)?;
    let calendar = calendar(&more)?;
    let form = self::form(form)?;
    let Moment::Instant(at) = moment(value, "datetime")? else {
        return Err(wrong("this is a day without a time; `| date` says it"));
    };
    let local = at.with_timezone(&voice.timezone).naive_local();
    dates::day_and_time(&voice.locale, local, form, calendar).ok_or_else(|| failed("datetime"))
}

/// `{{ customer.orders | number }}`, with two decimals `| number(2)`.
fn number(state: &State, value: &Value, decimals: Option<u8>) -> Result<String, Error> {
    let voice = voice(state)?;
    if decimals.is_some_and(|decimals| decimals > 20) {
        return Err(wrong("a number has at most 20 decimals here"));
    }
    let number = amount(value, "number")?;
    numbers::number(&voice.locale, number, decimals).ok_or_else(|| failed("number"))
}

/// `{{ invoice.total | money("EUR") }}`
fn money(state: &State, value: &Value, currency: Option<&str>) -> Result<String, Error> {
    let voice = voice(state)?;
    let Some(currency) = currency else {
        return Err(wrong("money needs its currency: money(\"EUR\")"));
    };
    if !numbers::is_currency(currency) {
        return Err(wrong(
            "there is no such currency; write its three letters of ISO 4217: money(\"EUR\")",
        ));
    }
    let number = amount(value, "money")?;
    numbers::money(&voice.locale, number, currency).ok_or_else(|| failed("money"))
}

/// `{{ n | plural("one order", "# orders") }}`, or by the categories of the language:
/// `plural(one="…", few="…", many="…", other="…")`. `#` is the number.
fn plural(
    state: &State,
    value: &Value,
    one: Option<&str>,
    other: Option<&str>,
    more: Kwargs,
) -> Result<String, Error> {
    let voice = voice(state)?;
    let mut words = [None; 6];
    for (slot, name) in words.iter_mut().zip(numbers::CATEGORIES) {
        *slot = more.get::<Option<&str>>(name)?;
    }
    more.assert_all_used().map_err(|_| {
        let names = numbers::CATEGORIES.join(", ");
        wrong(&format!("plural knows {names}, and nothing else"))
    })?;
    words[numbers::ONE] = words[numbers::ONE].or(one);
    words[numbers::OTHER] = words[numbers::OTHER].or(other);
    if words[numbers::OTHER].is_none() {
        return Err(wrong(
            "plural needs words for one and for others: plural(\"one order\", \"# orders\")",
        ));
    }
    let number = amount(value, "plural")?;
    numbers::plural(&voice.locale, number, &words).ok_or_else(|| failed("plural"))
}

fn voice(state: &State) -> Result<Voice, Error> {
    let found = state.lookup(NAME);
    let voice = found.as_ref().and_then(|found| found.downcast_object_ref::<Voice>()).cloned();
    voice.ok_or_else(|| wrong("nothing says here who reads it"))
}

fn moment(value: &Value, filter: &str) -> Result<Moment, Error> {
    is_there(value, filter)?;
    let read = value.as_str().and_then(Moment::read);
    read.ok_or_else(|| wrong(&format!("`| {filter}` takes a date or an instant, and this is none")))
}

fn amount(value: &Value, filter: &str) -> Result<numbers::Decimal, Error> {
    is_there(value, filter)?;
    let read = value.is_number().then(|| numbers::read(&value.to_string())).flatten();
    read.ok_or_else(|| wrong(&format!("`| {filter}` takes a number, and this is none")))
}

fn is_there(value: &Value, filter: &str) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(wrong(&format!("`| {filter}` is given a name that is not known here")));
    }
    if value.is_none() {
        return Err(wrong(&format!(
            "`| {filter}` has nothing to say: the value is absent; put it between {{% if … %}} \
             and {{% endif %}}"
        )));
    }
    Ok(())
}

fn form(form: Option<&str>) -> Result<Form, Error> {
    let Some(text) = form else { return Ok(Form::Medium) };
    Form::NAMES.into_iter().find(|(name, _)| *name == text).map(|(_, form)| form).ok_or_else(|| {
        let names = Form::NAMES.map(|(name, _)| name);
        let meant = match nearest(text, names) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", names.join(", ")),
        };
        wrong(&format!("a date has no form `{text}`; {meant}"))
    })
}

fn calendar(more: &Kwargs) -> Result<Option<Calendar>, Error> {
    let calendar = match more.get::<Option<&str>>("calendar")? {
        None => None,
        Some("gregorian") => Some(Calendar::Gregory),
        Some("buddhist") => Some(Calendar::Buddhist),
        Some(other) => {
            let message = format!("the calendars are gregorian and buddhist, not `{other}`");
            return Err(wrong(&message));
        }
    };
    more.assert_all_used().map_err(|_| wrong("a date takes a form and a calendar"))?;
    Ok(calendar)
}

fn failed(filter: &str) -> Error {
    wrong(&format!("`| {filter}` can't say this in the language of the reader"))
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}
