//! Snapshots read back as what they were taken from.

use lookout::signals::snapshot::{self, SnapshotOptions, SnapshotReport};

use super::*;

const SCHEMA: &str = "
    CREATE TABLE people (id TEXT, label TEXT, mail TEXT, tel TEXT, plan TEXT, born DATE,
                         seen TIMESTAMP, vip BOOLEAN, rate DOUBLE PRECISION, visits INTEGER);
    INSERT INTO people VALUES
        ('A', 'Ana', 'Ana@Shop.com', '+49 221 1', 'gold', '1970-01-01', '1998-05-06 01:02:03', '1', 1, 1),
        ('B', NULL, ' ana@shop.COM', '+4922-11', 'basic', '1980-01-01', NULL, '0', NULL, NULL),
        ('C', 'Ana', 'nowhere', 'call me', NULL, NULL, NULL, NULL, 2.5, 0);
    CREATE TABLE sales (no INTEGER, who TEXT, note TEXT);
    INSERT INTO sales VALUES (7, 'A', 'ring twice'), (8, 'GONE', 'x');";

fn shop() -> Shop {
    Shop::new(&[
        (
            "customers.sql",
            "-- personal: born, visits\n\
             SELECT id AS customer_id, label AS name, mail AS email, tel AS phone, plan, born, seen, \
             vip, rate, visits, 'de' AS locale FROM people",
        ),
        (
            "sales.sql",
            "-- key: no\nSELECT who AS customer_id, no, note FROM sales WHERE no < 99 \
                       AND '1998-01-01' < :as_of",
        ),
    ])
}

async fn take(
    url: &str,
    shop: &Shop,
    mask: bool,
    file: &str,
) -> Result<SnapshotReport, SourceError> {
    let signals = shop.signals();
    let mut view = view(url).await;
    let examined = view.examine(&signals, &all(&signals)).await.unwrap();
    let keep = [customer("plan"), customer("visits")].into();
    let taken_at = parse_instant("2020-01-01").unwrap();
    let options = SnapshotOptions { mask, keep: &keep, pack: "abc", as_of: as_of(), taken_at };
    snapshot::save(&mut view, &signals, &examined, &shop.path(file), options).await
}

const FIELDS: [&str; 10] =
    ["born", "email", "locale", "name", "phone", "plan", "rate", "seen", "vip", "visits"];

async fn read(url: &str, shop: &Shop) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
    let signals = shop.signals();
    let mut view = view(url).await;
    let examined = view.examine(&signals, &all(&signals)).await.unwrap();
    assert_eq!(examined.problems, Default::default());
    let fields = FIELDS.map(customer);
    let (people, _) =
        pull(&mut view, &signals, &examined, About::Customers, &fields, None).await.unwrap();
    let about = About::Signal("sales".into());
    let (sales, pulled) =
        pull(&mut view, &signals, &examined, about, &[subject("note")], None).await.unwrap();
    assert_eq!(pulled.orphans, 1);
    (people, sales)
}

#[tokio::test]
async fn a_snapshot_reads_back_as_its_source() {
    let shop = shop();
    let sqlite = shop.sqlite(SCHEMA);
    let postgres = postgres(SCHEMA).await;
    let source = read(&sqlite, &shop).await;
    assert_eq!(source, read(&postgres, &shop).await);
    for (url, file) in [(&sqlite, "lite.snapshot"), (&postgres, "post.snapshot")] {
        let report = take(url, &shop, false, file).await.unwrap();
        assert_eq!(report.rows, [("customers".into(), 3), ("sales".into(), 2)]);
        assert_eq!((report.masked.len(), report.left.len()), (0, 0));
        let snapshot = format!("snapshot:{}", shop.path(file).display());
        assert_eq!(Source::open(&snapshot).await.unwrap().snapshot_as_of(), Some(as_of()));
        assert_eq!(read(&snapshot, &shop).await, source, "{url}");
    }
}

#[tokio::test]
async fn a_masked_snapshot_tells_who_is_who_and_nothing_more() {
    let shop = shop();
    let url = shop.sqlite(SCHEMA);
    let report = take(&url, &shop, true, "m.snapshot").await.unwrap();
    let masked: Vec<&str> = report.masked.iter().map(|(_, column)| column.as_str()).collect();
    assert_eq!(masked, ["name", "email", "phone", "born", "note"]);
    assert_eq!(report.left, [("customers".into(), "visits".to_owned())]);
    let snapshot = format!("snapshot:{}", shop.path("m.snapshot").display());
    let ((source, _), (people, sales)) = (read(&url, &shop).await, read(&snapshot, &shop).await);
    let cell = |row: usize, name: &str| {
        let column = FIELDS.iter().position(|field| *field == name).unwrap() + 1;
        (people[row][column].clone(), source[row][column].clone())
    };
    for row in 0..3 {
        assert_eq!(people[row][0], source[row][0]);
        for name in ["locale", "plan", "rate", "seen", "vip", "visits"] {
            let (is, was) = cell(row, name);
            assert_eq!(is, was, "{name}");
        }
        assert_eq!(cell(row, "born").0, Value::Null);
    }
    assert_eq!(cell(0, "email").0, cell(1, "email").0, "one mailbox, written differently");
    assert_ne!(cell(0, "email").0, cell(2, "email").0);
    assert_eq!(cell(0, "name").0, cell(2, "name").0);
    assert_eq!(cell(1, "name").0, Value::Null);
    assert_ne!(sales[0][2], text("ring twice"));
    let bytes = std::fs::read(shop.path("m.snapshot")).unwrap();
    for personal in
        ["Ana", "ana@", "Shop", "+49", "4922", "nowhere", "call me", "ring twice", "1970"]
    {
        let found = bytes.windows(personal.len()).any(|window| window == personal.as_bytes());
        assert!(!found, "{personal} is in the file");
    }
}

#[tokio::test]
async fn a_snapshot_overwrites_nothing_and_leaves_nothing_half_done() {
    let shop = shop();
    let url = shop.sqlite(SCHEMA);
    std::fs::write(shop.path("mine.txt"), "mine").unwrap();
    let error = take(&url, &shop, true, "mine.txt").await.unwrap_err();
    assert!(matches!(&error, SourceError::Write(message) if message.contains("already")));
    assert_eq!(std::fs::read_to_string(shop.path("mine.txt")).unwrap(), "mine");

    let broken = Shop::new(&[("customers.sql", "SELECT id AS customer_id, x FROM t")]);
    let url = broken.sqlite("CREATE TABLE t (id TEXT, x); INSERT INTO t VALUES ('A', x'00ff')");
    let error = take(&url, &broken, true, "s.snapshot").await.unwrap_err();
    assert!(error.to_string().contains("column `x` holds bytes"), "{error}");
    let left: Vec<_> = std::fs::read_dir(broken.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().contains("snapshot"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[tokio::test]
async fn what_is_no_snapshot_or_another_instant_is_refused() {
    let shop = shop();
    let url = shop.sqlite(SCHEMA);
    let plain = url.replace("sqlite:", "snapshot:");
    assert!(matches!(Source::open(&plain).await, Err(SourceError::Usage(_))));
    take(&url, &shop, true, "s.snapshot").await.unwrap();
    let snapshot = format!("snapshot:{}", shop.path("s.snapshot").display());
    let source = Source::open(&snapshot).await.unwrap();
    let other = parse_instant("1998-05-08").unwrap();
    let error = source.view(other).await.err().unwrap();
    assert!(error.to_string().contains("1998-05-07T09:00:00Z"), "{error}");
    rusqlite::Connection::open(shop.path("s.snapshot"))
        .unwrap()
        .execute_batch("UPDATE \"lookout:snapshot\" SET version = 2")
        .unwrap();
    let error = Source::open(&snapshot).await.unwrap_err();
    assert!(error.to_string().contains("another version"), "{error}");
}

#[tokio::test]
async fn a_signal_that_is_newer_than_the_snapshot_is_said_to_be() {
    let shop = shop();
    let url = shop.sqlite(SCHEMA);
    take(&url, &shop, true, "s.snapshot").await.unwrap();
    std::fs::write(shop.path("signals/new_one.sql"), "SELECT 'A' AS customer_id").unwrap();
    let signals = shop.signals();
    let mut view = view(&format!("snapshot:{}", shop.path("s.snapshot").display())).await;
    let examined = view.examine(&signals, &all(&signals)).await.unwrap();
    assert_eq!(codes(&examined, "new_one"), ["not-in-snapshot"]);
    assert_eq!(examined.problems.len(), 1);
}

#[test]
fn what_reads_and_saves_can_move_between_threads() {
    fn moves<T: Send>(_: impl Fn() -> T) {}
    let shop = shop();
    let url = shop.sqlite(SCHEMA);
    moves(|| take(&url, &shop, true, "s.snapshot"));
    moves(|| read(&url, &shop));
}
