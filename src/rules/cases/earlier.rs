//! Who contacted the customer before a case begins.

use super::words;
use crate::document::{Section, wrong_value};
use crate::domain::{Channel, RuleId, Span, SubjectId};

/// A contact before the case plays.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierContact {
    /// Whose idea it was.
    pub rule: RuleId,
    /// How long before `as_of`.
    pub ago: Span,
    /// How it went; e-mail where left out.
    pub channel: Channel,
    /// What it was about; the case's own subject where left out.
    pub subject: Option<SubjectId>,
}

/// Reads a case's `contacts`.
pub(super) fn read(case: &Section<'_>) -> Vec<EarlierContact> {
    case.sections("contacts").iter().filter_map(one).collect()
}

fn one(section: &Section<'_>) -> Option<EarlierContact> {
    section.only(&["rule", "ago", "channel", "subject"]);
    let (rule, ago) = (words(section, "rule"), section.parsed::<Span>("ago"));
    if let Some(value) = section.get("ago").filter(|_| ago.is_some_and(|ago| ago.delta().is_zero()))
    {
        let error = "what was before the case was some time ago";
        section.report(wrong_value(section.place_of(value), "ago", error));
    }
    for key in ["rule", "ago"] {
        if section.lacks(key) {
            section.missing(
                format!("an earlier contact needs `{key}`"),
                "write `{ rule = \"churn-risk\", ago = \"1h\" }`",
            );
        }
    }
    let channel = words(section, "channel").unwrap_or_else(|| Channel::EMAIL.to_owned());
    let subject = section.cell("subject");
    Some(EarlierContact {
        rule: rule?.as_str().into(),
        ago: ago?,
        channel: Channel(channel),
        subject: subject.map(|value| SubjectId::from(value.to_string())),
    })
}
