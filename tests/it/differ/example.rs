//! One company, some rules and an instant: what a counterexample is, as a file and on its way to
//! becoming small.

use std::fmt::Write;
use std::path::Path;

use lookout::rules::Engine;
use serde::Deserialize;

use super::company::{Database, Table};
use super::moment::When;
use super::script::Node;
use super::site::{Ground, load};

/// What a file in `tests/differ` holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    pub database: Database,
    pub zone: String,
    pub as_of: String,
    pub office_hours: bool,
    pub rules: Vec<String>,
    #[serde(rename = "table")]
    pub tables: Vec<Table>,
}

impl Example {
    pub fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// Judges it in every way.
    pub fn check(&self, ground: &mut Ground) -> Result<(), String> {
        let (zone, as_of) = (self.zone.clone(), self.as_of.clone());
        let when = When { zone, as_of, office: self.office_hours };
        let engine = Engine::new(&when.calendar());
        let rules: Result<Vec<_>, _> = (self.rules.iter().enumerate())
            .map(|(number, script)| load(&engine, &format!("r{number}"), script))
            .collect();
        let mut site = ground.build(self.database, &self.tables, &when)?;
        ground.compare(&mut site, &engine, &rules?, &when).map(|_| ())
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let database = format!("{:?}", self.database).to_lowercase();
        writeln!(text, "database = \"{database}\"").unwrap();
        writeln!(text, "zone = \"{}\"\nas_of = \"{}\"", self.zone, self.as_of).unwrap();
        writeln!(text, "office_hours = {}\nrules = [", self.office_hours).unwrap();
        for rule in &self.rules {
            writeln!(text, "'''\n{rule}''',").unwrap();
        }
        text.push_str("]\n");
        for table in &self.tables {
            writeln!(text, "\n[[table]]\nsignal = \"{}\"", table.signal).unwrap();
            writeln!(text, "owners = {}", strings(&table.owners)).unwrap();
            if table.halves {
                text.push_str("halves = true\n");
            }
            for column in &table.columns {
                writeln!(text, "[[table.column]]\nname = \"{}\"", column.name).unwrap();
                writeln!(text, "declared = {}", string(&column.declared)).unwrap();
                for (name, value) in [("select", &column.select), ("default", &column.default)] {
                    if let Some(value) = value {
                        writeln!(text, "{name} = {}", string(value)).unwrap();
                    }
                }
                writeln!(text, "cells = {}", strings(&column.cells)).unwrap();
            }
        }
        text
    }
}

fn strings(all: &[String]) -> String {
    format!("[{}]", all.iter().map(|text| string(text)).collect::<Vec<_>>().join(", "))
}

fn string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// How often a counterexample is tried in a smaller form.
const TRIES: usize = 1_500;

/// A counterexample that becomes smaller as long as it stays one.
pub struct Shrinking<'g> {
    ground: &'g mut Ground,
    example: Example,
    /// The scripts of the example, in their parts.
    scripts: Vec<Node>,
    said: String,
    /// Whether a database refused what it was asked, rather than that two ways differ.
    is_refusal: bool,
    tries: usize,
}

impl<'g> Shrinking<'g> {
    pub fn new(ground: &'g mut Ground, example: Example, scripts: Vec<Node>, said: String) -> Self {
        let is_refusal = said.starts_with("the pull failed");
        Self { ground, example, scripts, said, is_refusal, tries: 0 }
    }

    /// The smallest that is found, and what it shows.
    pub fn shrink(mut self) -> (Example, String) {
        for only in 0..self.scripts.len() {
            if self.scripts.len() > 1 && self.try_scripts(vec![self.scripts[only].clone()]) {
                break;
            }
        }
        while self.tries < TRIES && (self.less_rows() | self.less_script() | self.less_columns()) {}
        (self.example, self.said)
    }

    /// Takes an example that still shows a mistake.
    fn take(&mut self, example: Example) -> bool {
        self.tries += 1;
        // One that the product refuses says so too, but shows nothing.
        match example.check(self.ground) {
            Err(said)
                if said.starts_with(if self.is_refusal { "the pull failed" } else { "rule " }) =>
            {
                (self.example, self.said) = (example, said);
                true
            }
            _ => false,
        }
    }

    fn try_scripts(&mut self, scripts: Vec<Node>) -> bool {
        let rules = scripts.iter().map(Node::text).collect();
        let taken = self.take(Example { rules, ..self.example.clone() });
        if taken {
            self.scripts = scripts;
        }
        taken
    }

    fn less_script(&mut self) -> bool {
        let mut any = false;
        for at in 0..self.scripts.len() {
            'smaller: while self.tries < TRIES {
                for smaller in self.scripts[at].smaller() {
                    let mut scripts = self.scripts.clone();
                    scripts[at] = smaller;
                    if self.try_scripts(scripts) {
                        any = true;
                        continue 'smaller;
                    }
                }
                break;
            }
        }
        any
    }

    fn less_rows(&mut self) -> bool {
        let mut any = false;
        for table in 0..self.example.tables.len() {
            let mut size = self.example.tables[table].owners.len().div_ceil(2);
            while size > 0 {
                let mut from = 0;
                while from < self.example.tables[table].owners.len() && self.tries < TRIES {
                    let mut example = self.example.clone();
                    example.tables[table].remove_rows(from, size);
                    match self.take(example) {
                        true => any = true,
                        false => from += size,
                    }
                }
                size /= 2;
            }
        }
        any
    }

    fn less_columns(&mut self) -> bool {
        let mut any = false;
        for table in 0..self.example.tables.len() {
            for column in (0..self.example.tables[table].columns.len()).rev() {
                let mut example = self.example.clone();
                example.tables[table].columns.remove(column);
                any |= self.take(example);
            }
        }
        any
    }
}
