//! The functions by which rules count time: `days_since`, `hours_until` and their like.
//! They count from `as_of` and never from a clock.

use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use super::row::with_row;
use super::row_error::describe;
use crate::predicate::{TimeFunction, Told};

/// Their names.
pub(super) const NAMES: [&str; 5] = [
    FUNCTIONS[0].name(),
    FUNCTIONS[1].name(),
    FUNCTIONS[2].name(),
    FUNCTIONS[3].name(),
    FUNCTIONS[4].name(),
];

/// What one of them gives, in a sentence.
pub(super) fn told(name: &str) -> &'static str {
    match name {
        "days_since" => {
            "Calendar days from a date or an instant until the run, in the pack's time zone."
        }
        "days_until" => {
            "Calendar days from the run until a date or an instant, in the pack's time zone."
        }
        "hours_since" => "Whole hours from a date or an instant until the run.",
        "hours_until" => "Whole hours from the run until a date or an instant.",
        _ => {
            "Whole hours at work, by policy's working hours, from a date or an instant until the run."
        }
    }
}

/// What each of them counts.
pub(super) const FUNCTIONS: [TimeFunction; 5] = [
    TimeFunction::DaysSince,
    TimeFunction::DaysUntil,
    TimeFunction::HoursSince,
    TimeFunction::HoursUntil,
    TimeFunction::WorkingHoursSince,
];

/// Registers them. `()` gives `()`.
pub(super) fn register(engine: &mut rhai::Engine) {
    for (name, function) in NAMES.into_iter().zip(FUNCTIONS) {
        engine.register_fn(name, move |context: NativeCallContext, value: Dynamic| {
            count_from(&context, &value, function)
        });
    }
}

fn count_from(
    context: &NativeCallContext,
    value: &Dynamic,
    function: TimeFunction,
) -> Result<Dynamic, Box<EvalAltResult>> {
    if value.is_unit() {
        return Ok(Dynamic::UNIT);
    }
    let told = value.as_immutable_string_ref().ok().and_then(|text| Told::read(&text));
    let Some(told) = told else {
        return Err(format!(
            "`{}` needs a date such as \"1998-05-07\" or an instant such as \"1998-05-07T09:00:00Z\", and got {}",
            context.fn_name(),
            describe(value),
        )
        .into());
    };
    with_row(context.tag(), |row| Ok(row.moment.count(function, told).into()))
}
