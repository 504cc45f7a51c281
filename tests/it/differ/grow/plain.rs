//! Conditions like those that people write: a field beside a value, some of them joined. They are
//! what databases are asked to judge by themselves.

use super::super::script::{Node, form, leaf};
use super::{Grower, Kind};

const COMPARISONS: [&str; 8] =
    ["¤ == ¤", "¤ != ¤", "¤ > ¤", "¤ > ¤", "¤ >= ¤", "¤ >= ¤", "¤ < ¤", "¤ <= ¤"];

impl Grower<'_> {
    /// A condition that reads a field wherever it can.
    pub(super) fn plain_condition(&mut self, depth: usize) -> Node {
        if depth > 0 && self.chance.percent(60) {
            let count = self.chance.weighted(&[(6, 2), (3, 3)]);
            let mut parts = Vec::new();
            for _ in 0..count {
                let part = self.plain_condition(depth - 1);
                parts.push(if matches!(part, Node::Many(..)) {
                    form("(¤)", [part])
                } else {
                    part
                });
            }
            let between = self.chance.pick(&[" && ", " && ", " || "]);
            return Node::Many("", between, "", parts);
        }
        match self.chance.below(24) {
            0..=6 => self.plain_comparison(),
            7..=11 => self.plain_time(),
            12 => form("!(¤)", [self.plain_condition(0)]),
            13 | 14 => self.plain_list(),
            15 => {
                let (from, to) = (self.chance.between(-3, 7), self.chance.between(0, 12));
                let range = self.chance.pick(&["..", "..="]);
                form("¤ in ¤", [self.field(Kind::Int), leaf(format!("{from}{range}{to}"))])
            }
            16 => form(self.chance.pick(&["¤ == ()", "¤ != ()"]), [self.some_field()]),
            17 | 18 => self.plain_sum(),
            19 => {
                let kind = self.plain_kind();
                let (field, value) = (self.field(kind), self.literal(kind));
                form("(¤ ?? ¤) ¤", [field, value, self.plain_tail(kind)])
            }
            20 => form(
                "if ¤ { ¤ } else { ¤ }",
                [self.plain_comparison(), self.plain_comparison(), self.plain_time()],
            ),
            21 => {
                let texts =
                    self.chance.pick(&["¤.contains(¤)", "¤.starts_with(¤)", "¤.ends_with(¤)"]);
                form(texts, [self.field(Kind::Text), self.literal(Kind::Text)])
            }
            22 => form("¤.len() >= ¤", [self.field(Kind::Text), self.plain_number()]),
            _ => self.field(Kind::Bool),
        }
    }

    fn plain_kind(&mut self) -> Kind {
        self.chance.pick(&[Kind::Int, Kind::Float, Kind::Text, Kind::Text, Kind::Bool, Kind::Time])
    }

    fn plain_number(&mut self) -> Node {
        leaf(self.chance.between(0, 12).to_string())
    }

    fn plain_tail(&mut self, kind: Kind) -> Node {
        let value = self.literal(kind);
        form(self.chance.pick(&["== ¤", "!= ¤", "> ¤", ">= ¤", "< ¤", "<= ¤"]), [value])
    }

    /// A field beside a value, now and then of another kind, or beside another field.
    fn plain_comparison(&mut self) -> Node {
        let kind = if self.chance.percent(10) { Kind::Any } else { self.plain_kind() };
        let other = match (kind, self.chance.below(12)) {
            (Kind::Int | Kind::Float, 0..=3) => self.chance.pick(&[Kind::Int, Kind::Float]),
            (_, 4) => self.plain_kind(),
            _ => kind,
        };
        let field = self.field(kind);
        let value = if self.chance.percent(15) { self.field(other) } else { self.literal(other) };
        let (a, b) = if self.chance.percent(10) { (value, field) } else { (field, value) };
        form(self.chance.pick(&COMPARISONS), [a, b])
    }

    fn plain_time(&mut self) -> Node {
        const FUNCTIONS: [&str; 7] = [
            "days_since(¤) ¤",
            "days_since(¤) ¤",
            "days_until(¤) ¤",
            "days_until(¤) ¤",
            "hours_since(¤) ¤",
            "hours_until(¤) ¤",
            "working_hours_since(¤) ¤",
        ];
        let field = self.field(Kind::Time);
        let tail = self.plain_tail(Kind::Int);
        form(self.chance.pick(&FUNCTIONS), [field, tail])
    }

    fn plain_list(&mut self) -> Node {
        let kind = self.plain_kind();
        let mut items = Vec::new();
        for _ in 0..self.chance.below(4) {
            let kind = if self.chance.percent(15) { self.plain_kind() } else { kind };
            items.push(self.literal(kind));
        }
        form("¤ in ¤", [self.field(kind), Node::Many("[", ", ", "]", items)])
    }

    /// A small calculation with whole numbers, most often.
    fn plain_sum(&mut self) -> Node {
        let kind = self.chance.pick(&[Kind::Int, Kind::Int, Kind::Int, Kind::Float]);
        let a = self.field(kind);
        let b = if self.chance.percent(50) { self.field(kind) } else { self.plain_number() };
        let sums = ["¤ + ¤", "¤ - ¤", "¤ * ¤", "¤ / ¤", "¤ % ¤", "-¤ - ¤", "(¤ ?? 0) + ¤"];
        let sum = form(self.chance.pick(&sums), [a, b]);
        let other = if self.chance.percent(15) { self.field(kind) } else { self.plain_number() };
        form(self.chance.pick(&COMPARISONS), [sum, other])
    }
}
