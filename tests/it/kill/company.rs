//! A made-up company: its pack, its database, and the program at work for it. Every event asks
//! for just one contact or task, so that it is known beforehand who must hear what.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::server::Server;
use super::state::{On, State};
use crate::support::program::variables;
use crate::support::sink::{MailSink, Manner, WebSink};

/// The kinds of events: what each asks for, and how important it is.
const KINDS: [(&str, &str, u32); 5] = [
    ("mail", "email(\"email\")", 80),
    ("text", "send(\"sms\", \"sms\")", 70),
    ("paper", "send(\"fax\", \"fax\")", 60),
    ("call", "phone(\"task\", #{ assign: \"Kim\" })", 50),
    ("note", "task(\"task\", #{ assign: \"Kim\", due: \"4h\" })", 40),
];

/// What may go out: two contacts a day, and nobody is disturbed in the last hour before six in
/// the evening, which every fourth run falls into.
const POLICY: &str = r#"timezone = "UTC"

[topics.service]
consent = "opt-out"

[quiet_hours]
from = "17:00"
to = "18:00"

[[cap]]
contacts = 2
per = "1d"

[hold]
rule = 1000000
everything = 1000000
new_rule = 1000000
share = "100%"
times_usual = 1000000
"#;

const WORDS: &str = "---
subject: Event {{ event.event_id }}
---
Dear {{ customer.name }},

this is about event {{ event.event_id }}.
";

/// Where customers reach the endpoint behind the links, and the key that signs these.
pub(crate) const OPT_OUT: [&str; 2] =
    ["https://care.example.com/stop", "an uncommonly long key, for tests only"];

/// How long a claim of a worker lasts that is to die, in milliseconds: it is soon free.
const SHORT_LEASE: &str = "1000";
/// How long one lasts otherwise; a busy machine does not lose it.
const LEASE: &str = "20000";

/// By then everything that was claimed is free again and has left.
const ENOUGH: Duration = Duration::from_secs(120);

/// The company, its servers and its state database.
pub(crate) struct Company {
    folder: TempDir,
    pub(crate) mail: MailSink,
    pub(crate) web: WebSink,
    pub(crate) state: State,
    /// The milliseconds of a lease that nothing is to happen to.
    pub(crate) lease: String,
    events: u32,
    /// What came to nothing before anybody was told.
    gone: BTreeSet<u32>,
    /// What is about somebody who opted out, and so may be told or not.
    silenced: BTreeSet<u32>,
    /// The keys of messages that came back after they had been accepted.
    returned: BTreeSet<String>,
}

/// Somebody whom the company writes to.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) phone: String,
}

/// How a command ended that was to die.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Died {
    /// By SIGKILL.
    Killed,
    /// It ended by itself: nothing killed it.
    Ended,
}

impl Company {
    /// With so many customers, and nothing to say to them yet.
    pub(crate) fn new(on: On, customers: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(on, folder.path());
        Self::with(folder, state, customers)
    }

    /// The same, on a PostgreSQL of its own.
    pub(crate) fn on_server(server: &Server, customers: u32) -> Self {
        Self::with(tempfile::tempdir().unwrap(), State::at(server.url()), customers)
    }

    fn with(folder: TempDir, state: State, customers: u32) -> Self {
        let mail = MailSink::start(Manner { pipelining: true, ..Manner::default() });
        let web = WebSink::start(None);
        let company = Self {
            folder,
            mail,
            web,
            state,
            lease: LEASE.to_owned(),
            events: 0,
            gone: BTreeSet::new(),
            silenced: BTreeSet::new(),
            returned: BTreeSet::new(),
        };
        company.write_pack();
        company.configure();
        company.shop(&format!(
            "CREATE TABLE people (id TEXT, email TEXT, phone TEXT);
             CREATE TABLE events (no INTEGER, person TEXT, kind TEXT, at TIMESTAMP);
             WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < {customers})
             INSERT INTO people SELECT 'P' || n, 'p' || n || '@example.com',
                 '+4922155' || (100000 + n) FROM n;"
        ));
        company
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_pack(&self) {
        self.write("rules/policy.toml", POLICY);
        self.write(
            "rules/signals/customers.sql",
            "SELECT id AS customer_id, id AS name, email, phone, phone AS sms, phone AS fax FROM people",
        );
        self.write(
            "rules/signals/events.sql",
            "-- key: event_id\nSELECT person AS customer_id, no AS event_id, kind FROM events \
             WHERE at <= :as_of",
        );
        for (kind, verb, priority) in KINDS {
            let template = verb.split('"').nth(if verb.starts_with("send") { 3 } else { 1 });
            self.write(
                &format!("rules/{kind}/rule.rhai"),
                &format!(
                    "//! A made-up event is told about.\n\nconst ABOUT = \"events\";\n\
                     const TOPIC = \"service\";\nconst PRIORITY = {priority};\n\
                     const EXPIRES = \"90d\";\n\n\
                     fn when(customer, event) {{ event.kind == \"{kind}\" }}\n\
                     fn then(customer, event) {{ {verb}; }}\n"
                ),
            );
            self.write(&format!("rules/{kind}/{}.md", template.unwrap()), WORDS);
        }
    }

    fn configure(&self) {
        let [stop, key] = OPT_OUT;
        self.write(
            "lookout.toml",
            &format!(
                "rules = \"rules\"\n[source]\nurl = \"sqlite:shop.db\"\n[state]\nurl = \"{}\"\n\
                 [channels.email]\nurl = \"{}\"\nfrom = \"Care <care@example.com>\"\n\
                 [channels.sms]\nurl = \"{}\"\n[channels.fax]\nurl = \"file:faxes\"\n\
                 [opt_out]\nurl = \"{stop}\"\nkey = \"{key}\"\n",
                self.state.url,
                self.mail.url(),
                self.web.url()
            ),
        );
    }

    /// Runs SQL on the company's own database.
    pub(crate) fn shop(&self, sql: &str) {
        Connection::open(self.path("shop.db")).unwrap().execute_batch(sql).unwrap();
    }

    /// Something happens to so many customers, an event each, just before a run.
    pub(crate) fn happen(&mut self, run: u32, kind: &str, count: u32) {
        let (first, at) = (self.events, instant(run));
        self.events += count;
        self.shop(&format!(
            "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < {count})
             INSERT INTO events SELECT {first} + n,
                 'P' || (({first} + n) * 7 % (SELECT COUNT(*) FROM people)), '{kind}',
                 '{}' FROM n;",
            &at[..19].replace('T', " ")
        ));
    }

    /// The program with these words, its state and its death as a test wants them.
    pub(crate) fn command(&self, line: &str, fault: Option<&str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookout"));
        for name in variables() {
            command.env_remove(name);
        }
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .env("LOOKOUT_LOG", "warn")
            .env("LOOKOUT_TEST_LEASE", if fault.is_some() { SHORT_LEASE } else { &self.lease })
            .stdin(Stdio::null());
        if let Some(fault) = fault {
            command.env("LOOKOUT_TEST_FAULT", fault);
        }
        command
    }

    /// Runs it to its end, which is either the one that a fault asked for, or a good one.
    pub(crate) fn lookout(&self, line: &str, fault: Option<&str>) -> Died {
        let output = self.command(line, fault).output().unwrap();
        let died = how_it_ended(line, &output);
        assert!(fault.is_some() || died == Died::Ended, "lookout {line} was killed by nobody");
        died
    }

    /// Delivers until nothing waits any more. Gives whether a fault killed it before.
    pub(crate) fn settle(&self, fault: Option<&str>) -> Died {
        let began = Instant::now();
        while !self.state.is_quiet() {
            assert!(began.elapsed() < ENOUGH, "it never comes to rest: {:?}", self.state.counts());
            if self.lookout("deliver", fault) == Died::Killed {
                return Died::Killed;
            }
        }
        Died::Ended
    }

    /// Runs on until what the caps kept back is told, too.
    pub(crate) fn tell_the_rest(&self, run: &mut u32) {
        const FOUR_DAYS: u32 = 16;
        for _ in 0..FOUR_DAYS {
            let told = self.state.ask("SELECT DISTINCT subject FROM contacts").concat();
            let told: BTreeSet<u32> = told.iter().map(|event| event.parse().unwrap()).collect();
            let may_wait = |event| self.is_gone(event) || self.is_silenced(event);
            if (0..self.events).all(|event| told.contains(&event) || may_wait(event)) {
                return;
            }
            *run += 1;
            self.lookout(&format!("run --as-of {}", instant(*run)), None);
            self.settle(None);
        }
    }

    /// What was to be told by mail is decided, waits behind a pause, and is not fresh any more; one
    /// of the events `comes_to_nothing` meanwhile.
    pub(crate) fn grow_old(&mut self, run: &str, comes_to_nothing: bool) {
        self.lookout("pause email", None);
        self.lookout(run, None);
        // An hour passes.
        self.state.execute("UPDATE outreaches SET asked_at = asked_at - 3600000000");
        if comes_to_nothing {
            let waiting = "SELECT c.subject FROM contacts c JOIN outreaches o ON o.key = c.outreach
                 WHERE o.state = 'ready' AND o.channel = 'email' ORDER BY c.subject LIMIT 1";
            let event = self.state.number(waiting) as u32;
            self.shop(&format!("DELETE FROM events WHERE no = {event}"));
            self.gone.insert(event);
        }
        self.lookout("resume email", None);
    }

    /// Every fifth person has the address of the one before.
    pub(crate) fn share_addresses(&self) {
        self.shop(
            "UPDATE people SET email = 'p' || (CAST(substr(id, 2) AS INTEGER) - 1) || '@example.com'
             WHERE CAST(substr(id, 2) AS INTEGER) % 5 = 1",
        );
    }

    /// A customer, by the company's own data.
    pub(crate) fn person(&self, id: &str) -> Person {
        let shop = Connection::open(self.path("shop.db")).unwrap();
        let person = "SELECT id, email, phone FROM people WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Person { id: row.get(0)?, email: row.get(1)?, phone: row.get(2)? })
        };
        shop.query_row(person, [id], read).unwrap()
    }

    /// How many messages servers and the folder have accepted for somebody.
    pub(crate) fn reached(&self, person: &Person) -> usize {
        let mail =
            self.mail.book.entries().into_iter().filter(|mail| mail.recipient == person.email);
        let web = self.web.book.entries().into_iter().filter(|text| text.recipient == person.phone);
        let faxes = self.faxes();
        let faxes = faxes.iter().map(|key| self.path(&format!("faxes/{key}.json")));
        let faxes = faxes.filter(|fax| fs::read_to_string(fax).unwrap().contains(&person.phone));
        mail.count() + web.count() + faxes.count()
    }

    /// Whoever has these addresses opted out at some time.
    pub(crate) fn silence(&mut self, addresses: &BTreeSet<String>) {
        let shop = Connection::open(self.path("shop.db")).unwrap();
        let sql = "SELECT e.no, p.email FROM events e JOIN people p ON p.id = e.person";
        let mut events = shop.prepare(sql).unwrap();
        let events = events.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let about_them = events.map(Result::unwrap).filter(|(_, email)| addresses.contains(email));
        self.silenced = about_them.map(|(no, _): (u32, String)| no).collect();
    }

    /// A message came back, although it had been accepted.
    pub(crate) fn came_back(&mut self, key: &str) {
        self.returned.insert(key.to_owned());
    }

    /// Whether a message came back after it had been accepted.
    pub(crate) fn is_returned(&self, key: &str) -> bool {
        self.returned.contains(key)
    }

    /// Whether an event is about somebody who opted out.
    pub(crate) fn is_silenced(&self, event: u32) -> bool {
        self.silenced.contains(&event)
    }

    /// Whether an event came to nothing before anybody was told.
    pub(crate) fn is_gone(&self, event: u32) -> bool {
        self.gone.contains(&event)
    }

    /// How many events there were, each of which asks for one contact or task.
    pub(crate) fn events(&self) -> u32 {
        self.events
    }

    /// The keys of the messages in the folder.
    pub(crate) fn faxes(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("faxes")).into_iter().flatten();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect()
    }
}

/// The run's instant: a tenth of a second before each sixth hour, from midnight on.
pub(crate) fn instant(run: u32) -> String {
    let start = chrono::DateTime::from_timestamp(894_499_199, 900_000_000).unwrap();
    let at = start + chrono::TimeDelta::hours(6 * i64::from(run));
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Whether it was killed. Anything but that, and an end in good order, is a failure of the test.
pub(crate) fn how_it_ended(line: &str, output: &Output) -> Died {
    let status = output.status;
    if status.signal() == Some(9) {
        return Died::Killed;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(status.code(), Some(0 | 4)), "lookout {line}: {status}\n{said}");
    Died::Ended
}
