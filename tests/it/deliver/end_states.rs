//! Where an outreach ends when the server at the other end misbehaves: its state, its next try, who
//! is suppressed, what is paused, and what the server holds. A whole worker, on both databases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use lookout::config::ChannelConfig;
use lookout::deliver::{Channels, Names, Network};
use lookout::domain::{Instant, OutreachState, RuleId, parse_instant};
use lookout::pack::{self, Pack};
use lookout::pipeline::{self, Watch};
use lookout::signals::Source;
use lookout::store::{OutboxQuery, OutboxRow, Store};
use lookout::worker::{Halt, SecondLook, Worker};
use rstest::rstest;
use tempfile::TempDir;

use crate::support::postgres;
use crate::support::sink::{Act, Book, MailSink, Manner, Phase, Reply, Tls, WebSink, self_signed};

const AS_OF: &str = "2026-01-02T09:00:00Z";

const FILES: [(&str, &str); 5] = [
    (
        "policy.toml",
        "[topics.service]\nconsent = \"opt-out\"\n[[cap]]\ncontacts = 9\nper = \"1d\"\n",
    ),
    ("signals/customers.sql", "SELECT id AS customer_id, email, phone FROM people"),
    (
        "hello/rule.rhai",
        "//! Say hello.\nconst TOPIC = \"service\";\nfn when(customer) { true }\n\
         fn then(customer) { WAY; }\n",
    ),
    ("hello/email.md", "---\nsubject: Hello\nbecause: You are here.\n---\nHello.\n"),
    ("hello/sms.md", "---\nsubject: Hello\nbecause: You are here.\n---\nHello.\n"),
];

/// Some customers who are to hear hello, decided and recorded.
struct Office {
    pack: Pack,
    store: Store,
    source: String,
    _folder: TempDir,
}

fn at(after: TimeDelta) -> Instant {
    parse_instant(AS_OF).unwrap() + after
}

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

impl Office {
    /// With these customers, who hear on a channel.
    async fn new(postgres: bool, channel: &str, customers: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let way = format!("send(\"{channel}\", \"{channel}\")");
        for (name, text) in FILES {
            write(&folder.path().join("rules"), name, &text.replace("WAY", &way));
        }
        let people = folder.path().join("people.db");
        let sql = rusqlite::Connection::open(&people).unwrap();
        sql.execute_batch("CREATE TABLE people (id TEXT, email TEXT, phone TEXT)").unwrap();
        for (place, name) in customers.iter().enumerate() {
            let row = format!(
                "INSERT INTO people VALUES ('{name}', '{name}@example.com', '+49 221 55{place}')"
            );
            sql.execute_batch(&row).unwrap();
        }
        let state = match postgres {
            true => postgres::database().await,
            false => format!("sqlite:{}", folder.path().join("state.db").display()),
        };
        let loaded = pack::load(&folder.path().join("rules"));
        let pack = loaded.pack.unwrap_or_else(|| panic!("{:#?}", loaded.problems));
        let store = Store::open(&state).await.unwrap();
        let url = format!("sqlite:{}", people.display());
        let source = Source::open(&url).await.unwrap();
        let (as_of, rules) = (at(TimeDelta::zero()), BTreeSet::from([RuleId::from("hello")]));
        let mut view = source.view(as_of).await.unwrap();
        let found =
            pipeline::find(&pack, &mut view, as_of, &rules, Watch::default()).await.unwrap();
        pipeline::commit(&pack, &found, &store, as_of, as_of).await.unwrap();
        Self { pack, store, source: url, _folder: folder }
    }

    /// A worker works through what is due so long after the decision.
    async fn deliver(&self, channels: &Channels, after: TimeDelta) {
        let wall = move || at(after);
        let worker = Worker {
            pack: &self.pack,
            store: &self.store,
            second_look: SecondLook::In(Some(&self.source)),
            channels,
            wall: &wall,
            allow_time_travel: true,
            progress: None,
            halt: &Halt::default(),
            follow: false,
        };
        worker.deliver().await.unwrap();
    }

    async fn rows(&self) -> BTreeMap<String, OutboxRow> {
        let query = OutboxQuery { state: None, limit: 100 };
        let rows = self.store.outbox(&query).await.unwrap().outreaches;
        rows.into_iter().map(|row| (row.outreach.subjects[0].customer.to_string(), row)).collect()
    }

    /// Where Ana's outreach ended, in a line.
    async fn end(&self) -> String {
        let row = &self.rows().await["ana"];
        let mut said = vec![row.state.name().to_owned()];
        if row.state == OutreachState::Retry {
            said.push(match (row.next_attempt_at - at(TimeDelta::zero())).num_seconds() {
                // A minute, more or less by chance.
                45..=75 => "soon".to_owned(),
                seconds => format!("in {seconds} s"),
            });
        }
        let suppressed = self.store.suppressions().await.unwrap();
        said.extend(suppressed.iter().map(|row| {
            assert!(row.suppression.topic.is_none(), "{row:?}");
            "nobody there".to_owned()
        }));
        let pauses = self.store.pauses().await.unwrap();
        said.extend(pauses.iter().map(|pause| format!("paused {}", pause.scope.name())));
        said.join(", ")
    }
}

/// A channel with one connection at a time.
fn open(channel: &str, url: String, network: &Network) -> Channels {
    let config = ChannelConfig {
        url,
        from: (channel == "email").then(|| "care@example.com".to_owned()),
        connections: Some("1".to_owned()),
        ..ChannelConfig::default()
    };
    Channels::open_on(&BTreeMap::from([(channel.to_owned(), config)]), network).unwrap()
}

/// The keys that a server holds, and Ana's, which is the only one that it may hold.
async fn holds(office: &Office, book: &Book) -> u64 {
    let key = office.rows().await["ana"].outreach.key.to_string();
    assert!(book.keys().iter().all(|held| *held == key));
    book.count()
}

const SLOW: Act = Act::Slow(Duration::from_secs(1));

#[rstest]
#[case::too_busy(Phase::Greeting, Act::Say("421 4.3.2 busy"), "retry, soon", 0)]
#[case::not_served(Phase::Greeting, Act::Say("554 no"), "retry, soon, paused channel:email", 0)]
#[case::greylisted(Phase::Recipient, Act::Say("451 4.7.1 later"), "retry, in 300 s", 0)]
#[case::later(Phase::Recipient, Act::Say("451 4.3.0 later"), "retry, soon", 0)]
#[case::unknown(Phase::Recipient, Act::Say("550 5.1.1 who?"), "failed, nobody there", 0)]
#[case::relay(Phase::Recipient, Act::Say("550 5.7.54 no"), "retry, soon, paused channel:email", 0)]
#[case::closing(Phase::Data, Act::Say("421 4.3.2 bye"), "retry, soon", 0)]
#[case::content(Phase::End, Act::Say("554 5.6.0 no"), "failed", 0)]
#[case::after_all(Phase::End, Act::Say("550 5.1.1 who?"), "failed, nobody there", 0)]
#[case::not_now(Phase::End, Act::Say("451 4.3.0 later"), "retry, soon", 0)]
#[case::hangs_early(Phase::Sender, Act::Hang, "retry, soon", 0)]
#[case::hangs_before_data(Phase::Data, Act::Hang, "uncertain", 0)]
#[case::drops_within(Phase::Content, Act::Drop, "uncertain", 0)]
#[case::drops_at_the_end(Phase::End, Act::Drop, "uncertain", 0)]
#[case::takes_and_drops(Phase::Taken, Act::Drop, "uncertain", 1)]
#[case::slow_early(Phase::Sender, SLOW, "retry, soon", 0)]
#[case::slow_late(Phase::Taken, SLOW, "uncertain", 1)]
#[tokio::test]
async fn a_mail_ends_where_it_should(
    #[case] phase: Phase,
    #[case] act: Act,
    #[case] expected: &str,
    #[case] taken: u64,
    #[values(false, true)] postgres: bool,
) {
    let sink = MailSink::start(Manner { pipelining: true, ..Manner::default() });
    sink.orders.next(phase.then(act));
    let short = Duration::from_millis(700);
    let network = match (act, phase) {
        (Act::Hang | Act::Slow(_), Phase::Data) => Network { data: short, ..Network::default() },
        (Act::Hang | Act::Slow(_), Phase::Taken) => {
            Network { content: short, ..Network::default() }
        }
        (Act::Hang | Act::Slow(_), _) => Network { command: short, ..Network::default() },
        _ => Network::default(),
    };
    let office = Office::new(postgres, "email", &["ana"]).await;
    let channels = open("email", sink.url(), &network);
    office.deliver(&channels, TimeDelta::zero()).await;
    assert_eq!((office.end().await.as_str(), holds(&office, &sink.book).await), (expected, taken));
    // The server is well again. What may go, goes once; nothing else ever does.
    office.deliver(&channels, TimeDelta::minutes(10)).await;
    let again = u64::from(expected.starts_with("retry") && !expected.contains("paused"));
    assert_eq!(holds(&office, &sink.book).await, taken + again);
    let then = if again == 1 { "sent" } else { expected };
    assert_eq!(office.end().await, then);
}

#[rstest]
#[tokio::test]
async fn a_mail_server_that_is_not_there_or_not_trusted_is_tried_again(
    #[values(false, true)] postgres: bool,
) {
    let mut shut = MailSink::start(Manner::default());
    shut.shut().await;
    let url = shut.url();
    let always = Manner { tls: Tls::Always(self_signed("127.0.0.1")), ..Manner::default() };
    let untrusted = MailSink::start(always);
    let secure = untrusted.url().replace("smtp://", "smtps://");
    for (sink, url) in [(shut, url), (untrusted, secure)] {
        let office = Office::new(postgres, "email", &["ana"]).await;
        office.deliver(&open("email", url, &Network::default()), TimeDelta::zero()).await;
        assert_eq!(office.end().await, "retry, soon");
        assert_eq!(sink.book.count(), 0);
    }
}

#[rstest]
#[tokio::test]
async fn one_of_many_who_is_refused_is_the_only_one(#[values(false, true)] postgres: bool) {
    let sink = MailSink::start(Manner::default());
    let denied = Phase::Recipient.then(Act::Say("554 5.7.1 access denied"));
    sink.orders.to("bob@example.com", denied);
    let office = Office::new(postgres, "email", &["ana", "bob", "cyd", "dan"]).await;
    let channels = open("email", sink.url(), &Network::default());
    for minutes in [0, 10] {
        office.deliver(&channels, TimeDelta::minutes(minutes)).await;
    }
    let rows = office.rows().await;
    let states: Vec<_> = rows.iter().map(|(who, row)| (who.as_str(), row.state.name())).collect();
    let expected = [("ana", "sent"), ("bob", "failed"), ("cyd", "sent"), ("dan", "sent")];
    assert_eq!(states, expected);
    assert_eq!((sink.book.count(), office.end().await.as_str()), (3, "sent"));
}

fn says(status: u16, headers: &[(&'static str, &str)]) -> Reply {
    Reply::Say(status, headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
}

#[rstest]
#[case::broken(says(500, &[]), "retry, soon", 0)]
#[case::too_many(says(429, &[("retry-after", "600")]), "retry, in 600 s", 0)]
#[case::gone(says(410, &[]), "retry, soon, paused channel:sms", 0)]
#[case::moved(says(307, &[("location", "/elsewhere")]), "retry, soon, paused channel:sms", 0)]
#[case::not_this_one(says(422, &[]), "failed", 0)]
#[case::takes_and_drops(Reply::TakeAndDrop, "retry, soon", 1)]
#[case::silent(Reply::Hang, "retry, soon", 0)]
#[case::slow(Reply::Slow(Duration::from_secs(1)), "retry, soon", 1)]
#[case::endless(Reply::Endless, "sent", 1)]
#[tokio::test]
async fn a_message_by_http_ends_where_it_should(
    #[case] reply: Reply,
    #[case] expected: &str,
    #[case] taken: u64,
    #[values(false, true)] postgres: bool,
) {
    let sink = WebSink::start(None);
    sink.orders.next(reply.clone());
    let network = match reply {
        Reply::Hang | Reply::Slow(_) => {
            Network { exchange: Duration::from_millis(700), ..Network::default() }
        }
        _ => Network::default(),
    };
    let office = Office::new(postgres, "sms", &["ana"]).await;
    let channels = open("sms", sink.url(), &network);
    office.deliver(&channels, TimeDelta::zero()).await;
    assert_eq!((office.end().await.as_str(), holds(&office, &sink.book).await), (expected, taken));
    // At least once: the service knows the second by its key.
    office.deliver(&channels, TimeDelta::minutes(20)).await;
    let again = u64::from(expected.starts_with("retry") && !expected.contains("paused"));
    assert_eq!(holds(&office, &sink.book).await, taken + again);
    let then = if again == 1 { "sent" } else { expected };
    assert_eq!(office.end().await, then);
}

#[rstest]
#[tokio::test]
async fn a_name_that_leads_inside_stops_the_channel(#[values(false, true)] postgres: bool) {
    let sink = WebSink::start(None);
    let inside =
        BTreeMap::from([("hooks.example.com".to_owned(), vec!["127.0.0.1".parse().unwrap()])]);
    let network = Network { names: Names::Given(inside), ..Network::default() };
    let office = Office::new(postgres, "sms", &["ana"]).await;
    let url = sink.url().replace("127.0.0.1", "hooks.example.com");
    office.deliver(&open("sms", url, &network), TimeDelta::zero()).await;
    assert_eq!(office.end().await, "retry, soon, paused channel:sms");
    assert_eq!((sink.heard().len(), sink.book.count()), (0, 0));
    let because = &office.store.pauses().await.unwrap()[0].because;
    assert!(because.contains("networks = \"127.0.0.1\"") && because.contains("resume sms"));
}
