//! Definitions for the Rhai language server: what a rule may read and call, as files that an editor
//! reads. Nothing here is read by Lookout itself.

use std::fmt::Write;

use super::{dates, sandbox, verbs};
use crate::domain::{Absence, Field, FieldType, Kind};

/// A kind of row that rules look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Its signal.
    pub signal: String,
    /// What rules call it; `customer` for the spine.
    pub called: Vec<String>,
    /// Its columns.
    pub columns: Vec<(String, Option<FieldType>)>,
}

/// The definition files of a pack, by name: what Rhai itself gives, and what Lookout adds. `spine` is a
/// customer, `one_row` the signals with one row a customer, `keyed` those with many.
pub fn definitions(
    spine: &Shape,
    one_row: &[Shape],
    keyed: &[Shape],
) -> [(&'static str, String); 2] {
    [("lookout.d.rhai", of_pack(spine, one_row, keyed)), ("rhai.d.rhai", of_language())]
}

/// The functions of Rhai's own packages that a rule can call.
fn of_language() -> String {
    let engine = sandbox::bare_engine();
    let written = engine.definitions().with_headers(true).static_module();
    let mut lines = String::from("/// What Rhai itself gives to a rule.\n");
    let mut is_refused = false;
    // A function that a rule can't call is left out with what is said of it.
    let mut said = String::new();
    for line in written.lines() {
        if line.starts_with("///") {
            let _ = writeln!(said, "{line}");
            continue;
        }
        let name = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        is_refused = name.map_or(is_refused && line.is_empty(), |name| {
            sandbox::REFUSED.contains(&name)
                || !rhai::is_valid_identifier(name.trim_start_matches("get "))
        });
        if !is_refused {
            lines.push_str(&said);
            let _ = writeln!(lines, "{line}");
        }
        said.clear();
    }
    lines
}

fn of_pack(spine: &Shape, one_row: &[Shape], keyed: &[Shape]) -> String {
    let mut text = String::from(
        "/// What the rules of this pack read and ask for.\n///\n\
         /// Made by `lookout definitions` from the pack's signals; make it anew when they change.\n\
         module static;\n",
    );
    for shape in one_row {
        let about = format!("A customer's row of the signal `{}`.", shape.signal);
        row(&mut text, shape, &about, &[]);
    }
    let members: Vec<(String, String)> =
        one_row.iter().map(|shape| (shape.signal.clone(), type_name(&shape.signal))).collect();
    row(
        &mut text,
        spine,
        "A customer: a row of `customers`, and of each signal with one row a customer.",
        &members,
    );
    let _ = writeln!(
        text,
        "\n/// The customer that a rule looks at.\nlet customer: {};",
        type_name(&spine.signal)
    );
    for shape in keyed {
        row(&mut text, shape, &format!("A row of the signal `{}`.", shape.signal), &[]);
        for name in &shape.called {
            let of = type_name(&shape.signal);
            let _ = writeln!(
                text,
                "\n/// The row of `{}` that a rule looks at.\nlet {name}: {of};",
                shape.signal
            );
        }
    }
    text.push_str(EPISODE);
    for name in dates::NAMES {
        let _ = writeln!(
            text,
            "\n/// {} `()` gives `()`.\nfn {name}(moment: String) -> int;",
            dates::told(name)
        );
    }
    for verb in verbs::NAMES {
        for parameters in verbs::parameters(verb) {
            let list: Vec<String> =
                parameters.iter().map(|name| format!("{name}: {}", parameter_type(name))).collect();
            let _ = writeln!(
                text,
                "\n/// {}\n///\n/// ```rhai\n/// {};\n/// ```\nfn {verb}({});",
                verbs::told(verb),
                verbs::example(verb),
                list.join(", ")
            );
        }
    }
    text
}

const EPISODE: &str = "
/// How far the stretch of runs has come through which the rule has been true.
type Episode = #{
    /// How often it has contacted the customer.
    contacts: int,
    /// Whole days since its first run.
    days: int,
};

/// The last parameter of `then`, where it has one.
let episode: Episode;
";

fn row(text: &mut String, shape: &Shape, about: &str, members: &[(String, String)]) {
    let _ = writeln!(text, "\n/// {about}\ntype {} = #{{", type_name(&shape.signal));
    for (column, held) in &shape.columns {
        let _ = writeln!(
            text,
            "    /// {}\n    {column}: {},",
            said_of(held.as_ref()),
            rhai_type(held.as_ref())
        );
    }
    for (name, of) in members {
        let _ = writeln!(text, "    /// The customer's row of `{name}`.\n    {name}: {of},");
    }
    text.push_str("};\n");
}

/// `open_tickets` as a type: `OpenTickets`.
fn type_name(signal: &str) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    let name: String = signal.split('_').filter_map(part).collect();
    match name.as_str() {
        "Customers" => "Customer".to_owned(),
        _ => format!("{name}Row"),
    }
}

fn rhai_type(held: Option<&FieldType>) -> &'static str {
    let kinds: Vec<Kind> = held.map(|held| held.kinds.iter().collect()).unwrap_or_default();
    match kinds.as_slice() {
        [Kind::Bool] => "bool",
        [Kind::Int] => "int",
        [Kind::Float] => "float",
        [] => "?",
        kinds if kinds.iter().all(|k| matches!(k, Kind::Text | Kind::Date | Kind::Instant)) => {
            "String"
        }
        _ => "?",
    }
}

fn said_of(held: Option<&FieldType>) -> String {
    let Some(held) = held.filter(|held| !held.kinds.is_unknown()) else {
        return "What it holds is not known without a database.".to_owned();
    };
    let kinds = held.kinds.to_string();
    let mut letters = kinds.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let absent = match held.absence {
        Absence::Possible(_) => "; may be absent, `()`",
        _ => "",
    };
    format!("{first}{}{absent}.", letters.as_str())
}

fn parameter_type(name: &str) -> &'static str {
    match name {
        "template" | "channel" => "String",
        _ => "?",
    }
}

/// Notes a field of a shape that nobody has named yet.
pub fn add(shape: &mut Shape, field: &Field) {
    let (Field::Customer(column) | Field::Subject(column) | Field::Signal(_, column)) = field;
    if !shape.columns.iter().any(|(known, _)| known == column) {
        shape.columns.push((column.clone(), None));
        shape.columns.sort_by(|a, b| a.0.cmp(&b.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Absent, KnownFrom};

    fn column(name: &str, kinds: &[Kind], absence: Absence) -> (String, Option<FieldType>) {
        let kinds = kinds.iter().copied().collect();
        (name.to_owned(), Some(FieldType { kinds, absence, known_from: KnownFrom::Source }))
    }

    fn files() -> [(&'static str, String); 2] {
        let customers = Shape {
            signal: "customers".to_owned(),
            called: vec!["customer".to_owned()],
            columns: vec![
                column("customer_id", &[Kind::Text], Absence::Impossible),
                column("plan", &[Kind::Text], Absence::Possible(Absent::Empty(3))),
                ("since".to_owned(), None),
            ],
        };
        let tickets = Shape {
            signal: "open_tickets".to_owned(),
            called: Vec::new(),
            columns: vec![column("open", &[Kind::Int], Absence::Impossible)],
        };
        let orders = Shape {
            signal: "orders".to_owned(),
            called: vec!["order".to_owned()],
            columns: vec![
                column("order_date", &[Kind::Date], Absence::Unseen),
                column("total", &[Kind::Int, Kind::Float], Absence::Unseen),
            ],
        };
        definitions(&customers, &[tickets], &[orders])
    }

    #[test]
    fn a_pack_reads_well_as_definitions() {
        let [(_, text), _] = files();
        insta::assert_snapshot!(text);
    }

    /// Rhai's crate has no reader of definitions; what stands in them is made a script, which it reads:
    /// names, brackets, commas and the parameters of functions.
    #[test]
    fn definitions_are_made_of_rhais_own_tokens() {
        for (name, text) in files() {
            let (head, body) = text.split_once("module static;").unwrap();
            assert!(head.lines().all(|line| line.starts_with("///")), "{name}: {head}");
            let mut script = String::new();
            for line in body.lines().map(str::trim).filter(|line| !line.starts_with("///")) {
                let made = match line.split_once(' ') {
                    Some(("type", rest)) => format!("let {rest}"),
                    Some(("let", rest)) => {
                        let (name, of) = rest.trim_end_matches(';').split_once(": ").unwrap();
                        format!("let {name} = {of};")
                    }
                    Some(("fn", rest)) => function(rest),
                    Some(("op", _)) => String::new(),
                    _ => line.replace(": ?,", ": (),"),
                };
                script.push_str(&made);
                script.push('\n');
            }
            let engine = rhai::Engine::new_raw();
            assert!(
                engine.compile(&script).is_ok(),
                "{name}: {:?}\n{script}",
                engine.compile(&script)
            );
        }
    }

    /// `len(text: String) -> int;` as a function that does nothing; a getter as one of its own name.
    fn function(rest: &str) -> String {
        let rest = rest.strip_prefix("get ").or(rest.strip_prefix("set ")).unwrap_or(rest);
        let (name, parameters) = rest.split_once('(').unwrap();
        let parameters = parameters.rsplit_once(')').unwrap().0;
        let names: Vec<String> = (parameters.split(", ").enumerate())
            .filter(|(_, parameter)| !parameter.is_empty())
            .map(|(number, parameter)| match parameter.split(':').next().unwrap() {
                "_" => format!("value_{number}"),
                name => name.to_owned(),
            })
            .collect();
        // The same function for several types is one function here.
        format!(
            "{{ let {name} = || {{}}; let them = [{}]; }}",
            names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ")
        )
    }

    #[test]
    fn what_a_rule_cannot_call_is_not_offered() {
        let [(_, pack), (_, language)] = files();
        for name in sandbox::REFUSED {
            assert!(!language.contains(&format!("fn {name}(")), "{name}");
        }
        assert!(language.contains("fn contains(") && language.contains("fn len("), "{language}");
        for name in dates::NAMES.into_iter().chain(verbs::NAMES) {
            assert!(pack.contains(&format!("fn {name}(")), "{name}");
            assert!(!language.contains(&format!("fn {name}(")), "{name}");
        }
    }
}
