//! What comes out: values, defaults, orphans, one customer, one consistent view.

use super::*;

const SCHEMA: &str = "
    CREATE TABLE people (id VARCHAR(10), label TEXT, since DATE, seen TIMESTAMP, vip BOOLEAN,
                         rate DECIMAL(10, 2), score DOUBLE PRECISION, visits INTEGER);
    INSERT INTO people VALUES
        ('A', 'Ana''s \"shop\"', '1998-01-31', '1998-05-06 23:59:59', '1', 12, 0.5, 3),
        ('B', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        ('C', 'Zoë — 株式会社', '1996-02-29', '1998-05-01 00:00:00.25', '0', 0.1, -1, -9);
    CREATE TABLE sales (no INTEGER, who VARCHAR(10), day DATE);
    INSERT INTO sales VALUES (1, 'A', '1998-04-01'), (2, 'A', '1998-04-30'), (3, 'C', '1998-05-07'),
                             (4, 'C', '1998-05-08'), (5, 'GONE', '1998-04-01'), (6, NULL, '1998-04-01');
    CREATE TABLE calls (who VARCHAR(10), open INTEGER, kind TEXT);
    INSERT INTO calls VALUES ('A', 2, 'loud'), ('GONE', 9, 'x');";

fn shop() -> Shop {
    Shop::new(&[
        (
            "customers.sql",
            "SELECT id AS customer_id, label AS name, since, seen, vip, rate, score, visits\n\
             FROM people ORDER BY id DESC LIMIT 1000 -- everybody; really\n;",
        ),
        (
            "sales.sql",
            "-- key: no\nWITH known AS (SELECT * FROM sales WHERE day <= :as_of)\n\
             SELECT who AS customer_id, no, day, ':as_of' AS note FROM known /* ; */ ORDER BY no -- x",
        ),
        (
            "calls.sql",
            "-- default: open = 0, kind = 'it''s quiet'\n\
             SELECT who AS customer_id, open, kind FROM calls WHERE '1998-05-07' <= :as_of",
        ),
    ])
}

async fn both() -> (Shop, [String; 2]) {
    let shop = shop();
    let sqlite = shop.sqlite(SCHEMA);
    (shop, [sqlite, postgres(SCHEMA).await])
}

#[tokio::test]
async fn values_are_the_same_on_both_databases() {
    let (shop, urls) = both().await;
    let signals = shop.signals();
    for url in urls {
        let mut view = view(&url).await;
        let examined = view.examine(&signals, &all(&signals)).await.unwrap();
        assert_eq!(examined.problems, Default::default(), "{url}");
        assert_eq!(examined.customers, 3);
        let fields = ["name", "rate", "score", "seen", "since", "vip", "visits"].map(customer);
        let (rows, pulled) =
            pull(&mut view, &signals, &examined, About::Customers, &fields, None).await.unwrap();
        let (yes, no) = (Value::Bool(true), Value::Bool(false));
        let expected = [
            vec![
                text("A"),
                text("Ana's \"shop\""),
                Value::Float(12.0),
                Value::Float(0.5),
                text("1998-05-06T23:59:59Z"),
                text("1998-01-31"),
                yes,
                Value::Int(3),
            ],
            [vec![text("B")], vec![Value::Null; 7]].concat(),
            vec![
                text("C"),
                text("Zoë — 株式会社"),
                Value::Float(0.1),
                Value::Float(-1.0),
                text("1998-05-01T00:00:00.250Z"),
                text("1996-02-29"),
                no,
                Value::Int(-9),
            ],
        ];
        assert_eq!(rows, expected, "{url}");
        assert_eq!(pulled, Pulled { rows: 3, orphans: 0 });
    }
}

#[tokio::test]
async fn rows_of_a_keyed_signal_know_their_customer_and_the_other_signals() {
    let (shop, urls) = both().await;
    let signals = shop.signals();
    for url in urls {
        let mut view = view(&url).await;
        let examined = view.examine(&signals, &all(&signals)).await.unwrap();
        let fields = [
            customer("vip"),
            of("calls", "open"),
            of("calls", "kind"),
            subject("day"),
            subject("note"),
            subject("no"),
        ];
        let about = About::Signal("sales".into());
        let (rows, pulled) =
            pull(&mut view, &signals, &examined, about.clone(), &fields, None).await.unwrap();
        let row = |id: &str, no, vip, kind: &str, open, day: &str| {
            let (kind, day) = (text(kind), text(day));
            vec![
                text(id),
                Value::Int(no),
                Value::Bool(vip),
                kind,
                Value::Int(open),
                day,
                text(":as_of"),
            ]
        };
        let expected = [
            row("A", 1, true, "loud", 2, "1998-04-01"),
            row("A", 2, true, "loud", 2, "1998-04-30"),
            row("C", 3, false, "it's quiet", 0, "1998-05-07"),
        ];
        assert_eq!(rows, expected, "{url}");
        assert_eq!(pulled, Pulled { rows: 3, orphans: 2 });

        let (rows, pulled) =
            pull(&mut view, &signals, &examined, about.clone(), &[], Some("C")).await.unwrap();
        assert_eq!(rows, [[text("C"), Value::Int(3)]]);
        assert_eq!(pulled.orphans, 0);
        let odd = "x' OR '1' = '1";
        let (rows, _) = pull(&mut view, &signals, &examined, about, &[], Some(odd)).await.unwrap();
        assert_eq!(rows, [[]; 0]);
    }
}

#[tokio::test]
async fn ids_that_are_numbers_or_uuids_narrow_to_one_customer() {
    let uuid = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
    let schema =
        |kind: &str, id: &str| format!("CREATE TABLE t (id {kind}); INSERT INTO t VALUES ({id})");
    let shop = Shop::new(&[("customers.sql", "SELECT id AS customer_id FROM t")]);
    let signals = shop.signals();
    let number = shop.sqlite(&schema("INTEGER", "42"));
    let untyped = Shop::new(&[]);
    let quoted = format!("'{uuid}'");
    let cases = [
        (number, "42"),
        (untyped.sqlite(&schema("", "42")), "42"),
        (postgres(&schema("BIGINT", "42")).await, "42"),
        (postgres(&schema("UUID", &quoted)).await, uuid),
        (postgres(&schema("CHAR(5)", "'abc'")).await, "abc"),
    ];
    for (url, id) in cases {
        let mut view = view(&url).await;
        let examined = view.examine(&signals, &BTreeSet::new()).await.unwrap();
        assert_eq!(examined.problems, Default::default());
        for (asked, found) in [(id, 1), ("nobody", 0), ("042", 0)] {
            let (rows, _) =
                pull(&mut view, &signals, &examined, About::Customers, &[], Some(asked))
                    .await
                    .unwrap();
            assert_eq!(rows.len(), found, "{url} {asked}");
        }
    }
}

#[tokio::test]
async fn what_postgres_has_and_sqlite_lacks_is_read_too() {
    let url = postgres(
        "CREATE TYPE mood AS ENUM ('calm', 'cross'); CREATE DOMAIN code AS VARCHAR(3);
         CREATE TABLE t (id TEXT, mood mood, code code, j JSON, jb JSONB, tz TIMESTAMPTZ, f REAL,
                         n NUMERIC, s SMALLINT);
         INSERT INTO t VALUES ('A', 'cross', 'abc', '{\"a\": 1}', '{\"b\": 2}',
                               '1998-05-07 11:00:00+02', 0.1, 'NaN', 7)",
    )
    .await;
    let sql = "SELECT id AS customer_id, mood, code, j, jb, tz, f, n, s, E'it\\'s :as_of' AS e, \
               $q$ :as_of $q$ AS q, :as_of::date AS today /* a /* nested */ one */ FROM t";
    let shop = Shop::new(&[("customers.sql", sql)]);
    let signals = shop.signals();
    let mut view = view(&url).await;
    let examined = view.examine(&signals, &BTreeSet::new()).await.unwrap();
    assert_eq!(examined.problems, Default::default());
    let fields = ["code", "e", "f", "j", "jb", "mood", "n", "q", "s", "today", "tz"].map(customer);
    let (mut rows, _) =
        pull(&mut view, &signals, &examined, About::Customers, &fields, None).await.unwrap();
    assert!(matches!(rows[0].remove(7), Value::Float(n) if n.is_nan()));
    let expected = [
        text("A"),
        text("abc"),
        text("it's :as_of"),
        Value::Float(0.1),
        text("{\"a\": 1}"),
        text("{\"b\": 2}"),
        text("cross"),
        text(" :as_of "),
        Value::Int(7),
        text("1998-05-07"),
        text("1998-05-07T09:00:00Z"),
    ];
    assert_eq!(rows, [expected]);
}

#[tokio::test]
async fn a_run_sees_one_state_whatever_is_written_meanwhile() {
    let schema = "CREATE TABLE t (id TEXT); INSERT INTO t VALUES ('A')";
    let shop = Shop::new(&[("customers.sql", "SELECT id AS customer_id FROM t")]);
    let signals = shop.signals();
    let sqlite = shop.sqlite(&format!("PRAGMA journal_mode = WAL; {schema}"));
    let postgres = postgres(schema).await;
    for url in [&sqlite, &postgres] {
        let mut view = view(url).await;
        let examined = view.examine(&signals, &BTreeSet::new()).await.unwrap();
        if url.starts_with("sqlite") {
            shop.sqlite("INSERT INTO t VALUES ('B')");
        } else {
            postgres::execute(url, "INSERT INTO t VALUES ('B')").await;
        }
        let (rows, _) =
            pull(&mut view, &signals, &examined, About::Customers, &[], None).await.unwrap();
        assert_eq!(rows, [[text("A")]], "{url}");
    }
}

#[tokio::test]
async fn many_rows_come_in_batches() {
    let lite = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
                SELECT i AS customer_id, 'x' || i AS name FROM n";
    let post = "SELECT i AS customer_id, 'x' || i AS name FROM generate_series(1, 10000) AS n(i)";
    let shop = Shop::new(&[("customers.sql", lite), ("customers.postgres.sql", post)]);
    let signals = shop.signals();
    for url in [shop.sqlite("CREATE TABLE t (a)"), postgres("SELECT 1").await] {
        let mut view = view(&url).await;
        let examined = view.examine(&signals, &BTreeSet::new()).await.unwrap();
        assert_eq!(examined.customers, 10_000);
        let mut sizes = Vec::new();
        let fields = [customer("name")].into();
        let mut take = |batch: Batch| sizes.push(batch.len());
        view.pull(&signals, &examined, &everybody(&fields), &mut take).await.unwrap();
        assert_eq!(sizes, [4096, 4096, 1808]);
    }
}
