//! A small company in a folder of its own, its pack in order. On the first day Ana hears about her
//! late order; on the second, Ben is to hear about his and Dora, who is new, is to be welcomed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

pub const FIRST_DAY: &str = "1998-05-07T09:00:00Z";
pub const SECOND_DAY: &str = "1998-05-08T09:00:00Z";
pub const THIRD_DAY: &str = "1998-05-09T09:00:00Z";

pub const POLICY: &str = "rules/policy.toml";
pub const CUSTOMERS: &str = "rules/signals/customers.sql";
pub const ORDERS: &str = "rules/signals/orders.sql";
pub const TICKETS: &str = "rules/signals/tickets.sql";
pub const RULE: &str = "rules/late-order/rule.rhai";
pub const WORDS: &str = "rules/late-order/email.md";
pub const CASES: &str = "rules/late-order/cases.toml";

const FILES: [(&str, &str); 10] = [
    (
        "lookout.toml",
        r#"[source]
url = "sqlite:shop.db"
[state]
url = "sqlite:lookout.db"
[channels.email]
url = "file:mail"
from = "Care team <care@example.com>"
"#,
    ),
    (
        POLICY,
        r#"timezone = "UTC"

[topics.service]
consent = "opt-out"

[[cap]]
contacts = 5
per = "1d"
"#,
    ),
    (
        CUSTOMERS,
        "SELECT id AS customer_id, name, email, since AS customer_since
FROM people
WHERE since <= :as_of
",
    ),
    (
        ORDERS,
        "-- key: order_id
SELECT person AS customer_id, id AS order_id, total, placed_on
FROM orders
WHERE placed_on <= :as_of
",
    ),
    (
        TICKETS,
        "-- default: open = 0
SELECT person AS customer_id, COUNT(*) AS open
FROM tickets
WHERE opened_on <= :as_of
GROUP BY person
",
    ),
    (
        RULE,
        r#"//! Tell customers that their order is late.

const ABOUT = "orders";
const TOPIC = "service";
const PATIENCE = 7;

fn when(customer, order) {
    days_since(order.placed_on) > PATIENCE && customer.tickets.open == 0
}

fn then(customer, order) {
    email("email");
}
"#,
    ),
    (
        WORDS,
        "---
subject: Your order {{ order.order_id }}, {{ customer.name }}
because: You ordered from us.
---
Dear {{ customer.name }},

your order **{{ order.order_id }}** is late.
",
    ),
    (
        CASES,
        r#"[[case]]
name = "eight days are too long"
as_of = "1998-05-07T09:00:00Z"
customer = { customer_id = "ANA", name = "Ana", email = "ana@example.com", tickets = { open = 0 } }
order = { order_id = 1, placed_on = "1998-04-29" }
expect = { email = "email" }
"#,
    ),
    (
        "rules/welcome/rule.rhai",
        r#"//! Welcome new customers.

const TOPIC = "service";

fn when(customer) { days_since(customer.customer_since) < 2 }
fn then(customer) { email("email"); }
"#,
    ),
    ("rules/welcome/email.md", "---\nsubject: Welcome\n---\nWelcome, {{ customer.name }}.\n"),
];

const WELCOME_CASES: &str = r#"[[case]]
name = "new since yesterday"
as_of = "1998-05-07T09:00:00Z"
customer = { customer_id = "DORA", email = "dora@example.com", customer_since = "1998-05-06" }
expect = { email = "email" }
"#;

pub const SHOP: &str = "
CREATE TABLE people (id TEXT, name TEXT, email TEXT, since DATE);
INSERT INTO people VALUES
    ('ANA', 'Ana Ruiz', 'ana@example.com', '1998-01-01'),
    ('BEN', 'Ben Hall', 'ben@example.com', '1998-01-01'),
    ('CID', 'Cid Moor', 'cid@example.com', '1998-01-01'),
    ('DORA', 'Dora Lund', 'dora@example.com', '1998-05-08');
CREATE TABLE orders (id INTEGER, person TEXT, total DECIMAL(10, 2), placed_on DATE);
INSERT INTO orders VALUES (1, 'ANA', 10.5, '1998-04-20'), (2, 'BEN', 20, '1998-04-30');
CREATE TABLE tickets (person TEXT, opened_on DATE);
INSERT INTO tickets VALUES ('CID', '1998-04-20');
";

/// What a command said and how it ended.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    line: String,
}

impl Said {
    /// All of it, as a person sees it.
    pub fn whole(&self) -> String {
        let stderr = match self.stderr.is_empty() {
            true => String::new(),
            false => format!("[on stderr]\n{}\n", self.stderr.trim_end()),
        };
        let stdout = self.stdout.trim_end();
        let gap = if stdout.is_empty() { "" } else { "\n" };
        format!("$ lookout {}\n{stdout}{gap}{stderr}[exit {}]\n", self.line, self.code)
    }
}

/// Everything that a run leaves behind: the rows of the state database and the mail.
#[derive(Debug, PartialEq)]
pub struct Books {
    rows: BTreeMap<&'static str, i64>,
    mail: BTreeMap<PathBuf, Vec<u8>>,
}

pub struct Company {
    folder: TempDir,
}

impl Company {
    pub fn new() -> Self {
        let company = Self { folder: tempfile::tempdir().unwrap() };
        for (file, text) in FILES {
            company.write(file, text);
        }
        company.write("rules/welcome/cases.toml", WELCOME_CASES);
        company.shop(SHOP);
        company
    }

    /// The company on the evening of the first day.
    pub fn after_the_first_day() -> Self {
        let company = Self::new();
        let said = company.run(FIRST_DAY);
        assert_eq!(said.code, 0, "{}", said.whole());
        assert_eq!(company.contacts(), ["ANA late-order sent"]);
        company
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Puts `to` where a file has `from`; all of it where `from` is empty.
    pub fn change(&self, file: &str, from: &str, to: &str) {
        if from.is_empty() {
            return self.write(file, to);
        }
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        self.write(file, text.replacen(from, to, 1));
    }

    pub fn restore(&self, file: &str) {
        let (_, text) = FILES.iter().find(|(name, _)| *name == file).unwrap();
        self.write(file, text);
    }

    pub fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }

    /// Runs SQL on the company's database.
    pub fn shop(&self, sql: &str) {
        Connection::open(self.path("shop.db")).unwrap().execute_batch(sql).unwrap();
    }

    /// Has the binary do something in the company's folder.
    pub fn lookout(&self, line: &str) -> Said {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_lookout"))
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(self.folder.path().to_str().unwrap(), "<dir>")
        };
        Said {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: without_log(&text(output.stderr)),
            line: line.to_owned(),
        }
    }

    pub fn run(&self, as_of: &str) -> Said {
        self.lookout(&format!("run --as-of {as_of}"))
    }

    /// `CUSTOMER rule state` of every contact in the state database.
    pub fn contacts(&self) -> Vec<String> {
        self.ask(
            "SELECT c.customer_id || ' ' || c.rule || ' ' || o.state FROM contacts c
             JOIN outreaches o ON o.key = c.outreach ORDER BY 1",
        )
    }

    /// `CUSTOMER rule` of every episode that goes on.
    pub fn episodes(&self) -> Vec<String> {
        let open = "SELECT customer_id || ' ' || rule FROM episodes
                    WHERE ended_at IS NULL ORDER BY 1";
        self.ask(open)
    }

    /// A column of text from the state database.
    fn ask(&self, sql: &str) -> Vec<String> {
        let state = Connection::open(self.path("lookout.db")).unwrap();
        let mut statement = state.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    pub fn mail(&self) -> Vec<PathBuf> {
        self.books().mail.into_keys().collect()
    }

    pub fn books(&self) -> Books {
        const TABLES: [&str; 7] =
            ["runs", "decisions", "episodes", "outreaches", "contacts", "tasks", "suppressions"];
        let mut rows = BTreeMap::new();
        if self.path("lookout.db").exists() {
            let state = Connection::open(self.path("lookout.db")).unwrap();
            for table in TABLES {
                let count = format!("SELECT COUNT(*) FROM {table}");
                // A file that is no database has no tables.
                let count = state.query_row(&count, [], |row| row.get::<_, i64>(0));
                rows.insert(table, count.unwrap_or(0));
            }
        }
        rows.retain(|_, count| *count > 0);
        let files = std::fs::read_dir(self.path("mail")).into_iter().flatten();
        let files = files.map(|entry| entry.unwrap().path());
        Books { rows, mail: files.map(|file| (file.clone(), read(&file))).collect() }
    }
}

/// Off a terminal the log is JSON, a line an event, for programs.
fn without_log(stderr: &str) -> String {
    stderr.split_inclusive('\n').filter(|line| !line.starts_with("{\"timestamp\"")).collect()
}

fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap()
}

impl Books {
    pub fn empty() -> Self {
        Self { rows: BTreeMap::new(), mail: BTreeMap::new() }
    }
}

#[test]
fn an_orderly_company_has_nothing_to_hear() {
    let company = Company::after_the_first_day();
    let said = [company.lookout("check").whole(), company.run(SECOND_DAY).whole()].join("\n");
    assert_eq!(
        company.contacts(),
        ["ANA late-order sent", "BEN late-order sent", "DORA welcome sent"]
    );
    assert_eq!(company.mail().len(), 3);
    insta::assert_snapshot!(said);
}
