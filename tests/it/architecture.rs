//! The architecture, held together with the code: who may import whom, and what is used in which
//! room only.

use std::fs;
use std::path::{Path, PathBuf};

/// What is used only in its own rooms (modules, or a single file of one).
const ROOMS: &[(&str, &[&str])] = &[
    ("sqlx::", &["signals", "store"]),
    ("rusqlite::", &["signals", "store", "demo"]),
    ("rhai::", &["rules"]),
    ("lettre::", &["deliver"]),
    ("reqwest::", &["deliver"]),
    ("hyper::", &["listen"]),
    ("mail_parser::", &["listen", "reports"]),
    ("hmac::", &["deliver", "opt_out"]),
    ("minijinja::", &["templates", "deliver"]),
    ("pulldown_cmark::", &["templates", "deliver"]),
    ("css_inline::", &["templates"]),
    ("icu_datetime::", &["templates"]),
    ("icu_decimal::", &["templates"]),
    ("icu_experimental::", &["templates"]),
    ("icu_plurals::", &["templates"]),
    ("clap::", &["cli", "main"]),
    ("indicatif::", &["cli"]),
    ("comfy_table::", &["cli"]),
    ("annotate_snippets::", &["cli"]),
    ("anyhow::", &["cli", "demo"]),
    ("env::var", &["config", "fault"]),
    ("rustix::", &["fault"]),
    ("env::vars_os", &["config"]),
    ("Utc::now", &["clock"]),
    ("Local::now", &["clock"]),
    ("SystemTime::now", &["clock"]),
    ("print!", &[]),
    ("println!", &[]),
    ("eprint!", &[]),
    ("eprintln!", &[]),
    ("dbg!", &[]),
    ("io::stdout", &["cli/output.rs"]),
    ("io::stderr", &["cli/output.rs"]),
];

/// They meet only in the modules above them.
const STRANGERS: &[&str] = &["signals", "store", "deliver"];

const LONGEST: usize = 600;

/// A file of the source, its path taken from `src/`.
struct File {
    path: String,
    text: String,
}

impl File {
    /// The module of the crate that it belongs to.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Its text without the lines that are comments.
    fn code(&self) -> String {
        let lines = self.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn imports_go_downward_only() {
    let modules = modules();
    let place = |name: &str| modules.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in source() {
        let Some(own) = place(file.module()) else { continue };
        for imported in imported(&file.code()) {
            seen += 1;
            let strangers = STRANGERS.contains(&file.module())
                && STRANGERS.contains(&imported.as_str())
                && file.module() != imported;
            match place(&imported) {
                Some(theirs) if theirs >= own && !strangers => {}
                _ => wrong.push(format!("src/{} imports {imported}", file.path)),
            }
        }
    }
    assert!(seen > 10, "the test reads no imports any more");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_module_is_in_the_list() {
    let modules = modules();
    for file in source() {
        let known = modules.iter().any(|module| module == file.module());
        assert!(known || ["lib.rs", "main.rs"].contains(&file.path.as_str()), "src/{}", file.path);
    }
}

#[test]
fn each_part_is_used_in_its_own_room() {
    let mut wrong = Vec::new();
    for file in source() {
        let code = file.code();
        for (part, rooms) in ROOMS {
            let at_home = rooms.iter().any(|room| file.module() == *room || file.path == *room);
            if !at_home && mentions(&code, part) {
                wrong.push(format!("src/{} uses {part}", file.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_module_says_what_it_owns() {
    for file in source() {
        assert!(file.text.starts_with("//! "), "src/{} does not start with //!", file.path);
    }
}

#[test]
fn every_file_is_short_enough_to_be_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src", "tests", "benches", "rules", "migrations", "scripts"];
    let mut read = 0;
    for file in folders.iter().flat_map(|folder| files(&root.join(folder))) {
        let generated = file.extension().is_some_and(|ending| ending == "snap");
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let lines = text.lines().count();
        assert!(generated || lines < LONGEST, "{} has {lines} lines", file.display());
        read += 1;
    }
    assert!(read > 10, "the test finds no files any more");
}

#[test]
fn the_readers_of_code_find_what_they_look_for() {
    let code = "use crate::domain::{Place, Problem};\nuse crate::{clock, store::Store};\n\
                fn f() { crate::policy::decide(); pub(crate) fn g() {} }\n\
                use crate::{\n    config::{Config, Overrides},\n    deliver,\n};";
    assert_eq!(imported(code), ["domain", "clock", "store", "policy", "config", "deliver"]);
    assert!(mentions("use sqlx::Row;", "sqlx::"));
    assert!(!mentions("use mysqlx::Row;", "sqlx::"));
    assert!(!mentions("eprintln!()", "println!"));
}

#[test]
fn every_fault_point_is_in_the_list_and_in_the_code_once() {
    let mut points = Vec::new();
    for file in source().iter().filter(|file| file.module() != "fault") {
        let code = file.code();
        for call in ["fault::point(", "fault::waiting(", "fault::torn("] {
            points.extend(first_arguments(&code, call));
        }
        if file.module() == "store" {
            let calls = [".write(", ".write_behind("];
            for name in calls.into_iter().flat_map(|call| first_arguments(&code, call)) {
                points.push(format!("store.{name}.before_commit"));
                points.push(format!("store.{name}.after_commit"));
            }
        }
    }
    points.sort();
    let mut list = lookout::fault::POINTS.to_vec();
    list.sort_unstable();
    assert_eq!(points, list);
}

/// The literals that calls begin with; `call` ends with its bracket.
fn first_arguments<'c>(code: &'c str, call: &'c str) -> impl Iterator<Item = String> + 'c {
    let calls = code.split(call).skip(1);
    calls
        .filter_map(|rest| Some(rest.trim_start().strip_prefix('"')?.split_once('"')?.0.to_owned()))
}

/// The modules of the crate in the order of `src/lib.rs`: from the top down.
fn modules() -> Vec<String> {
    let source = source();
    let root = source.iter().find(|file| file.path == "lib.rs").unwrap();
    let names = root.text.lines().filter_map(|line| line.strip_prefix("pub mod "));
    let modules: Vec<String> = names.map(|name| name.trim_end_matches(';').to_owned()).collect();
    assert!(modules.len() > 10, "the test reads no module list any more");
    modules
}

/// The modules of the crate that code imports by `crate::…`, one at a time or in braces.
fn imported(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => found.push(name(rest)),
            Some(group) => found.extend(heads(group)),
        }
    }
    found
}

/// The first name of each item of a group, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = vec![];
    let mut at_start = true;
    for (place, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            _ if at_start && !character.is_whitespace() => {
                heads.push(name(&group[place..]));
                at_start = false;
            }
            _ => {}
        }
    }
    heads
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether code has `part` as a path or macro of its own, not as the end of a longer name.
fn mentions(code: &str, part: &str) -> bool {
    code.match_indices(part).any(|(place, _)| {
        let before = code[..place].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn source() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rust = files(&root).into_iter().filter(|f| f.extension().is_some_and(|e| e == "rs"));
    rust.map(|file| File {
        path: file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"),
        text: fs::read_to_string(&file).unwrap(),
    })
    .collect()
}

/// Every file beneath a folder, sorted; none where it is absent.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] }).collect()
}
