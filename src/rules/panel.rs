//! Several rules that look at the same subjects, judged together: by columns as far as their typed
//! forms go, and by Rhai on every row of which those can't be sure. The answer is always Rhai's.

use super::{Engine, Judged, Rule, sandbox};
use crate::domain::{Batch, Instant};
use crate::predicate::{Program, Verdict};

/// Rules that are judged together.
pub struct Panel<'r> {
    engine: &'r Engine,
    /// None for a rule that is left out.
    rules: Vec<Option<&'r Rule>>,
    program: Program,
}

impl Engine {
    /// Rules that look at the same subjects. What their conditions share is judged once.
    pub fn panel<'r>(&'r self, rules: impl IntoIterator<Item = &'r Rule>) -> Panel<'r> {
        let rules: Vec<&Rule> = rules.into_iter().collect();
        let program = Program::new(rules.iter().map(|rule| &rule.condition));
        Panel { engine: self, rules: rules.into_iter().map(Some).collect(), program }
    }
}

impl Panel<'_> {
    /// What [`Engine::judge`] says of each rule, in their order.
    pub fn judge(&self, batch: &Batch, as_of: Instant) -> Vec<Judged> {
        let moment = self.engine.moment(as_of);
        let verdicts = self.program.judge(batch, &moment, sandbox::TEXT_BYTES);
        let judge = |(rule, verdict): (&Option<&Rule>, Verdict)| match rule {
            Some(rule) => self.settle(rule, verdict, batch, as_of),
            None => Judged::default(),
        };
        self.rules.iter().zip(verdicts).map(judge).collect()
    }

    /// Judges a rule no more: from now on nothing is found of it. The others keep their places.
    pub fn leave_out(&mut self, number: usize) {
        self.rules[number] = None;
    }

    /// Asks Rhai about the rows that are not settled.
    fn settle(&self, rule: &Rule, verdict: Verdict, batch: &Batch, as_of: Instant) -> Judged {
        let Verdict { yes, unsure } = verdict;
        if unsure.is_empty() {
            return Judged { matched: yes, errors: Vec::new() };
        }
        let mut judged = self.engine.judge_rows(rule, batch, unsure, as_of);
        judged.matched.extend(yes);
        judged.matched.sort_unstable();
        judged
    }
}
