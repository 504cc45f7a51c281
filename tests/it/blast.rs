//! How far one mistake reaches: a rule that is suddenly true for everybody, a source that is suddenly
//! empty. The company is generated; the binary is the real one, and mail becomes files.

mod approval;
mod sources;
mod stampede;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{self, Ran};

const POLICY: &str = "[topics.service]\nconsent = \"opt-out\"\n\
     [[cap]]\ncontacts = 1\nper = \"1d\"\n";

/// A parcel has been on its way for a week.
const LATE: &str = r#"
    //! Tell customers about a parcel that is late.
    const ABOUT = "parcels";
    const TOPIC = "service";
    const PRIORITY = 80;
    fn when(customer, parcel) { days_since(parcel.sent_at) >= 7 }
    fn then(customer, parcel) { email("email"); }
"#;

/// Looks at another signal.
const ABSENT: &str = r#"
    //! Welcome back those who are hardly ever here.
    const TOPIC = "service";
    const PRIORITY = 20;
    fn when(customer) { customer.visits.minutes < 10 }
    fn then(customer) { email("email"); }
"#;

/// Rightly about three customers.
const EVERYONE: &str = r#"
    //! Thank the most faithful.
    const TOPIC = "service";
    const PRIORITY = 100;
    fn when(customer) { customer.visits.minutes > 5000 }
    fn then(customer) { email("email"); }
"#;

const SIGNALS: [(&str, &str); 3] = [
    ("customers", "SELECT id AS customer_id, name, email, owner FROM people"),
    (
        "parcels",
        "-- key: parcel_id\nSELECT person AS customer_id, no AS parcel_id, sent_at FROM parcels\n\
         WHERE sent_at <= :as_of AND (arrived_at IS NULL OR arrived_at > :as_of)",
    ),
    ("visits", "-- default: minutes = 100\nSELECT person AS customer_id, minutes FROM visits"),
];

/// A generated company in a folder of its own: forty late parcels, thirty customers who are hardly
/// ever here, and as many others as a test wants.
struct Company {
    folder: TempDir,
}

impl Company {
    fn new(customers: u32) -> Self {
        let company = Self { folder: tempfile::tempdir().unwrap() };
        company.sql(&format!(
            "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT, email TEXT, owner TEXT);
             CREATE TABLE parcels (no TEXT PRIMARY KEY, person TEXT, sent_at TIMESTAMP,
                 arrived_at TIMESTAMP);
             CREATE TABLE visits (person TEXT PRIMARY KEY, minutes INTEGER);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {customers})
             INSERT INTO people
             SELECT printf('c%06d', i), 'Customer ' || i, 'c' || i || '@example.com', 'nancy' FROM n;
             INSERT INTO parcels SELECT 'p' || substr(id, 2), id, CASE WHEN id <= 'c000040'
                 THEN '1998-04-20 00:00:00' ELSE '1998-05-04 00:00:00' END, NULL
                 FROM people WHERE id <= 'c000060';
             INSERT INTO visits SELECT id, CASE WHEN id <= 'c000130' THEN 3 ELSE 6000 END
                 FROM people WHERE id > 'c000100' AND id <= 'c000133';"
        ));
        for (name, sql) in SIGNALS {
            company.write(&format!("rules/signals/{name}.sql"), sql);
        }
        company.write("rules/policy.toml", POLICY);
        for (name, script) in [("late", LATE), ("absent", ABSENT), ("everyone", EVERYONE)] {
            company.write(&format!("rules/{name}/rule.rhai"), script);
            company.write(
                &format!("rules/{name}/email.md"),
                "---\nsubject: Hello\n---\nDear {{ customer.name }}.\n",
            );
        }
        company.write(
            "lookout.toml",
            "[source]\nurl = \"sqlite:company.db\"\n[state]\nurl = \"sqlite:state.db\"\n\
             [channels.email]\nurl = \"file:mail\"\nfrom = \"Care <care@example.com>\"\n",
        );
        company
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.path("company.db")).unwrap().execute_batch(sql).unwrap();
    }

    /// One value of the state database.
    fn state(&self, sql: &str) -> i64 {
        let state = rusqlite::Connection::open(self.path("state.db")).unwrap();
        state.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn lookout(&self, line: &str) -> Ran {
        program::run(self.folder.path(), line)
    }

    fn run(&self, as_of: &str) -> Ran {
        self.lookout(&format!("run --as-of {as_of} --format json"))
    }

    /// The rules that wrote, and to whom, since the last call.
    fn mail(&self) -> BTreeMap<String, BTreeSet<String>> {
        let state = rusqlite::Connection::open(self.path("state.db")).unwrap();
        let sql =
            "SELECT o.rule, c.customer_id FROM outreaches o JOIN contacts c ON c.outreach = o.key
                   WHERE o.state = 'sent' AND o.channel = 'email'";
        let mut statement = state.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let mut mail: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut sent = 0;
        for (rule, customer) in rows.map(Result::unwrap) {
            mail.entry(rule).or_default().insert(customer);
            sent += 1;
        }
        // Each of them is a file, and no file is without its row.
        let files = std::fs::read_dir(self.path("mail")).map_or(0, Iterator::count);
        assert_eq!(files, sent);
        mail
    }

    /// How many each rule wrote to.
    fn written(&self) -> Vec<(String, usize)> {
        self.mail().into_iter().map(|(rule, customers)| (rule, customers.len())).collect()
    }

    /// The open episodes, by rule.
    fn open(&self, rule: &str) -> i64 {
        self.state(&format!(
            "SELECT COUNT(*) FROM episodes WHERE ended_at IS NULL AND rule = '{rule}'"
        ))
    }

    fn everyone_is_true(&self) {
        let script = EVERYONE.replace("customer.visits.minutes > 5000", "true");
        self.write("rules/everyone/rule.rhai", &script);
    }
}

/// The alarms of a run: code, rules and message.
fn alarms(ran: &Ran) -> Vec<(String, Vec<String>, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let alarm = |alarm: &Value| {
        let rules = alarm["rules"].as_array().unwrap().iter().map(text).collect();
        (text(&alarm["code"]), rules, text(&alarm["message"]))
    };
    ran.json()["alarms"].as_array().unwrap().iter().map(alarm).collect()
}

fn pairs(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
    expected.iter().map(|(rule, count)| ((*rule).to_owned(), *count)).collect()
}
