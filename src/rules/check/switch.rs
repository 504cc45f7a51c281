//! `switch`: each of its cases, as far as Rhai's syntax tree keeps them. It keeps the numbers of
//! ranges, and of all other cases only what they hash to; so their kinds are read from the text.

use rhai::{Expr, Position, SwitchCasesCollection};

use super::known::Known;
use super::scene::Scene;
use super::{Checker, Outcome};
use crate::domain::Value;
use crate::rules::source::{Source, Spot};

impl Checker<'_> {
    pub(super) fn switch(
        &mut self,
        value: &Expr,
        cases: &SwitchCasesCollection,
        at: Position,
        scene: Scene,
    ) -> Option<Outcome> {
        let value_spot = self.source.spot(value);
        let value = self.expression(value, scene);
        self.labels(&value, value_spot);
        let mut ways = Vec::new();
        for case in &cases.expressions {
            let way = match &case.lhs {
                Expr::BoolConstant(..) => Some(value.after.clone()),
                guard => {
                    let guard = self.expression(guard, value.after.clone());
                    self.truth(&guard, "`if`").0
                }
            };
            ways.extend(way.and_then(|scene| self.going_on(&case.rhs, scene)));
        }
        if cases.def_case.is_none() {
            let spot = self.source.word(at);
            let why = "this `switch` gives nothing where no case fits";
            ways.push(self.left_out(why, spot, value.after));
        }
        self.anyone(ways)
    }

    /// Reports the first case that the value can't be.
    fn labels(&mut self, value: &Outcome, after: Spot) {
        for (label, spot) in self.source.labels(after.1) {
            let known = Known::value(&label);
            if super::compare::are_strangers(&value.known, &known) {
                self.never_the_case(value, &known, spot);
                return;
            }
        }
    }
}

impl Source {
    /// The cases of the `switch` whose value ends here, as far as they are plain values.
    fn labels(&self, from: usize) -> Vec<(Value, Spot)> {
        let mut labels = Vec::new();
        let words = (from..).map_while(|number| Some((number, self.said(number)?)));
        let (mut depth, mut in_label) = (0, true);
        for (number, text) in words.skip_while(|(_, text)| *text != "{").skip(1) {
            match text {
                "{" | "#{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" if depth == 0 => break,
                "}" if depth == 1 => {
                    depth = 0;
                    in_label = true;
                }
                "}" | ")" | "]" => depth -= 1,
                "," if depth == 0 => in_label = true,
                "=" if depth == 0 => in_label = false,
                "if" if depth == 0 => in_label = false,
                _ if depth == 0 && in_label => {
                    let is_range = self.said(number + 1) == Some(".");
                    match value(text) {
                        Some(value) if !is_range => labels.push((value, (number, number + 1))),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        labels
    }
}

fn value(text: &str) -> Option<Value> {
    match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ if text.len() >= 2 && text.starts_with('"') => {
            Some(Value::Text(text[1..text.len() - 1].to_owned()))
        }
        _ => (text.parse().map(Value::Int).ok())
            .or_else(|| text.parse().map(Value::Float).ok())
            .filter(|_| text.starts_with(|c: char| c.is_ascii_digit())),
    }
}
