//! Expressions by chance, of a kind that they are meant to have and mostly have.

use super::super::script::{Node, form, leaf};
use super::{Given, Grower, Kind};

const COMPARISONS: [&str; 9] =
    ["¤ == ¤", "¤ == ¤", "¤ != ¤", "¤ > ¤", "¤ > ¤", "¤ >= ¤", "¤ >= ¤", "¤ < ¤", "¤ <= ¤"];

impl Grower<'_> {
    /// An expression of a kind; now and then of another one.
    pub(super) fn expression(&mut self, kind: Kind, depth: usize) -> Node {
        let kind = if self.chance.percent(3) { self.some_kind() } else { kind };
        if kind == Kind::Bool && depth > 0 {
            return self.condition(depth);
        }
        if depth == 0 || self.chance.percent(30) {
            return self.simple(kind);
        }
        match self.chance.below(20) {
            0 | 1 => self.given(kind, depth),
            2 => self.choice(kind, depth),
            3 | 4 => self.fallback(kind, depth),
            _ => match kind {
                Kind::Int | Kind::Float => self.amount(kind, depth),
                Kind::Text => self.words(depth),
                Kind::Time => self.simple(kind),
                Kind::Bool => self.condition(depth),
                Kind::Any => {
                    let kind = self.some_kind();
                    self.simple(kind)
                }
            },
        }
    }

    /// A field, a name or a value that is written out.
    fn simple(&mut self, kind: Kind) -> Node {
        let fits = |(_, of): &&(String, Kind)| *of == kind || kind == Kind::Any;
        let of = match self.chance.below(100) {
            0..=54 => &self.fields,
            55..=69 => &self.names,
            70 => return leaf("()"),
            _ => return self.literal(kind),
        };
        let fitting: Vec<_> = of.iter().filter(fits).collect();
        if fitting.is_empty() {
            return self.literal(kind);
        }
        leaf(self.chance.pick(&fitting).0.clone())
    }

    /// A field of this kind, if there is one.
    pub(super) fn field(&mut self, kind: Kind) -> Node {
        let fitting: Vec<_> = self.fields.iter().filter(|(_, of)| *of == kind).collect();
        match fitting.is_empty() {
            true => self.simple(kind),
            false => leaf(self.chance.pick(&fitting).0.clone()),
        }
    }

    /// What is an operand: in parentheses, unless it is one word.
    fn operand(&mut self, kind: Kind, depth: usize) -> Node {
        match self.expression(kind, depth) {
            Node::Leaf(text) => leaf(text),
            other => form("(¤)", [other]),
        }
    }

    fn condition(&mut self, depth: usize) -> Node {
        match self.chance.below(100) {
            0..=29 => self.comparison(depth - 1),
            30..=49 if depth > 1 => self.joined(depth - 1),
            30..=55 => self.count_of_time(),
            56..=61 => form("!¤", [self.operand(Kind::Bool, depth - 1)]),
            62..=67 => self.one_of(depth - 1),
            68..=71 => self.within(depth - 1),
            72..=78 => self.question(),
            79..=84 => {
                let field = self.some_field();
                form(self.chance.pick(&["¤ == ()", "¤ != ()"]), [field])
            }
            85..=88 if depth > 1 => self.choice(Kind::Bool, depth - 1),
            89..=91 => self.given(Kind::Bool, depth - 1),
            92 => self.switched(),
            _ => self.simple(Kind::Bool),
        }
    }

    pub(super) fn some_field(&mut self) -> Node {
        match self.fields.len() {
            0 => self.simple(Kind::Any),
            count => leaf(self.fields[self.chance.below(count)].0.clone()),
        }
    }

    fn comparison(&mut self, depth: usize) -> Node {
        let kind = match self.chance.below(10) {
            0..=5 => self.number(),
            6 | 7 => Kind::Text,
            _ => self.some_kind(),
        };
        let other = match (kind, self.chance.below(10)) {
            (Kind::Int | Kind::Float, 0..=3) => self.number(),
            (_, 4) => self.some_kind(),
            _ => kind,
        };
        let a = self.operand(kind, depth);
        let b = match self.chance.percent(60) {
            true => self.literal(other),
            false => self.operand(other, depth),
        };
        form(self.chance.pick(&COMPARISONS), [a, b])
    }

    fn joined(&mut self, depth: usize) -> Node {
        let parts = (0..self.chance.weighted(&[(6, 2), (3, 3), (1, 4)]))
            .map(|_| self.operand(Kind::Bool, depth))
            .collect();
        let between = self.chance.pick(&[" && ", " && ", " || "]);
        Node::Many("", between, "", parts)
    }

    /// `days_since(…) >= 7` and its like.
    fn count_of_time(&mut self) -> Node {
        let count = self.time_function();
        let number = match self.chance.below(10) {
            0 => self.literal(Kind::Float),
            _ => self.literal(Kind::Int),
        };
        let comparison = self.chance.pick(&COMPARISONS);
        match self.chance.below(8) {
            0 => form(comparison, [number, count]),
            1 => form("(¤ ?? ¤) > ¤", [count, self.literal(Kind::Int), number]),
            2 => form("¤ in ¤..¤", [count, self.plain_int(), self.plain_int()]),
            _ => form(comparison, [count, number]),
        }
    }

    fn time_function(&mut self) -> Node {
        const FUNCTIONS: [&str; 7] = [
            "days_since(¤)",
            "days_since(¤)",
            "days_until(¤)",
            "days_until(¤)",
            "hours_since(¤)",
            "hours_until(¤)",
            "working_hours_since(¤)",
        ];
        let of = match self.chance.below(20) {
            0 => self.simple(Kind::Any),
            1 | 2 => self.expression(Kind::Time, 1),
            _ => self.field(Kind::Time),
        };
        form(self.chance.pick(&FUNCTIONS), [of])
    }

    fn one_of(&mut self, depth: usize) -> Node {
        let kind = self.some_kind();
        let value = self.operand(kind, depth);
        let mut items = Vec::new();
        for _ in 0..self.chance.below(5) {
            let kind = if self.chance.percent(15) { self.some_kind() } else { kind };
            items.push(if self.chance.percent(92) {
                self.literal(kind)
            } else {
                self.simple(kind)
            });
        }
        let list = Node::Many("[", ", ", "]", items);
        match self.chance.below(12) {
            0 => form("¤.contains(¤)", [list, value]),
            1 => form("!(¤ in ¤)", [value, list]),
            2 => form("¤ !in ¤", [value, list]),
            _ => form("¤ in ¤", [value, list]),
        }
    }

    fn plain_int(&mut self) -> Node {
        leaf(self.chance.between(-2, 12).to_string())
    }

    fn within(&mut self, depth: usize) -> Node {
        let value = match self.chance.below(8) {
            0 => self.operand(Kind::Float, depth),
            1 => self.operand(Kind::Any, depth),
            _ => self.operand(Kind::Int, depth),
        };
        let (from, to) = match self.chance.below(10) {
            0 => (self.literal(Kind::Int), self.simple(Kind::Int)),
            1 => (self.literal(Kind::Int), self.literal(Kind::Int)),
            _ => (self.plain_int(), self.plain_int()),
        };
        form(self.chance.pick(&["¤ in ¤..¤", "¤ in ¤..=¤"]), [value, from, to])
    }

    /// A question about a text.
    fn question(&mut self) -> Node {
        let text = match self.chance.below(10) {
            0 => self.operand(Kind::Any, 0),
            1 => form("(¤)", [self.words(1)]),
            2 => self.field(Kind::Time),
            _ => self.field(Kind::Text),
        };
        let part = match self.chance.below(8) {
            0 => self.simple(Kind::Text),
            _ => self.literal(Kind::Text),
        };
        const QUESTIONS: [&str; 4] =
            ["¤.contains(¤)", "¤.starts_with(¤)", "¤.ends_with(¤)", "contains(¤, ¤)"];
        match self.chance.below(8) {
            0 => form("¤ in ¤", [part, text]),
            1 | 2 => form("¤.len() >= ¤", [text, self.plain_int()]),
            3 => form("(¤ ?? \"\").starts_with(¤)", [text, part]),
            _ => form(self.chance.pick(&QUESTIONS), [text, part]),
        }
    }

    fn choice(&mut self, kind: Kind, depth: usize) -> Node {
        let condition = self.expression(Kind::Bool, depth.min(2));
        let (a, b) = (self.expression(kind, depth - 1), self.expression(kind, depth - 1));
        match self.chance.below(6) {
            0 => {
                let (other, c) = (self.expression(Kind::Bool, 1), self.expression(kind, 0));
                form("if ¤ { ¤ } else if ¤ { ¤ } else { ¤ }", [condition, a, other, b, c])
            }
            1 => form("{ let v8 = ¤; if ¤ { v8 } else { ¤ } }", [a, condition, b]),
            _ => form("if ¤ { ¤ } else { ¤ }", [condition, a, b]),
        }
    }

    fn fallback(&mut self, kind: Kind, depth: usize) -> Node {
        let value = self.operand(kind, depth - 1);
        let otherwise = match self.chance.percent(70) {
            true => self.literal(kind),
            false => self.operand(kind, depth - 1),
        };
        form("¤ ?? ¤", [value, otherwise])
    }

    /// A call of one of the script's own functions.
    fn given(&mut self, kind: Kind, depth: usize) -> Node {
        // What the rows are called here.
        let row = |field: &str| {
            let names = self.fields.iter().filter_map(|(name, _)| name.strip_suffix(field));
            names.map(str::to_owned).next()
        };
        let (customer, item) = (row(".i0"), row(".i3"));
        let callable = |given: &Given| match given {
            Given::Customer => customer.is_some(),
            Given::Item => item.is_some(),
            Given::Value(_) => true,
        };
        let fitting = (self.helpers.iter())
            .find(|helper| helper.gives == kind && helper.given.iter().all(callable))
            .map(|helper| (helper.name.clone(), helper.given.clone()));
        let Some((name, given)) = fitting else { return self.simple(kind) };
        let mut parts = Vec::new();
        for given in given {
            parts.push(match given {
                Given::Customer => leaf(customer.clone().unwrap_or_default()),
                Given::Item => leaf(item.clone().unwrap_or_default()),
                Given::Value(kind) => self.expression(kind, depth.min(1)),
            });
        }
        form("¤¤", [leaf(name), Node::Many("(", ", ", ")", parts)])
    }

    /// A calculation, or a count.
    fn amount(&mut self, kind: Kind, depth: usize) -> Node {
        const CALCULATIONS: [&str; 8] =
            ["¤ + ¤", "¤ + ¤", "¤ - ¤", "¤ - ¤", "¤ * ¤", "¤ / ¤", "¤ % ¤", "¤ ** ¤"];
        let (a, b) = (self.operand(kind, depth - 1), self.operand(kind, depth - 1));
        match self.chance.below(20) {
            0 | 1 => form("-¤", [a]),
            2 | 3 => self.time_function(),
            4 => form("¤.len()", [self.field(Kind::Text)]),
            5 => form(self.chance.pick(&["¤.abs()", "min(¤, 3)", "¤.to_float()"]), [a]),
            6 => form("(¤ ?? 0) + ¤", [a, b]),
            7 => form("+¤", [a]),
            8 => form("(¤?.len() ?? 0)", [self.field(Kind::Text)]),
            _ => {
                let count = if self.chance.percent(10) { 8 } else { 7 };
                let at = self.chance.below(count);
                form(CALCULATIONS[at], [a, b])
            }
        }
    }

    /// A text that is made of others.
    fn words(&mut self, depth: usize) -> Node {
        let text = self.operand(Kind::Text, depth - 1);
        match self.chance.below(9) {
            0 => form("¤.to_upper()", [text]),
            1 => form("¤.to_lower()", [text]),
            2 => form("¤.sub_string(0, 2)", [text]),
            3 => form("`<${¤}>`", [text]),
            4 => form("{ let v7 = ¤; v7.trim(); v7 }", [text]),
            5 => {
                let other = self.some_kind();
                form("¤ + ¤", [text, self.simple(other)])
            }
            _ => form("¤ + ¤", [text, self.operand(Kind::Text, depth - 1)]),
        }
    }

    fn switched(&mut self) -> Node {
        let of = self.some_field();
        let (a, b) = (self.plain_int(), self.literal(Kind::Text));
        let guard = self.comparison(0);
        form(
            "switch ¤ { ¤ => true, ¤ | 5 if ¤ => false, 6..9 => true, _ => false }",
            [of, a, b, guard],
        )
    }
}
