//! Scripts by chance: most mean something, some raise, some don't lower. Their parts stay apart, so
//! that a script that shows a mistake can be made small.

mod expressions;
mod plain;

use super::chance::Chance;
use super::company::{COLUMNS, Family};
use super::moment::When;
use super::script::{Node, form, leaf};
use super::values;

/// What an expression is meant to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Float,
    Text,
    Time,
    Any,
}

const KINDS: [Kind; 6] = [Kind::Bool, Kind::Int, Kind::Float, Kind::Text, Kind::Time, Kind::Any];

/// One script while it grows.
pub struct Grower<'a> {
    chance: &'a mut Chance,
    when: &'a When,
    is_keyed: bool,
    /// Every field that can be read here, as it is written.
    fields: Vec<(String, Kind)>,
    /// Every constant and variable that can be read here.
    names: Vec<(String, Kind)>,
    helpers: Vec<Helper>,
}

/// A function of the script's own.
struct Helper {
    name: String,
    /// What its parameters are: rows by their names, and values.
    given: Vec<Given>,
    gives: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Customer,
    Item,
    Value(Kind),
}

/// A whole rule.
pub fn rule(chance: &mut Chance, when: &When, is_keyed: bool) -> Node {
    let fields = fields("customer", is_keyed.then_some("item"));
    let names = Vec::new();
    let mut grower = Grower { chance, when, is_keyed, fields, names, helpers: Vec::new() };
    let mut top = Vec::new();
    if is_keyed {
        top.push(leaf("const ABOUT = \"items\";"));
    }
    for (name, kind) in
        [("LIMIT", Kind::Int), ("SHARE", Kind::Float), ("WORD", Kind::Text), ("DAY", Kind::Time)]
    {
        if grower.chance.percent(20) {
            let value = grower.literal(kind);
            top.push(Node::Many("const ", " = ", ";", vec![leaf(name), value]));
            grower.names.push((name.to_owned(), kind));
        }
    }
    for number in 0..grower.chance.weighted(&[(6, 0), (3, 1), (1, 2)]) {
        let helper = grower.helper(number);
        top.push(helper);
    }
    let body = match grower.chance.percent(45) {
        true => grower.plain_condition(2),
        false => grower.body(Kind::Bool),
    };
    let (when, then) = match is_keyed {
        true => ("fn when(customer, item) {\n    ¤\n}", "fn then(customer, item) { task(\"t\"); }"),
        false => ("fn when(customer) {\n    ¤\n}", "fn then(customer) { task(\"t\"); }"),
    };
    top.extend([form(when, [body]), leaf(then)]);
    Node::Many("", "\n", "\n", top)
}

/// What can be read of rows of these names.
fn fields(customer: &str, item: Option<&str>) -> Vec<(String, Kind)> {
    let kind = |family: Family| match family {
        Family::Int => Kind::Int,
        Family::Float => Kind::Float,
        Family::Text => Kind::Text,
        Family::Date | Family::Instant => Kind::Time,
        Family::Bool => Kind::Bool,
        Family::Any => Kind::Any,
    };
    let mut fields = vec![(format!("{customer}.customer_id"), Kind::Text)];
    for (signal, columns) in COLUMNS {
        let row = match (signal, item) {
            ("customers", _) => customer.to_owned(),
            ("items", None) => continue,
            ("items", Some(item)) => item.to_owned(),
            (signal, _) => format!("{customer}.{signal}"),
        };
        fields
            .extend(columns.iter().map(|(name, family)| (format!("{row}.{name}"), kind(*family))));
    }
    fields.extend(item.map(|item| (format!("{item}.no"), Kind::Int)));
    fields
}

impl Grower<'_> {
    fn some_kind(&mut self) -> Kind {
        self.chance.pick(&KINDS)
    }

    fn number(&mut self) -> Kind {
        self.chance.pick(&[Kind::Int, Kind::Int, Kind::Float])
    }

    /// A helper function; what it can read is what it is given.
    fn helper(&mut self, number: usize) -> Node {
        const PARAMETERS: [&str; 3] = ["a", "b", "c"];
        let count = self.chance.weighted(&[(6, 1), (3, 2), (1, 3)]);
        let mut given = Vec::new();
        for _ in 0..count {
            let row = !given.contains(&Given::Customer) && self.chance.percent(50);
            let item = self.is_keyed && !given.contains(&Given::Item) && self.chance.percent(30);
            given.push(match (item, row) {
                (true, _) => Given::Item,
                (false, true) => Given::Customer,
                (false, false) => Given::Value(self.some_kind()),
            });
        }
        let gives = self.chance.pick(&[Kind::Bool, Kind::Bool, Kind::Int, Kind::Text, Kind::Time]);
        let (mut inside, mut names) = (Vec::new(), self.names.clone());
        for (name, given) in PARAMETERS.iter().zip(&given) {
            match given {
                Given::Customer => inside.extend(fields(name, None)),
                Given::Item => {
                    inside.extend(
                        fields("-", Some(name)).into_iter().filter(|f| !f.0.starts_with('-')),
                    );
                }
                Given::Value(kind) => names.push(((*name).to_owned(), *kind)),
            }
        }
        let outer = std::mem::replace(&mut self.fields, inside);
        let outer_names = std::mem::replace(&mut self.names, names);
        let body = self.body(gives);
        self.fields = outer;
        self.names = outer_names;
        let name = format!("h{number}");
        let head = format!("fn {name}({}) {{\n    ", PARAMETERS[..count].join(", "));
        self.helpers.push(Helper { name, given, gives });
        form("¤¤\n}", [leaf(head), body])
    }

    /// A function's body that gives this.
    fn body(&mut self, gives: Kind) -> Node {
        let outer = self.names.len();
        let mut lines = Vec::new();
        match self.chance.below(100) {
            0..=54 => {}
            55..=74 => (0..self.chance.between(1, 2)).for_each(|n| lines.push(self.variable(n))),
            75..=84 => (0..self.chance.between(1, 2)).for_each(|_| lines.push(self.way_out(gives))),
            85..=93 => return self.score(gives, outer),
            _ => lines.extend(self.round()),
        }
        if self.chance.percent(5) {
            lines.push(self.way_out(gives));
        }
        if self.chance.percent(8) {
            lines.push(self.step());
        }
        let depth = self.chance.weighted(&[(3, 1), (5, 2), (4, 3), (2, 4)]);
        let last = self.expression(gives, depth);
        lines.push(match self.chance.below(20) {
            0 => form("return ¤;", [last]),
            1 => form("¤;", [last]),
            _ => last,
        });
        self.names.truncate(outer);
        Node::Many("", "\n    ", "", lines)
    }

    /// `let v0 = …;`, which may never be read, or hide another.
    fn variable(&mut self, number: i64) -> Node {
        let kind = self.some_kind();
        let value = self.expression(kind, 2);
        let name = if self.chance.percent(15) { "v0".to_owned() } else { format!("v{number}") };
        self.names.push((name.clone(), kind));
        let word = self.chance.pick(&["let", "let", "let", "const"]);
        form("¤¤;", [leaf(format!("{word} {name} = ")), value])
    }

    /// A statement that changes a variable, or a block with variables of its own.
    fn step(&mut self) -> Node {
        let kind = self.some_kind();
        let (condition, value) = (self.expression(Kind::Bool, 1), self.expression(kind, 1));
        let changed = self.names.iter().rev().find(|(name, _)| name.starts_with(['v', 'a', 'b']));
        let Some((name, _)) = changed.cloned() else {
            return form("{ let v6 = ¤; if ¤ { v6 = (); } }", [value, condition]);
        };
        let name = || leaf(name.clone());
        match self.chance.below(6) {
            0 => form("¤ = ¤;", [name(), value]),
            1 => form("if ¤ { let v6 = ¤; ¤ = v6; }", [condition, value, name()]),
            2 => form("{ let ¤ = ¤; if ¤ { ¤ = (); } }", [name(), value, condition, name()]),
            3 => form(
                "if ¤ { ¤ = ¤; } else if ¤ { ¤ += 1; }",
                [condition, name(), value, self.expression(Kind::Bool, 1), name()],
            ),
            4 => form(
                "if ¤ { if ¤ { ¤ = ¤; } }",
                [self.expression(Kind::Bool, 1), condition, name(), value],
            ),
            _ => form("¤ = if ¤ { ¤ } else { ¤ };", [name(), condition, value, name()]),
        }
    }

    fn way_out(&mut self, gives: Kind) -> Node {
        let (condition, value) = (self.expression(Kind::Bool, 2), self.expression(gives, 1));
        match self.chance.below(5) {
            0 => {
                let other = self.expression(gives, 1);
                form(
                    "if ¤ { return ¤; } else if ¤ { return ¤; }",
                    [condition, value, self.expression(Kind::Bool, 1), other],
                )
            }
            1 => form("if ¤ { let v9 = ¤; return v9; }", [condition, value]),
            _ => form("if ¤ { return ¤; }", [condition, value]),
        }
    }

    /// A sum of points, and whether there are enough of them.
    fn score(&mut self, gives: Kind, outer: usize) -> Node {
        let kind = self.number();
        let start = self.literal(kind);
        let mut lines = vec![form("let sum = ¤;", [start])];
        for _ in 0..self.chance.between(1, 3) {
            let condition = self.expression(Kind::Bool, 2);
            let points = self.expression(kind, 1);
            lines.push(match self.chance.below(8) {
                0 => form("if ¤ { sum = ¤; }", [condition, points]),
                1 => form("if ¤ { sum -= ¤; } else { sum += 1; }", [condition, points]),
                2 => form("sum += ¤;", [points]),
                3 => form("sum *= if ¤ { 2 } else { ¤ };", [condition, points]),
                _ => form("if ¤ { sum += ¤; }", [condition, points]),
            });
        }
        self.names.push(("sum".to_owned(), kind));
        lines.push(match gives {
            Kind::Bool => form("sum >= ¤", [self.literal(kind)]),
            _ => self.expression(gives, 1),
        });
        self.names.truncate(outer);
        Node::Many("", "\n    ", "", lines)
    }

    /// What goes round or catches: none of it lowers.
    fn round(&mut self) -> Vec<Node> {
        let value = self.expression(Kind::Int, 1);
        let lines = match self.chance.below(5) {
            0 => vec![leaf("let sum = 0;"), form("for n in 0..3 { sum += ¤; }", [value])],
            1 => vec![leaf("let sum = 0;"), form("for n in [1, 2, ¤] { sum += n; }", [value])],
            2 => vec![
                leaf("let sum = 0;"),
                form("while sum < 3 { sum += 1; if sum == ¤ { break; } }", [value]),
            ],
            3 => vec![form("let sum = 0; try { sum = ¤; } catch { sum = -1; }", [value])],
            _ => vec![form("let sum = [¤, 2, 3].len();", [value])],
        };
        self.names.push(("sum".to_owned(), Kind::Int));
        lines
    }

    /// A value that is written out.
    fn literal(&mut self, kind: Kind) -> Node {
        match kind {
            Kind::Bool => leaf(self.chance.pick(&["true", "false"])),
            Kind::Int => values::some_int(self.chance),
            Kind::Float => values::some_float(self.chance),
            Kind::Text => values::some_text(self.chance),
            Kind::Time => values::some_date(self.chance, self.when),
            Kind::Any => {
                let kind = self.chance.pick(&[Kind::Bool, Kind::Int, Kind::Float, Kind::Text]);
                self.literal(kind)
            }
        }
    }
}
