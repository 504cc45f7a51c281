//! The messages whose words fail on the facts of their customers, found before they are sent. No
//! data of a customer is in what is said of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::{Alarm, Outreach, OutreachKey, RuleId};
use crate::pack::Pack;
use crate::templates::RenderError;

/// An outreach that can't be rendered.
pub(super) struct Unwritable {
    outreach: OutreachKey,
    rule: RuleId,
    is_task: bool,
    error: RenderError,
}

/// The titles of outreaches: of what can't be rendered, why; and all of that.
pub(super) fn look<'o>(
    pack: &Pack,
    outreaches: impl IntoIterator<Item = &'o Outreach>,
) -> (BTreeMap<OutreachKey, String>, Vec<Unwritable>) {
    let (mut titles, mut unwritable) = (BTreeMap::new(), Vec::new());
    for outreach in outreaches {
        let title = match pack.message(outreach, None) {
            Ok(message) => message.subject,
            Err(error) => {
                let title = error.instead();
                let (rule, is_task) = (outreach.rule.clone(), outreach.channel.is_task());
                let outreach = outreach.key.clone();
                unwritable.push(Unwritable { outreach, rule, is_task, error });
                title
            }
        };
        titles.insert(outreach.key.clone(), title);
    }
    (titles, unwritable)
}

/// What somebody has to look at, each reason once.
pub(super) fn alarms(unwritable: &[Unwritable]) -> Vec<Alarm> {
    let mut alike: BTreeMap<(&RuleId, bool, String), usize> = BTreeMap::new();
    for one in unwritable {
        *alike.entry((&one.rule, one.is_task, one.error.to_string())).or_default() += 1;
    }
    let alarm = |((rule, is_task, error), count): ((&RuleId, bool, String), usize)| {
        let what = if is_task { "task" } else { "message" };
        let whole = super::wording::counted(count as u64, what);
        let fails = match (count, is_task) {
            (1, false) => "it would fail when it is sent",
            (_, false) => "they would fail when they are sent",
            (1, true) => "it would fail when it is due",
            (_, true) => "they would fail when they are due",
        };
        let message = format!("{whole} can't be written: {error}; {fails}");
        let help = "mend the template, for what may be absent with a default: \
                    {{ customer.name | default(\"you\") }}";
        Alarm::new("unwritable", message, help.to_owned(), [rule])
    };
    alike.into_iter().map(alarm).collect()
}

/// The same for programs.
pub(super) fn json(unwritable: &[Unwritable]) -> Vec<Value> {
    let told = |one: &Unwritable| {
        let mut told = error(&one.error);
        told["outreach"] = json!(one.outreach);
        told["rule"] = json!(one.rule);
        told
    };
    unwritable.iter().map(told).collect()
}

/// Why words can't be written, for programs.
pub(super) fn error(error: &RenderError) -> Value {
    json!({
        "file": error.place.file.display().to_string(),
        "line": error.place.line,
        "error": error.message,
    })
}
