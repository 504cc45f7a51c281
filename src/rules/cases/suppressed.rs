//! What the customer of a case is not to hear any more, whatever the company's data say.

use super::words;
use crate::document::{Section, wrong_value};
use crate::domain::{Span, SuppressionCause};

/// A suppression, as `lookout suppress`, an opt-out link or a bounce enters it.
#[derive(Clone, Debug, PartialEq)]
pub struct Suppressed {
    /// The topic; none for all.
    pub topic: Option<String>,
    /// Why.
    pub cause: SuppressionCause,
    /// How long before the case or the step.
    pub ago: Span,
}

const CAUSES: [&str; 3] = ["refused", "bounce", "erasure"];

/// Reads `suppressed = [{ topic = "service" }]`.
pub(super) fn read(section: &Section<'_>) -> Vec<Suppressed> {
    section.sections("suppressed").iter().filter_map(one).collect()
}

fn one(section: &Section<'_>) -> Option<Suppressed> {
    section.only(&["topic", "cause", "ago"]);
    let topic = words(section, "topic");
    let cause = match section.text("cause") {
        None => SuppressionCause::Refused,
        Some(cause) => SuppressionCause::from_name(&cause.value).or_else(|| {
            let error = format!("`{}` is no cause; there are {}", cause.value, CAUSES.join(", "));
            section.report(wrong_value(cause.place, "cause", error));
            None
        })?,
    };
    let ago = match section.has("ago") {
        true => section.parsed("ago")?,
        false => Span::days(0),
    };
    Some(Suppressed { topic, cause, ago })
}
