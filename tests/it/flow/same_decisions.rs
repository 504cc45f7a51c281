//! A dry run and a run of the same instant print the same, whatever the pack, the data and the
//! history: a run is a dry run that is written down. `explain` tells of each customer what it prints,
//! and what it prints of each is what `test` makes of it as a case.

use assert_cmd::Command;
use lookout::cli::explain::as_case::Told;
use lookout::domain::{CustomerId, Outcome, SuppressionCause, format_instant};
use lookout::pipeline::Explanation;
use lookout::store::NewSuppression;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// A pack as texts, and what happens run by run.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) rules: Vec<String>,
    pub(super) policy: String,
    pub(super) days: Vec<Day>,
    /// How many contacts of a rule go out in a day without approval, where it is few.
    pub(super) most: Option<u64>,
}

/// What happens before a run.
#[derive(Clone, Debug)]
pub(super) struct Day {
    /// Minutes since the last run.
    pub(super) after: i64,
    /// SQL that changes the data.
    pub(super) changes: Vec<String>,
    /// Whom somebody suppresses.
    pub(super) suppressed: Option<usize>,
    /// Which rules are due, if not all.
    pub(super) due: Option<usize>,
    /// Whether a worker came by since the last run.
    pub(super) delivered: bool,
}

const CONDITIONS: [(&str, &str); 5] = [
    ("parcels", "days_since(parcel.sent_at) >= 7"),
    ("parcels", "parcel.weight * 2 > 20"),
    ("parcels", "days_since(parcel.sent_at) >= PATIENCE && customer.visits.minutes < 50"),
    ("", "customer.visits.minutes < 10"),
    ("", "customer.visits.minutes > 3 && customer.email != ()"),
];

/// `episode` counts: an e-mail first, then a call.
const ASKS: [&str; 5] = [
    r#"email("email");"#,
    r#"contact();"#,
    r#"email("email"); task("task", #{ assign: "us", due: "4h" });"#,
    r#"if episode.contacts == 0 { email("email"); } else { phone("task", #{ due: "1d" }); }"#,
    r#"phone("task");"#,
];

pub(super) fn stories() -> impl Strategy<Value = Story> {
    let rules = prop::collection::vec(rule(), 2..=4);
    let days = prop::collection::vec(day(), 3..=5);
    let most = prop::sample::select(vec![None, None, Some(1), Some(2)]);
    (rules, policy(), days, most).prop_map(|(rules, policy, days, most)| Story {
        rules,
        policy,
        days,
        most,
    })
}

fn constant(name: &'static str, values: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    let values = values.to_vec();
    prop_oneof![
        Just(String::new()),
        prop::sample::select(values).prop_map(move |v| format!("const {name} = {v};\n")),
    ]
}

pub(super) fn rule() -> impl Strategy<Value = String> {
    let constants = (
        constant("PRIORITY", &["10", "50", "90"]),
        constant("FOR", &[r#""1d""#, r#""90m""#]),
        constant("REPEAT", &[r#""12h""#, r#""2d""#]),
        constant("COOLDOWN", &[r#""1d""#, r#""1w""#]),
        constant("EXPIRES", &[r#""6h""#, r#""1d""#]),
    );
    let topic = prop::sample::select(vec!["service", "service", "offers", "security"]);
    let condition = prop::sample::select(CONDITIONS.to_vec());
    (constants, topic, condition, prop::sample::select(ASKS.to_vec())).prop_map(
        |(constants, topic, (about, condition), ask)| {
            let (priority, holds_for, repeat, cooldown, expires) = constants;
            let (about, parameters) = match about {
                "" => (String::new(), "customer"),
                about => (format!("const ABOUT = \"{about}\";\n"), "customer, parcel"),
            };
            let own = if condition.contains("PATIENCE") { "const PATIENCE = 3;\n" } else { "" };
            format!(
                "//! A rule.\n{about}const TOPIC = \"{topic}\";\n{priority}{holds_for}{repeat}\
                 {cooldown}{expires}{own}\
                 fn when({parameters}) {{ {condition} }}\n\
                 fn then({parameters}, episode) {{ {ask} }}\n"
            )
        },
    )
}

pub(super) fn policy() -> impl Strategy<Value = String> {
    let quiet = prop::sample::select(vec![
        "",
        "[quiet_hours]\nfrom = \"20:00\"\nto = \"08:00\"\n",
        "[quiet_hours]\ndays = [\"Sat\", \"Fri\"]\n",
    ]);
    let cap = prop::sample::select(vec![
        "",
        "[[cap]]\ncontacts = 1\nper = \"1d\"\n",
        "[[cap]]\ncontacts = 1\nper = \"2d\"\n[[cap]]\ncontacts = 2\nper = \"1w\"\nchannel = \"email\"\n",
    ]);
    let errors = prop::sample::select(vec!["1%", "50%"]);
    let mute = prop::sample::select(vec!["", "mute_when = \"customer.visits.minutes != 100\"\n"]);
    (quiet, cap, errors, mute).prop_map(|(quiet, cap, errors, mute)| {
        format!(
            "timezone = \"Europe/Berlin\"\nchannels = [\"email\", \"phone\"]\nerrors = \"{errors}\"\n\
             [topics.service]\nconsent = \"opt-out\"\n[topics.offers]\nconsent = \"opt-in\"\n{mute}\
             [topics.security]\nconsent = \"always\"\nignore = [\"quiet_hours\", \"outranked\"]\n\
             [working_hours]\nfrom = \"09:00\"\nto = \"17:00\"\n{quiet}{cap}"
        )
    })
}

fn day() -> impl Strategy<Value = Day> {
    let rare = |of: usize| prop_oneof![4 => Just(None), 1 => (0..of).prop_map(Some)];
    (90i64..3000, prop::collection::vec(change(), 1..=10), rare(6), rare(4), any::<bool>())
        .prop_map(|(after, changes, suppressed, due, delivered)| Day {
            after,
            changes,
            suppressed,
            due,
            delivered,
        })
}

fn change() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (0..20u8, 0..6u8, 20..=30u8, 1..30u8).prop_map(|(number, who, day, weight)| format!(
            "DELETE FROM parcels WHERE no = 'p{number}';
             INSERT INTO parcels VALUES ('p{number}', 'c{who}', '1998-04-{day} 10:00:00', NULL, {weight})"
        )),
        1 => (0..20u8).prop_map(|number| format!("DELETE FROM parcels WHERE no = 'p{number}'")),
        1 => (0..20u8).prop_map(|number| format!("UPDATE parcels SET weight = NULL WHERE no = 'p{number}'")),
        2 => (0..6u8, 1..60u8).prop_map(|(who, minutes)| format!(
            "DELETE FROM visits WHERE person = 'c{who}'; INSERT INTO visits VALUES ('c{who}', {minutes})"
        )),
        1 => (0..6u8, prop::sample::select(vec!["NULL", "'service'", "'*'"]))
            .prop_map(|(who, refused)| format!("UPDATE people SET refusals = {refused} WHERE id = 'c{who}'")),
        1 => (0..6u8, 0..6u8)
            .prop_map(|(who, other)| format!("UPDATE people SET email = 'C{other}@example.com' WHERE id = 'c{who}'")),
    ]
}

/// A courier with six customers: in three time zones, one who agreed to offers, one without an
/// address.
pub(super) fn courier(story: &Story) -> Courier {
    let courier = Courier::new(&[]);
    courier.write("rules/policy.toml", &story.policy);
    for (number, script) in story.rules.iter().enumerate() {
        courier.rule(&format!("r{number}"), script);
        let words = if script.contains("ABOUT") { PARCEL_WORDS } else { WORDS };
        courier.write(&format!("rules/r{number}/phone.md"), words);
    }
    for number in 0..6 {
        courier.customer(&format!("c{number}"), &format!("c{number}@example.com"));
    }
    courier.sql(
        "ALTER TABLE people ADD consents TEXT;
         UPDATE people SET consents = 'offers' WHERE id IN ('c0', 'c3');
         UPDATE people SET timezone = 'Asia/Bangkok' WHERE id IN ('c1', 'c2');
         UPDATE people SET timezone = 'America/Los_Angeles', phone = '+1 555 01234' WHERE id = 'c3';
         UPDATE people SET email = 'none' WHERE id = 'c5'",
    );
    let customers =
        "SELECT id AS customer_id, name, email, phone, timezone, consents, refusals FROM people";
    courier.write("rules/signals/customers.sql", customers);
    courier
}

/// Plays a story and gives what its decisions came to.
async fn play(story: &Story) -> (BTreeSet<&'static str>, usize) {
    let courier = courier(story);
    let (store, mut pack) = (courier.store().await, courier.pack());
    if let Some(most) = story.most {
        let hold = &mut pack.policy.hold;
        (hold.never, hold.rule, hold.share) = (most, most, 1.0);
    }
    let mut as_of = at("1998-05-04T09:00:00Z");
    let (mut seen, mut played) = (BTreeSet::new(), 0);
    for day in &story.days {
        if day.delivered {
            send(&store, &format_instant(&(as_of + TimeDelta::minutes(45)))).await;
        }
        as_of += TimeDelta::minutes(day.after);
        courier.sql(&day.changes.join(";"));
        if let Some(customer) = day.suppressed {
            let person = NewSuppression {
                customer: Some(format!("c{customer}").into()),
                recipient: None,
                topic: None,
                cause: SuppressionCause::Refused,
                note: None,
            };
            store.suppress(&[person], as_of).await.unwrap();
        }
        let is_due = |number: usize| day.due.is_none_or(|due| due == number % story.rules.len());
        let due = (0..story.rules.len()).filter(|number| is_due(*number));
        let due = due.map(|number| RuleId::from(format!("r{number}"))).collect();
        let found = courier.find_some(&pack, as_of, &due).await;
        let dry = pipeline::consider(&pack, &found, Some(&store), as_of).await.unwrap();
        if day.due.is_none() {
            played += told_again(&courier, &pack, &store, as_of, &dry).await;
        }

        // Pulled, judged and decided once more, from the same data and history.
        let found = courier.find_some(&pack, as_of, &due).await;
        let ran = pipeline::commit(&pack, &found, &store, as_of, as_of).await.unwrap();
        assert_eq!(json(&ran), json(&dry));
        assert_eq!(ran.decided, dry.decided);
        let recorded = store.recorded(as_of).await.unwrap().unwrap();
        assert_eq!(serde_json::to_string(&recorded).unwrap(), json(&dry));

        let totals = &dry.report.totals;
        let sum = totals.contact + totals.deferred + totals.refused + totals.held + totals.task;
        assert_eq!(totals.candidates, sum);
        let outcome = |d: &lookout::domain::Decision| {
            d.refusal.as_ref().map_or(d.outcome.name(), |refusal| refusal.code())
        };
        seen.extend(dry.report.decisions.iter().map(outcome));
    }
    (seen, played)
}

/// `explain` gives each customer the decisions of the dry run, and each of them as a case comes to the
/// same. How many cases were played.
async fn told_again(
    courier: &Courier,
    pack: &Pack,
    store: &Store,
    as_of: Instant,
    dry: &Considered,
) -> usize {
    let url = format!("sqlite:{}", courier.path("courier.db").display());
    let source = Source::open(&url).await.unwrap();
    let mut played = 0;
    for number in 0..6 {
        let customer = CustomerId::from(format!("c{number}"));
        let mut view = source.view(as_of).await.unwrap();
        let watch = Watch { customer: Some(&customer), ..Watch::default() };
        let told = pipeline::explain(pack, &mut view, Some(store), as_of, watch).await.unwrap();
        let decisions: Vec<_> = told.decisions.iter().map(|told| &told.decision).collect();
        let theirs = dry.report.decisions.iter().filter(|d| d.customer_id == customer);
        assert_eq!(decisions, theirs.collect::<Vec<_>>(), "{customer}");
        // No case can be held: `[hold]` begins beyond 50 contacts.
        let held = decisions.iter().any(|decision| decision.outcome == Outcome::Held);
        if held || !stands_alone(courier, store, &customer).await {
            continue;
        }
        let (found, considered) = (&told.found, &told.considered);
        let (explanation, store) = (&told, Some(store));
        let case = Told { pack, customer: &customer, explanation, store, as_of };
        for (id, rule) in &pack.rules {
            let theirs = found.seen.iter().filter(|seen| seen.rule == *id);
            let judged: Vec<_> = theirs.map(|seen| seen.verdict.is_ok()).collect();
            let sits_out = considered.rules[id].quarantine.is_some();
            if judged.is_empty() || judged.contains(&false) || sits_out || interferes(&told, id) {
                continue;
            }
            for made in case.cases(rule).await.unwrap() {
                assert!(
                    made.differs.is_empty(),
                    "{:?} {:#?}\n{}",
                    made.differs,
                    decisions,
                    made.text
                );
                played += 1;
            }
        }
    }
    played
}

/// Whether a case can hold all that a decision about somebody looks at: nobody shares their address,
/// and nothing waits for them.
async fn stands_alone(courier: &Courier, store: &Store, customer: &CustomerId) -> bool {
    let connection = rusqlite::Connection::open(courier.path("courier.db")).unwrap();
    let sql = "SELECT COUNT(*) FROM people a JOIN people b ON lower(a.email) = lower(b.email) AND a.id <> b.id
         WHERE a.id = ?1";
    let shared: i64 = connection.query_row(sql, [customer.as_str()], |row| row.get(0)).unwrap();
    let query = OutboxQuery { state: None, limit: 1000 };
    let rows = store.outbox(&query).await.unwrap().outreaches;
    let waits = rows.iter().any(|row| {
        let open = matches!(row.state, OutreachState::Ready | OutreachState::Held);
        open && row.outreach.subjects.iter().any(|subject| subject.customer == *customer)
    });
    shared == 0 && !waits
}

/// Whether something of the rule was refused because of, or merged with, something else of its own.
fn interferes(told: &Explanation, rule: &RuleId) -> bool {
    let own = told.decisions.iter().filter(|told| told.decision.rule == *rule);
    let subjects: BTreeSet<_> = own.map(|told| &told.decision.subject).collect();
    subjects.len() > 1
}

#[test]
fn a_run_decides_what_a_dry_run_shows() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = std::cell::RefCell::new(BTreeSet::new());
    let played = std::cell::Cell::new(0);
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let ended = TestRunner::new_with_rng(config, rng).run(&stories(), |story| {
        let (came_to, cases) = runtime.block_on(play(&story));
        seen.borrow_mut().extend(came_to);
        played.set(played.get() + cases);
        Ok(())
    });
    if let Err(failed) = ended {
        panic!("{failed}");
    }
    assert!(played.get() > 100, "only {} decisions were played as cases", played.get());
    let seen = seen.into_inner();
    let came_to = ["contact", "deferred", "task"].iter().chain(&lookout::domain::Refusal::CODES);
    let missing: Vec<_> = came_to.filter(|outcome| !seen.contains(*outcome)).collect();
    assert!(missing.is_empty(), "no story came to {missing:?}");
}

#[test]
fn the_program_prints_the_same_for_a_dry_run_and_a_run() {
    let courier = Courier::new(&[("lost", LOST), ("heavy", HEAVY), ("absent", ABSENT)]);
    let configuration = "[source]\nurl = \"sqlite:courier.db\"\n[state]\nurl = \"sqlite:state.db\"\n\
         [channels.email]\nurl = \"file:mail\"\nfrom = \"us@example.com\"\n";
    courier.write("lookout.toml", configuration);
    for (customer, parcel) in [("ana", "p1"), ("bob", "p2"), ("cy", "p3")] {
        courier.customer(customer, &format!("{customer}@example.com"));
        courier.parcel(parcel, customer, "1998-04-29");
    }
    courier
        .sql("UPDATE parcels SET weight = 30 WHERE no = 'p2'; INSERT INTO visits VALUES ('cy', 2)");
    let print = |command: &str, as_of: &str| {
        let mut program = Command::cargo_bin("lookout").unwrap();
        program.current_dir(courier.folder.path());
        program.args([command, "--format", "json", "--as-of", as_of]);
        String::from_utf8(program.assert().success().get_output().stdout.clone()).unwrap()
    };
    for (as_of, first) in [("1998-05-07T09:00:00Z", true), ("1998-05-08T09:00:00Z", false)] {
        let dry = print("dry-run", as_of);
        let ran = print("run", as_of);
        assert_eq!(dry, ran);
        assert_eq!(print("run", as_of), ran, "the same instant again");
        let report: serde_json::Value = serde_json::from_str(&ran).unwrap();
        let contacts = report["totals"]["contact"].as_u64().unwrap();
        assert_eq!(contacts, if first { 3 } else { 2 }, "{ran}");
    }
    let mails = std::fs::read_dir(courier.path("mail")).unwrap().count();
    assert_eq!(mails, 5);
}
