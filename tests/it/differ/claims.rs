//! What `check` claims of scripts by chance, held against what Rhai does with them on rows by chance:
//! what it calls always true, never true, or sure to raise has to be so on every row.

use lookout::domain::{
    About, Absence, Absent, Batch, Facts, FieldType, FieldTypes, Fields, Kind, Kinds, KnownFrom,
    Problem, Severity, SignalName, Value, format_instant,
};
use lookout::rules::{Engine, Judged, Rule, check};

use super::chance::Chance;
use super::company::{COLUMNS, Family};
use super::moment::When;
use super::site::load;
use super::{cases, cells, grow};

/// On how many rows each claim is tried.
const ROWS: usize = 25;
/// Of so many cases of the other tests, one script is read here.
const SHARE: usize = 25;

const TRUE: &str = "lookout saw true";
const FALSE: &str = "lookout saw false";
const ABSENT: &str = "lookout saw nothing";

fn types(chance: &mut Chance) -> FieldTypes {
    let mut types = FieldTypes::default();
    for (signal, columns) in COLUMNS {
        let name = SignalName::from(signal);
        let of_signal = types.0.entry(name.clone()).or_default();
        let mut add = |column: &str, kinds: Kinds, absence: Absence| {
            let known_from = KnownFrom::Source;
            of_signal.insert(column.to_owned(), FieldType { kinds, absence, known_from });
        };
        for (column, family) in columns {
            let kinds = match family {
                Family::Int => [Kind::Int].into_iter().collect(),
                Family::Float => [Kind::Float].into_iter().collect(),
                Family::Text => [Kind::Text].into_iter().collect(),
                Family::Date => [Kind::Date].into_iter().collect(),
                Family::Instant => [Kind::Instant].into_iter().collect(),
                Family::Bool => [Kind::Bool].into_iter().collect(),
                Family::Any if chance.percent(50) => Kinds::default(),
                Family::Any => [Kind::Int, Kind::Text].into_iter().collect(),
            };
            let absence = match chance.below(4) {
                0 => Absence::Possible(Absent::Empty(2)),
                1 => Absence::Possible(Absent::NoRow(name.clone(), 0)),
                2 => Absence::Unseen,
                _ => Absence::Impossible,
            };
            add(column, kinds, absence);
        }
        match signal {
            "customers" => {
                add("customer_id", [Kind::Text].into_iter().collect(), Absence::Impossible)
            }
            "items" => add("no", [Kind::Int].into_iter().collect(), Absence::Impossible),
            _ => {}
        }
    }
    types
}

fn value(chance: &mut Chance, of: &FieldType, when: &When) -> Value {
    if of.absence != Absence::Impossible && chance.percent(25) {
        return Value::Null;
    }
    const ALL: [Kind; 6] =
        [Kind::Bool, Kind::Int, Kind::Float, Kind::Text, Kind::Date, Kind::Instant];
    let kinds: Vec<Kind> = of.kinds.iter().collect();
    match chance.pick(if kinds.is_empty() { &ALL } else { &kinds }) {
        Kind::Bool => Value::Bool(chance.percent(50)),
        Kind::Int if chance.percent(60) => Value::Int(chance.between(-3, 15)),
        Kind::Int => Value::Int(cells::int(chance)),
        Kind::Float if chance.percent(10) => {
            Value::Float(chance.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]))
        }
        Kind::Float => Value::Float(cells::float(chance)),
        Kind::Text => Value::Text(chance.pick(&cells::TEXTS).to_owned()),
        Kind::Date => Value::Text(when.day(chance).to_string()),
        Kind::Instant => Value::Text(format_instant(&when.instant(chance))),
    }
}

fn row(chance: &mut Chance, types: &FieldTypes, when: &When) -> Facts {
    // A row that is not there is there for none of its columns.
    let mut fields = |signal: &str| -> Fields {
        let columns = &types.0[&SignalName::from(signal)];
        let has_row = chance.percent(75);
        let mut cell = |of: &FieldType| match &of.absence {
            Absence::Possible(Absent::NoRow(..)) if !has_row => Value::Null,
            Absence::Possible(Absent::NoRow(..)) => {
                value(chance, &FieldType { absence: Absence::Impossible, ..of.clone() }, when)
            }
            _ => value(chance, of, when),
        };
        columns.iter().map(|(name, of)| (name.clone(), cell(of))).collect()
    };
    let (customer, subject) = (fields("customers"), fields("items"));
    Facts { customer, subject, signals: [("facts".to_owned(), fields("facts"))].into() }
}

/// What an underlined place may not come to, and the script that says so where it does.
fn probe(script: &str, problem: &Problem) -> Option<(&'static str, String)> {
    let refuted = match (problem.code, &problem.message) {
        ("may-be-absent", said) if said.contains("` is absent") && said.contains("fails where") => {
            ABSENT
        }
        ("always-true", _) => FALSE,
        ("never-true", _) => TRUE,
        ("different-kinds", said) if said.contains("is never true:") => TRUE,
        ("different-kinds", said) if said.contains("is always true:") => FALSE,
        _ => return None,
    };
    let (line, column) = (problem.place.line? as usize, problem.place.column? as usize);
    let mut lines: Vec<String> = script.lines().map(str::to_owned).collect();
    let line = lines.get_mut(line - 1)?;
    let chars: Vec<char> = line.chars().collect();
    let (from, to) = (column - 1, column - 1 + problem.place.width as usize);
    let text: String = chars[from..to].iter().collect();
    let (asked, yes) = match refuted {
        ABSENT => (format!("({text}) == ()"), ABSENT),
        _ => (text, TRUE),
    };
    let probed = format!("(if {asked} {{ throw \"{yes}\"; }} else {{ throw \"{FALSE}\"; }})");
    let (before, after): (String, String) =
        (chars[..from].iter().collect(), chars[to..].iter().collect());
    *line = format!("{before}{probed}{after}");
    Some((refuted, lines.join("\n")))
}

fn judge(engine: &Engine, rule: &Rule, facts: &Facts, when: &When) -> Judged {
    let about = rule.settings.about.clone();
    let key = (about != About::Customers).then_some("no");
    engine.judge(rule, &Batch::of_facts(about, key, facts), when.as_of())
}

#[test]
fn what_check_claims_is_so_on_every_row() {
    let (mut tried, mut seen, mut skipped, mut raising) = (0, 0, 0, 0);
    let mut absent = (0, 0);
    let scripts = cases() / SHARE;
    for seed in 0..scripts as u64 {
        let mut chance = Chance::new(seed);
        let when = When::some(&mut chance);
        let engine = Engine::new(&when.calendar());
        let is_keyed = chance.percent(50);
        let script = grow::rule(&mut chance, &when, is_keyed).text();
        let Ok(rule) = load(&engine, "claims", &script) else { continue };
        let types = types(&mut chance);
        let problems = check::rule(&rule, &types);
        let rows: Vec<Facts> = (0..ROWS).map(|_| row(&mut chance, &types, &when)).collect();
        for problem in &problems {
            let told = || format!("script {seed}\n{script}\n{problem:#?}\n{types:?}");
            if problem.severity == Severity::Error {
                for facts in &rows {
                    let judged = judge(&engine, &rule, facts, &when);
                    assert_eq!(judged.errors.len(), 1, "{facts:?} is judged by {}", told());
                }
                raising += 1;
                continue;
            }
            let Some((refuted, probed)) = probe(&script, problem) else { continue };
            let Ok(probed) = load(&engine, "probed", &probed) else {
                skipped += 1;
                continue;
            };
            if refuted == ABSENT {
                // That something fails where it is absent says that it may be so there.
                let is_so = |facts: &Facts| {
                    let judged = judge(&engine, &probed, facts, &when);
                    judged.errors.first().is_some_and(|(_, error)| error.to_string() == ABSENT)
                };
                absent.0 += 1;
                let mut more = (0..40 * ROWS).map(|_| row(&mut chance, &types, &when));
                let was = rows.iter().any(is_so) || more.any(|facts| is_so(&facts));
                absent.1 += usize::from(was);
                continue;
            }
            tried += 1;
            for facts in &rows {
                let judged = judge(&engine, &probed, facts, &when);
                let Some((_, error)) = judged.errors.first() else { continue };
                let said = error.to_string();
                assert!(!said.contains(refuted), "{facts:?} refutes {}", told());
                seen += usize::from(said.contains(TRUE) || said.contains(FALSE));
            }
        }
    }
    eprintln!(
        "{tried} claims, seen {seen} times, {skipped} can't be tried, {raising} always raise; \
         {} may be absent, and {} were",
        absent.0, absent.1
    );
    assert!(
        tried * 10 > scripts
            && seen > 10 * tried
            && skipped * 10 < tried
            && raising * 200 > scripts
            && absent.0 * 20 > scripts
            && absent.1 * 4 > absent.0 * 3
    );
}
