//! Forgetting somebody: what goes, what stays, and that nothing is ever sent to them again.

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;

const TASK: &str = r#"
    //! Somebody should look in on them.
    fn when(customer) { "visit" in customer.told }
    fn then(customer) { task("task"); }
"#;

/// A club whose books hold all that they can of Ana: a message that left, one that waits, one that
/// was not sent because of her name, a task, and her refusal of something. Ben has her address;
/// Cy has nothing to do with them.
pub(super) async fn club(on: On) -> Club {
    let club = Club::new(on).await;
    let muted = "[topics.offers]\nmute_when = 'customer.name.starts_with(\"Ms A\")'";
    club.write("rules/policy.toml", &POLICY.replace("[topics.offers]", muted));
    club.write("rules/look-in/rule.rhai", TASK);
    club.write(
        "rules/look-in/task.md",
        "---\nsubject: Visit {{ customer.name }}\n---\nSoon, {{ customer.name }}.\n",
    );
    club.member("ANA", "Ana@example.com", "en", "service offers security visit");
    club.member("BENN", "ana@example.com", "en", "");
    club.member("CY", "cy@example.com", "en", "service");
    club.run(4);
    assert_eq!(club.lookout("suppress ANA --topic offers").code, 0);
    club.execute("UPDATE outreaches SET state = 'ready', last_error = '451 ana@example.com: later' WHERE rule = 'security-news'").await;
    assert!(
        ["Ms ANA", "ana@example.com", "492215553"].iter().all(|told| club.books().contains(told))
    );
    club
}

impl Club {
    pub(super) fn erase(&self, whom: &str) -> Value {
        let ran = self.lookout(&format!("erase {whom} --yes --format json"));
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.json()
    }

    /// Every row of every table, as text.
    fn books(&self) -> String {
        const TABLES: [&str; 8] = [
            "runs",
            "decisions",
            "episodes",
            "outreaches",
            "outreach_recipients",
            "contacts",
            "tasks",
            "suppressions",
        ];
        let read = |table: &str| match self.state.strip_prefix("sqlite:") {
            Some(file) => sqlite_rows(file, table),
            None => postgres_rows(&self.state, table),
        };
        TABLES.map(read).concat()
    }

    /// How many outreaches are in each state.
    fn states(&self) -> BTreeMap<String, u64> {
        let outbox = self.lookout("outbox --format json").json();
        let states = outbox["states"].as_object().unwrap().iter();
        let states = states.map(|(state, count)| (state.clone(), count.as_u64().unwrap()));
        states.filter(|(_, count)| *count > 0).collect()
    }
}

fn sqlite_rows(file: &str, table: &str) -> String {
    let file = rusqlite::Connection::open(file).unwrap();
    let mut statement = file.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut text = String::new();
    while let Some(row) = rows.next().unwrap() {
        for column in 0..columns {
            text.push_str(&format!("{:?} ", row.get::<_, rusqlite::types::Value>(column).unwrap()));
        }
    }
    text
}

fn postgres_rows(url: &str, table: &str) -> String {
    let sql = format!("SELECT COALESCE(string_agg(t::text, ' '), '') FROM lookout.{table} t");
    let url = url.to_owned();
    // On a thread of its own, because the caller may stand in a runtime already.
    let read = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(postgres::text(&url, &sql))
    });
    read.join().unwrap()
}

#[rstest]
#[tokio::test]
async fn nothing_is_left_but_hashes_and_counts(#[values(On::Sqlite, On::Postgres)] on: On) {
    let club = club(on).await;
    let before = club.states();
    let told = club.lookout("erase ANA");
    assert_eq!(told.code, 2, "{}", told.out);
    assert!(told.err.contains("say --yes"), "{}", told.err);
    insta::allow_duplicates! { insta::assert_snapshot!("what_there_is_to_erase", told.out) };
    assert_eq!(club.states(), before);

    let erased = club.erase("ANA");
    let counts =
        ["customers", "addresses", "outreaches", "withdrawn", "tasks", "decisions", "suppressions"];
    assert_eq!(counts.map(|name| erased[name].as_u64().unwrap()), [1, 2, 3, 1, 1, 4, 3]);
    let books = club.books();
    for gone in ["Ms ANA", "ana@example.com", "Ana@example.com", "492215553", "ANA"] {
        assert!(!books.contains(gone), "{gone} is still in {books}");
    }
    assert!(books.contains("cy@example.com") && books.contains("Ms CY"));
    // The books still balance: what waited is withdrawn, and every other state is as it was.
    assert_eq!(before, states([("ready", 1), ("sent", 3)]));
    assert_eq!(club.states(), states([("sent", 3), ("withdrawn", 1)]));
    let again = club.lookout("run --as-of 1998-05-04T09:00:00Z --format json").json();
    assert_eq!(again["decisions"].as_array().unwrap().len(), 5);
    let muted = again["decisions"].as_array().unwrap().iter().find(|d| d["reason"] == "muted");
    assert_eq!(muted.unwrap()["evidence"]["read"], serde_json::json!({}));
    if let Some(file) = club.state.strip_prefix("sqlite:") {
        for file in [file.to_owned(), format!("{file}-wal")] {
            let bytes = fs::read(file).unwrap_or_default();
            let holds = |word: &str| bytes.windows(word.len()).any(|at| at == word.as_bytes());
            assert!(!holds("ana@example.com") && !holds("Ms ANA"));
        }
    }
}

fn states<const N: usize>(states: [(&str, u64); N]) -> BTreeMap<String, u64> {
    states.map(|(state, count)| (state.to_owned(), count)).into()
}

#[rstest]
#[tokio::test]
async fn addresses_that_no_message_went_to_are_known_again_too(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let club = Club::new(on).await;
    club.member("ANA", "Ana@example.com", "en", "service");
    club.member("BENN", "ana@example.com", "en", "service");
    assert_eq!(club.erase("ANA")["addresses"], 2);
    assert_eq!(club.run(4), ["service-news ANA suppressed", "service-news BENN suppressed"]);
}

#[rstest]
#[tokio::test]
async fn nobody_is_said_to_be_erased_whom_nobody_knows(#[values(On::Sqlite, On::Postgres)] on: On) {
    let club = club(on).await;
    let before = club.suppressions();
    let mistyped = club.lookout("erase ANAA --yes");
    assert_eq!((mistyped.code, mistyped.out.as_str()), (2, ""));
    assert!(mistyped.err.contains("nobody is known as `ANAA`"), "{}", mistyped.err);
    assert!(mistyped.err.contains("club.db: nothing was erased"), "{}", mistyped.err);
    assert_eq!(club.suppressions(), before);
    // Where the data can't say so, the id is taken as it is, and that is told.
    fs::remove_file(club.path().join("club.db")).unwrap();
    let unread = club.lookout("erase ANAA --yes");
    assert_eq!(unread.code, 0, "{}", unread.err);
    assert!(unread.err.contains("could not be asked for their addresses"), "{}", unread.err);
    assert_eq!(club.suppressions().len(), before.len() + 1);
}

#[rstest]
#[case::by_id("ANA")]
#[case::by_address("ana@example.com")]
#[tokio::test]
async fn who_is_erased_is_never_contacted_again(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[case] whom: &str,
) {
    let club = club(on).await;
    club.erase(whom);
    club.sql("UPDATE members SET told = 'service security'");
    let told = [
        "security-news ANA suppressed",
        "security-news BENN suppressed",
        "security-news CY contact",
        "service-news ANA suppressed",
        "service-news BENN suppressed",
        "service-news CY already_contacted",
    ];
    assert_eq!(club.run(5), told);
    // Not by the address alone, nor by the telephone, nor once more after a year.
    club.sql("UPDATE members SET customer_id = 'NEW', email = 'new@example.com' WHERE customer_id = 'ANA'");
    let told = club.run(6);
    assert!(told.contains(&"service-news NEW suppressed".to_owned()), "{told:?}");
    let mail = program::files(&club.path().join("mail"));
    let to_ana = mail
        .values()
        .filter(|mail| String::from_utf8_lossy(mail).to_lowercase().contains("ana@example.com"));
    // Those that left before.
    assert_eq!(to_ana.count(), 2);
}

#[rstest]
#[tokio::test]
async fn without_the_key_nothing_is_decided_and_nothing_leaves(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let club = club(on).await;
    club.erase("ANA");
    for (key, cause) in
        [("", "no key is configured"), (&"x".repeat(40), "another key is configured")]
    {
        let bare =
            CONFIGURATION.replace("[opt_out]\nurl = \"https://club.example/care/stop\"\n", "");
        club.write("lookout.toml", if key.is_empty() { &bare } else { CONFIGURATION });
        for line in ["run --as-of 1998-05-05T09:00:00Z", "dry-run", "deliver", "erase CY --yes"] {
            let mut command = club.command();
            let ran = program::ran(
                command.env("LOOKOUT_OPT_OUT__KEY", key).args(line.split_whitespace()),
            );
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {}", ran.err);
            let without_any = line.starts_with("erase") && key.is_empty();
            let expected = if without_any { "there is no key" } else { cause };
            assert!(ran.err.contains(expected), "{line}: {}", ran.err);
        }
    }
}

#[tokio::test]
async fn late_reports_and_links_of_the_erased_bring_nothing_back() {
    let club = club(On::Sqlite).await;
    let key = club.outreach("service-news", "ANA");
    club.erase("ANA");
    let listener = Listener::start(&club);
    assert_eq!(listener.get(&path(&key)).status, 200);
    assert_eq!(listener.form(&path(&key), "stop=all").status, 200);
    let bounce = include_str!("reports/postfix.eml").replace("{KEY}", key.as_str());
    let mut command = club.command();
    let bounce = bounce.replace("{TO}", "ana@example.com");
    let ran = program::ran(command.args(["bounces", "-"]).write_stdin(bounce));
    assert!(ran.out.starts_with("1 message: 1 failed;"), "{}{}", ran.out, ran.err);
    let books = club.books();
    for gone in ["Ms ANA", "ana@example.com", "492215553", "ANA"] {
        assert!(!books.contains(gone), "{gone} is back in {books}");
    }
}

#[tokio::test]
async fn who_comes_back_of_their_own_will_is_let_in_again() {
    let club = club(On::Sqlite).await;
    club.erase("ANA");
    club.sql("UPDATE members SET told = 'security'");
    assert!(club.dry_run(5).contains(&"security-news ANA suppressed".to_owned()));
    let said = club.lookout("unsuppress ANA").fine();
    assert_eq!(said, "1 customer or address may be contacted again.\n");
    assert!(club.suppressions().is_empty());
    assert!(club.dry_run(5).contains(&"security-news ANA contact".to_owned()));
}

#[rstest]
#[tokio::test]
async fn what_a_worker_holds_does_not_leave(#[values(On::Sqlite, On::Postgres)] on: On) {
    use lookout::store::ClaimQuery;

    let club = club(on).await;
    club.execute(
        "UPDATE outreaches SET ahead = 0, next_attempt_at = 0, last_attempt_at = 9000000000000000",
    )
    .await;
    let store = Store::open(&club.state).await.unwrap();
    let query = ClaimQuery {
        wall: lookout::domain::parse_instant("2026-01-05T08:00:00Z").unwrap(),
        lease: chrono::TimeDelta::minutes(1),
        limit: 10,
        channels: &["email".to_owned()],
        near_only: &[],
    };
    let claimed = store.claim(&query).await.unwrap();
    assert_eq!(claimed.len(), 1);
    club.erase("ANA");
    assert!(!begins(&store, &claimed[0], query.wall).await);
    assert_eq!(club.states(), states([("sent", 3), ("withdrawn", 1)]));
}
