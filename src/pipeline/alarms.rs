//! What somebody has to look at before more goes out: each thing once, with what helps. An alarm
//! never changes a decision.

use std::collections::{BTreeMap, BTreeSet};

use super::RuleFound;
use crate::domain::{Alarm, Decided, HoldLimit, Problem, Refusal, RuleId};

/// The alarms of a run: what is held, what is no longer approved, what sits out.
pub(super) fn of(rules: &BTreeMap<RuleId, RuleFound>, decided: &Decided) -> Vec<Alarm> {
    let voided = decided.voided.iter().map(|(rule, messages)| void(rule, *messages));
    held(decided).into_iter().chain(voided).chain(sitting_out(rules)).collect()
}

fn held(decided: &Decided) -> Vec<Alarm> {
    let mut held: BTreeMap<(HoldLimit, u64, u64, Option<&RuleId>), BTreeSet<&RuleId>> =
        BTreeMap::new();
    for decision in &decided.decisions {
        if let Some(Refusal::Held { limit, contacts, allowed }) = &decision.refusal {
            let alone = (*limit != HoldLimit::Everything).then_some(&decision.rule);
            held.entry((*limit, *contacts, *allowed, alone)).or_default().insert(&decision.rule);
        }
    }
    let alarm = |((limit, contacts, allowed, alone), rules): (_, BTreeSet<&RuleId>)| {
        let limit: HoldLimit = limit;
        let (who, help) = match alone {
            Some(rule) => (format!("`{rule}`"), format!("lookout approve {rule}")),
            None => ("all rules together".to_owned(), "lookout approve".to_owned()),
        };
        let (contacts, allowed): (u64, u64) = (contacts, allowed);
        let message = format!(
            "{who}: {contacts} contacts in 24 hours, where {allowed} may go out without approval \
             ([hold] {}); none of them goes out",
            limit.name()
        );
        let help = format!("see what they are and approve or reject them: {help}");
        Alarm::new("held", message, help, rules)
    };
    held.into_iter().map(alarm).collect()
}

fn void(rule: &RuleId, messages: u64) -> Alarm {
    let them = if messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") };
    let message = format!(
        "the approval of {them} of `{rule}` no longer holds: the rule, its words or the policy \
         were edited since"
    );
    let help = format!("they were decided afresh; what is held now: lookout approve {rule}");
    Alarm::new("approval-void", message, help, [rule])
}

fn sitting_out(rules: &BTreeMap<RuleId, RuleFound>) -> Vec<Alarm> {
    let mut problems: BTreeMap<&Problem, BTreeSet<&RuleId>> = BTreeMap::new();
    for (rule, fared) in rules {
        for problem in fared.quarantine.iter().flat_map(|why| why.problems()) {
            problems.entry(problem).or_default().insert(rule);
        }
    }
    let alarm = |(problem, rules): (&Problem, BTreeSet<&RuleId>)| {
        let file = problem.place.file.display();
        let line = problem.place.line.map_or(String::new(), |line| format!(":{line}"));
        let names: Vec<&str> = rules.iter().map(|rule| rule.as_str()).collect();
        let names = names.join(", ");
        let message = format!("{file}{line}: {}; nothing goes out of {names}", problem.message);
        Alarm::new(problem.code, message, problem.help.clone(), rules)
    };
    problems.into_iter().map(alarm).collect()
}
