//! From the folder `signals/` to a pack's signals. No database is asked here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::header::{self, Header};
use super::lexer::{Dialect, Query};
use super::{Signal, Signals, Written, names};
use crate::document::did_you_mean;
use crate::domain::{Place, Problem, SignalName};

/// The one-row signal that says who the customers are.
const CUSTOMERS: &str = "customers";

/// Reads every signal of `dir` (`rules/signals`), and reports every mistake in them.
///
/// A signal with a mistake is left out. `None` only where `customers.sql` itself can't be used.
pub fn load(dir: &Path, problems: &mut Vec<Problem>) -> Option<Signals> {
    let files = files(dir, problems)?;
    let mut signals = BTreeMap::new();
    for (name, files) in files {
        if let Some(signal) = signal(&name, files, problems) {
            signals.insert(signal.name.clone(), signal);
        }
    }
    let customers = signals.remove(&SignalName::from(CUSTOMERS));
    let file = dir.join("customers.sql");
    if customers.is_none() && !problems.iter().any(|p| p.place.file == file) {
        let message = "there is no customers.sql: no one knows who the customers are";
        let usual = "write one SELECT that gives customer_id, and email, name, locale … where you have them";
        let help = did_you_mean(dir, "customers.sql").unwrap_or_else(|| usual.to_owned());
        problems.push(Problem::error(Place::file(file), "no-customers", message).help(help));
    }
    Some(Signals { customers: customers?, others: signals })
}

/// The files of one signal: for any database, and in place of that one for one database.
#[derive(Default)]
struct Files {
    any: Option<PathBuf>,
    sqlite: Option<PathBuf>,
    postgres: Option<PathBuf>,
}

fn files(dir: &Path, problems: &mut Vec<Problem>) -> Option<BTreeMap<String, Files>> {
    let mut found: BTreeMap<String, Files> = BTreeMap::new();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            let message = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no folder of signals".to_owned(),
                _ => format!("the folder of signals can't be read: {error}"),
            };
            problems.push(
                Problem::error(Place::file(dir), "no-signals", message)
                    .help("a pack has a folder `signals` with at least customers.sql"),
            );
            return None;
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(stem) = name.strip_suffix(".sql").filter(|stem| !stem.starts_with('.')) else {
            continue;
        };
        let (signal, database) = stem.split_once('.').unwrap_or((stem, ""));
        let slot = found.entry(signal.to_owned()).or_default();
        match database {
            "" => slot.any = Some(path),
            "sqlite" => slot.sqlite = Some(path),
            "postgres" => slot.postgres = Some(path),
            other => problems.push(
                Problem::error(
                    Place::file(path),
                    "unknown-database",
                    format!("`{other}` is no database that Lookout reads"),
                )
                .help(format!(
                    "call it {signal}.sql, {signal}.sqlite.sql or {signal}.postgres.sql"
                )),
            ),
        }
    }
    found.retain(|_, files| {
        [&files.any, &files.sqlite, &files.postgres].iter().any(|f| f.is_some())
    });
    Some(found)
}

/// A file's text and what its top says.
struct Read {
    file: PathBuf,
    text: String,
    header: Header,
}

fn signal(name: &str, files: Files, problems: &mut Vec<Problem>) -> Option<Signal> {
    let before = problems.len();
    let main = files.any.clone().or(files.sqlite.clone()).or(files.postgres.clone())?;
    if let Some((message, _)) = names::refused(name) {
        problems.push(
            Problem::error(Place::file(&main), "bad-signal-name", message)
                .help("name the file with letters, digits and `_`, such as open_orders.sql"),
        );
    }
    let any = files.any.as_deref().map(|file| read(file, problems));
    let sqlite = files.sqlite.as_deref().map(|file| read(file, problems));
    let postgres = files.postgres.as_deref().map(|file| read(file, problems));
    let header = agreed([&any, &sqlite, &postgres].into_iter().flatten().flatten(), problems);
    check_header(name, &main, &header, problems);
    if problems.len() > before {
        return None;
    }
    let (any, sqlite, postgres) = (any.flatten(), sqlite.flatten(), postgres.flatten());
    let signal = Signal {
        name: SignalName::from(name),
        sqlite: written(sqlite.as_ref().or(any.as_ref()), &main, Dialect::Sqlite),
        postgres: written(postgres.as_ref().or(any.as_ref()), &main, Dialect::Postgres),
        file: main,
        key: header.key,
        defaults: header.defaults,
        personal: header.personal,
        happened: header.happened,
    };
    let without_colon = header::missing_colon(&signal);
    let fine = check_queries(&signal, problems) && without_colon.is_empty();
    problems.extend(without_colon);
    fine.then_some(signal)
}

fn read(file: &Path, problems: &mut Vec<Problem>) -> Option<Read> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("the file can't be read: {error}");
            problems.push(Problem::error(Place::file(file), "unreadable", message));
            return None;
        }
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..good].iter().filter(|b| **b == b'\n').count() as u32 + 1;
            problems.push(
                Problem::error(Place::at(file, line, 1, 1), "not-utf8", "this line is not UTF-8")
                    .help("save the file as UTF-8"),
            );
            return None;
        }
    };
    let header = header::read(file, &text, problems);
    Some(Read { file: file.to_owned(), text, header })
}

/// What the files of one signal say; a file for one database may leave the header to the main one.
fn agreed<'a>(reads: impl Iterator<Item = &'a Read>, problems: &mut Vec<Problem>) -> Header {
    let mut agreed: Option<Header> = None;
    for read in reads {
        match &agreed {
            None => agreed = Some(read.header.clone()),
            Some(first) if read.header == *first || read.header == Header::default() => {}
            Some(_) => problems.push(
                Problem::error(
                    Place::file(&read.file),
                    "header-differs",
                    "key, default, personal or happened differ from those of the signal's other file",
                )
                .help("leave them out here: the main file says them for both"),
            ),
        }
    }
    agreed.unwrap_or_default()
}

fn check_header(name: &str, file: &Path, header: &Header, problems: &mut Vec<Problem>) {
    let mut refuse = |code, message: &str, help: &str| {
        problems.push(Problem::error(Place::file(file), code, message).help(help));
    };
    if name == CUSTOMERS && header.key.is_some() {
        let message = "customers.sql has one row a customer, so its key is customer_id";
        refuse("keyed-customers", message, "remove the line `-- key:`");
    } else if !header.defaults.is_empty() && (header.key.is_some() || name == CUSTOMERS) {
        let message = "a default is for customers without a row, and here there are none";
        refuse("useless-default", message, "remove the line `-- default:`");
    } else if header.happened.is_some() && header.key.is_none() {
        let message = "`-- happened:` is for a signal whose rows are told apart by a key";
        refuse("happened-without-key", message, "add a line such as `-- key: order_id`");
    }
}

fn written(read: Option<&Read>, main: &Path, dialect: Dialect) -> Written {
    match read {
        Some(read) => Written {
            file: read.file.clone(),
            query: Query::read(&read.text, dialect),
            text: read.text.clone(),
        },
        None => Written {
            file: main.to_owned(),
            text: String::new(),
            query: Err(super::Refused {
                code: "no-query-here",
                message: "this signal has no query for the database in use".to_owned(),
                help: "write one query for all databases in NAME.sql, or one for this one too",
                span: 0..0,
            }),
        },
    }
}

/// A query that its own database can't read, or that none can, is a mistake now; one that only the
/// other database can read is a mistake when that one is not in use.
fn check_queries(signal: &Signal, problems: &mut Vec<Problem>) -> bool {
    let (sqlite, postgres) = (&signal.sqlite, &signal.postgres);
    let mut refused = Vec::new();
    for (written, other) in [(sqlite, postgres), (postgres, sqlite)] {
        if let Err(why) = &written.query {
            let shared = written.file == other.file;
            if why.code != "no-query-here" && (!shared || other.query.is_err()) {
                refused.push(written.problem(why));
            }
        }
    }
    if refused.len() == 2 && sqlite.file == postgres.file {
        refused.truncate(1);
    }
    let fine = refused.is_empty();
    problems.extend(refused);
    problems.extend(signal.knows_the_future());
    problems.extend(signal.ungrouped());
    fine
}

#[cfg(test)]
mod tests;
