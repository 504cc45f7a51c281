//! What is refused, and how it is said.

use super::*;

/// Examines one signal `s` beside good customers; gives its problems as code, place and words.
async fn examined(url: &str, sql: &str, header: &str) -> Vec<(&'static str, String, String)> {
    let good = "SELECT id AS customer_id FROM people";
    let shop = Shop::new(&[
        ("customers.sql", good),
        ("s.sql", &format!("{header}{sql}")),
        ("fine.sql", "SELECT id AS customer_id, 1 AS one FROM people"),
    ]);
    let signals = shop.signals();
    let mut view = view(url).await;
    let examined = view.examine(&signals, &all(&signals)).await.unwrap();
    assert_eq!(codes(&examined, "customers"), [""; 0]);
    assert_eq!(codes(&examined, "fine"), [""; 0], "a broken signal spoils no other");
    let fields = [of("fine", "one")];
    let (rows, _) =
        pull(&mut view, &signals, &examined, About::Customers, &fields, None).await.unwrap();
    assert_eq!(rows.len(), 2);
    let place = |p: &Problem| match p.place.line {
        Some(line) => format!("{line}:{}", p.place.column.unwrap_or(0)),
        None => String::new(),
    };
    let said = |p: &Problem| (p.code, place(p), format!("{} / {}", p.message, p.help));
    problems(&examined, "s").iter().map(said).collect()
}

const SCHEMA: &str = "
    CREATE TABLE people (id TEXT, n INTEGER, day DATE, flag BOOLEAN);
    INSERT INTO people VALUES ('A', 1, '1998-01-01', '1'), ('B', 2, NULL, NULL);";

#[tokio::test]
async fn mistakes_in_a_query_are_said_with_cause_and_cure() {
    let urls = [Shop::new(&[]), Shop::new(&[])];
    let sqlite = urls[0].sqlite(SCHEMA);
    let postgres = postgres(SCHEMA).await;
    let cases: [(&str, &str, &str, &str); 16] = [
        ("", "SELECT n FROM people", "no-customer-id", "whose facts"),
        (
            "",
            "SELECT id AS customer_id, 1 AS \"default\" FROM people",
            "column-name",
            "AS default_value",
        ),
        ("", "SELECT id AS customer_id, 1 AS \"a b\" FROM people", "column-name", "AS new_name"),
        ("", "SELECT id AS customer_id, n AS x, n AS x FROM people", "column-twice", "`x`"),
        ("", "SELECT n AS customer_id FROM people", "id-type", "CAST(… AS TEXT)"),
        (
            "",
            "SELECT 1.5 AS customer_id FROM people",
            "id-type",
            "an id is a text or a whole number",
        ),
        (
            "",
            "SELECT id AS customer_id FROM people, (SELECT 1 UNION SELECT 2) AS x",
            "two-rows",
            "customer A has",
        ),
        ("-- key: n\n", "SELECT id AS customer_id, 7 AS n FROM people", "key-twice", "n = 7"),
        (
            "-- key: n\n",
            "SELECT id AS customer_id, NULLIF(n, 1) AS n FROM people",
            "no-id",
            "one of its rows",
        ),
        (
            "-- key: nubmer\n",
            "SELECT id AS customer_id, n AS number FROM people",
            "unknown-column",
            "did you mean `number`?",
        ),
        ("-- default: m = 0\n", "SELECT id AS customer_id, n FROM people", "unknown-column", "`m`"),
        (
            "-- personal: notes\n",
            "SELECT id AS customer_id, n FROM people",
            "unknown-column",
            "customer_id, n",
        ),
        (
            "-- default: n = 'x'\n",
            "SELECT id AS customer_id, n FROM people",
            "default-type",
            "is a text",
        ),
        (
            "-- default: n = 0.5\n",
            "SELECT id AS customer_id, n FROM people",
            "default-type",
            "is a number",
        ),
        (
            "-- default: day = 'soon'\n",
            "SELECT id AS customer_id, day FROM people",
            "default-type",
            "is a text",
        ),
        (
            "-- default: flag = 0\n",
            "SELECT id AS customer_id, flag FROM people",
            "default-type",
            "is a whole",
        ),
    ];
    for url in [&sqlite, &postgres] {
        for (header, sql, code, words) in cases {
            let found = examined(url, sql, header).await;
            assert!(
                found.iter().any(|(c, _, said)| *c == code && said.contains(words)),
                "{url} {header}{sql}: {found:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_sql_error_points_at_its_place() {
    let lite = Shop::new(&[]);
    let sqlite = lite.sqlite(SCHEMA);
    let postgres = postgres(SCHEMA).await;
    let header = "-- é ü\n";
    for url in [&sqlite, &postgres] {
        for (sql, place) in [
            ("SELECT id AS customer_id\nFROM people WHERE day < :as_of AND nothere = 1", "3:36"),
            ("SELECT id AS customer_id\n, n FRM people WHERE 1 = 1", "3:9"),
            ("SELECT id AS customer_id, \"nothere\" FROM people", "2:27"),
        ] {
            let found = examined(url, sql, header).await;
            assert_eq!(found.len(), 1, "{url} {sql}: {found:?}");
            assert_eq!((found[0].0, found[0].1.as_str()), ("sql-error", place), "{url} {found:?}");
        }
    }
    let found =
        examined(&postgres, "SELECT id AS customer_id, now()::time AS t FROM people", "").await;
    assert_eq!(found[0].0, "column-type");
    assert!(found[0].2.contains("t::text AS t"), "{found:?}");
    let found =
        examined(&postgres, "SELECT id AS customer_id, nextval('x') AS t FROM people", "").await;
    assert_eq!(found[0].0, "sql-error");
    let found = examined(&postgres, "SELECT id AS customer_id, `n` FROM people", "").await;
    assert_eq!(found[0].0, "sql-error");
    let found = examined(&sqlite, "SELECT id AS customer_id, E'it\\'s' AS x FROM people", "").await;
    assert_eq!(found[0].0, "sql-unclosed");
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let lite = Shop::new(&[]);
    let schema = format!("{SCHEMA} CREATE TABLE visits (person TEXT, visited_at DATE);");
    let sqlite = lite.sqlite(&schema);
    let postgres = postgres(&schema).await;
    for url in [&sqlite, &postgres] {
        for (sql, help) in [
            ("SELECT id AS customer_id FROM peple", "did you mean `people`? tables there: "),
            ("SELECT id AS customer_id FROM tickets", "/ tables there: people, visits"),
            (
                "SELECT p.id AS customer_id, p.dya FROM people AS p",
                "did you mean `day`? `people` has id, n, day, flag",
            ),
        ] {
            let found = examined(url, sql, "").await;
            assert_eq!((found.len(), found[0].0), (1, "sql-error"), "{url} {found:?}");
            assert!(found[0].2.contains(help), "{url} {found:?}");
        }
    }
}

#[tokio::test]
async fn customers_themselves_are_checked_too() {
    let both = "CREATE TABLE people (id TEXT, tickets TEXT); \
                INSERT INTO people VALUES ('A', 'x'), ('A', 'y'), (NULL, 'z')";
    let lite = Shop::new(&[]);
    for url in [lite.sqlite(both), postgres(both).await] {
        let shop = Shop::new(&[
            ("customers.sql", "SELECT id AS customer_id, tickets FROM people"),
            ("tickets.sql", "SELECT DISTINCT id AS customer_id FROM people"),
        ]);
        let signals = shop.signals();
        let mut view = view(&url).await;
        let examined = view.examine(&signals, &all(&signals)).await.unwrap();
        assert_eq!(codes(&examined, "customers"), ["no-id", "two-rows"]);
        assert_eq!(codes(&examined, "tickets"), ["name-clash"]);
    }
}

#[tokio::test]
async fn ids_stored_in_two_ways_are_refused() {
    let shop = Shop::new(&[("customers.sql", "SELECT id AS customer_id FROM t")]);
    let url = shop.sqlite("CREATE TABLE t (id); INSERT INTO t VALUES ('A'), (1)");
    let signals = shop.signals();
    let examined = view(&url).await.examine(&signals, &BTreeSet::new()).await.unwrap();
    let said = &problems(&examined, "customers")[0];
    assert_eq!(said.message, "customer_id is integer in some rows and text in others");
}

#[tokio::test]
async fn a_cell_that_no_rule_can_read_spoils_no_other_row() {
    let lite = |value: &str| {
        let shop = Shop::new(&[("customers.sql", "SELECT id AS customer_id, x FROM t")]);
        let url = shop
            .sqlite(&format!("CREATE TABLE t (id TEXT, x); INSERT INTO t VALUES ('A', {value})"));
        (shop, url)
    };
    let (bytes, text) = (lite("x'00ff'"), lite("CAST(x'636166e9' AS TEXT)"));
    let shop = Shop::new(&[("customers.sql", "SELECT id AS customer_id, x FROM t")]);
    let endless = postgres(
        "CREATE TABLE t (id TEXT, x DATE); INSERT INTO t VALUES ('A', 'infinity'), ('B', NULL)",
    );
    let endless = (shop, endless.await);
    let cases = [
        (bytes, "holds bytes (a BLOB)", "CAST(x AS TEXT)"),
        (text, "holds text that is not UTF-8", "UTF-8"),
        (endless, "holds an infinite date", "NULLIF(x, 'infinity')"),
    ];
    for ((shop, url), words, cure) in cases {
        let signals = shop.signals();
        let mut view = view(&url).await;
        let examined = view.examine(&signals, &BTreeSet::new()).await.unwrap();
        assert_eq!(examined.problems, Default::default());
        let fields = [customer("x")].into();
        let mut broken = Vec::new();
        let mut take = |batch: Batch| {
            for cell in batch.broken {
                let value = batch.columns[cell.column].value(cell.row);
                broken.push((batch.columns[0].value(cell.row), value, cell.message));
            }
        };
        let wanted = everybody(&fields);
        let pulled = view.pull(&signals, &examined, &wanted, &mut take);
        assert!(pulled.await.unwrap().rows > 0);
        let [(who, value, said)] = &broken[..] else { panic!("{broken:?}") };
        assert_eq!((who, value), (&Value::Text("A".to_owned()), &Value::Null));
        assert!(said.starts_with("`x` of the signal `customers` holds "), "{said}");
        assert!(said.contains(words) && said.contains(cure), "{said}");
        let again = pull(&mut view, &signals, &examined, About::Customers, &[], None).await;
        assert!(again.is_ok(), "the view lives on: {again:?}");
    }
}

#[tokio::test]
async fn a_signal_that_fails_on_a_row_is_named_and_spoils_no_other() {
    let url = postgres(&format!("{SCHEMA} UPDATE people SET n = 0 WHERE id = 'B'")).await;
    let shop = Shop::new(&[
        ("customers.sql", "SELECT id AS customer_id, n FROM people"),
        ("bad.sql", "SELECT id AS customer_id, 1 / n AS x, 2 AS y FROM people"),
    ]);
    let signals = shop.signals();
    let mut view = view(&url).await;
    let examined = view.examine(&signals, &all(&signals)).await.unwrap();
    for _ in 0..2 {
        let fields = [of("bad", "x")];
        let error = pull(&mut view, &signals, &examined, About::Customers, &fields, None);
        let Err(SourceError::Signals(said)) = error.await else { panic!("no error") };
        assert_eq!(said.len(), 1);
        assert!(said[0].place.file.ends_with("bad.sql"));
        assert_eq!(said[0].message, "division by zero");
        let fields = [customer("n"), of("bad", "y")];
        let fine = pull(&mut view, &signals, &examined, About::Customers, &fields, None).await;
        assert_eq!(fine.unwrap().0.len(), 2);
    }
}

#[tokio::test]
async fn nothing_is_ever_written() {
    let lite = Shop::new(&[]);
    let sql = "CREATE FUNCTION sneak() RETURNS INTEGER LANGUAGE sql AS \
               'DELETE FROM people RETURNING 1'";
    let url = postgres(&format!("{SCHEMA} {sql}")).await;
    let found = examined(&url, "SELECT id AS customer_id, sneak() AS x FROM people", "").await;
    assert_eq!(found.len(), 1);
    assert!(found[0].2.contains("read-only transaction"), "{found:?}");
    let before = lite.sqlite(SCHEMA);
    let bytes = std::fs::read(lite.path("shop.db")).unwrap();
    view(&before).await;
    assert_eq!(std::fs::read(lite.path("shop.db")).unwrap(), bytes);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unavailable() {
    let shop = Shop::new(&[]);
    let absent = format!("sqlite:{}", shop.path("no.db").display());
    let Err(SourceError::Unavailable(said)) = Source::open(&absent).await else { panic!() };
    assert!(said.contains("no.db") && said.contains("check the path"), "{said}");
    assert!(!shop.path("no.db").exists());

    std::fs::write(shop.path("text.db"), "this is no database, only text, and a good deal of it")
        .unwrap();
    let text = format!("sqlite:{}", shop.path("text.db").display());
    let error = Source::open(&text).await.unwrap().view(as_of()).await.err().unwrap();
    assert!(error.to_string().contains("not a SQLite database"), "{error}");

    let closed = "postgres://somebody:secret@127.0.0.1:1/shop";
    let source = Source::open(closed).await.unwrap();
    let Err(SourceError::Unavailable(said)) = source.view(as_of()).await else { panic!() };
    assert!(said.contains("shop at 127.0.0.1:1") && !said.contains("secret"), "{said}");
    let error = Source::open("mysql://x").await.unwrap_err();
    assert!(matches!(&error, SourceError::Usage(said) if said.contains("sqlite:FILE")));
}

#[tokio::test]
async fn a_locked_database_is_unavailable() {
    let shop = Shop::new(&[]);
    let url = shop.sqlite(SCHEMA);
    let writer = rusqlite::Connection::open(shop.path("shop.db")).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let source = Source::open(&url).await.unwrap();
    let Err(SourceError::Unavailable(said)) = source.view(as_of()).await else { panic!() };
    assert!(said.contains("another program has locked it"), "{said}");
    writer.execute_batch("ROLLBACK").unwrap();
    assert!(source.view(as_of()).await.is_ok());
}

#[tokio::test]
async fn a_server_that_goes_away_is_no_partial_success() {
    let url = postgres("SELECT 1").await;
    let sql =
        "SELECT i AS customer_id, repeat('x', 1000) AS x FROM generate_series(1, 200000) AS n(i)";
    let shop = Shop::new(&[("customers.sql", sql)]);
    let signals = shop.signals();
    let mut view = view(&url).await;
    let examined = view.examine(&signals, &BTreeSet::new()).await.unwrap();
    let mut rows = 0;
    let others = url.clone();
    let mut kill = |batch: Batch| {
        if rows == 0 {
            let url = others.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(postgres::execute(
                    &url,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid()",
                ));
            })
            .join()
            .unwrap();
        }
        rows += batch.len();
    };
    let fields = [customer("x")].into();
    let pulled = view.pull(&signals, &examined, &everybody(&fields), &mut kill).await;
    assert!(matches!(pulled, Err(SourceError::Unavailable(_))), "{pulled:?}");
    assert!((1..200_000).contains(&rows));
    let again = view.pull(&signals, &examined, &everybody(&fields), &mut |_| {}).await;
    assert!(matches!(again, Err(SourceError::Unavailable(_))), "{again:?}");
}

#[test]
fn the_reserved_names_are_those_of_the_language_of_rules() {
    let engine = rhai::Engine::new_raw();
    for name in signals::RESERVED {
        let read = format!("x.{name}");
        assert!(engine.compile(&read).is_err(), "{name}");
    }
    for name in ["open", "order_id", "type", "global", "exit", "self", "to", "name"] {
        assert!(engine.compile(format!("x.{name}")).is_ok(), "{name}");
    }
}
