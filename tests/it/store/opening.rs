//! Opening a state database, or being told why not.

use lookout::store::StoreError;
use rstest::rstest;
use sqlx::{Connection, Row};

use super::*;

async fn error(url: &str) -> StoreError {
    Store::open(url).await.err().expect("this can't be opened")
}

#[rstest]
#[tokio::test]
async fn a_reader_makes_nothing(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    assert!(Store::open_existing(&place.url).await.unwrap().is_none());
    assert!(Store::open_existing(&place.url).await.unwrap().is_none());
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 0);
    Draft::first().record(&place.open().await).await.unwrap();
    let store = Store::open_existing(&place.url).await.unwrap().unwrap();
    assert_eq!(store.newest_run().await.unwrap(), Some(at("1998-05-07T09:00:00Z")));
}

#[rstest]
#[tokio::test]
async fn two_programs_may_open_a_new_database_at_once(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let (one, two) = tokio::join!(Store::open(&place.url), Store::open(&place.url));
    Draft::first().record(&one.unwrap()).await.unwrap();
    assert!(two.unwrap().newest_run().await.unwrap().is_some());
}

#[rstest]
#[tokio::test]
async fn a_newer_database_is_refused(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    place.open().await;
    place.execute("INSERT INTO lookout_migrations (version, name) VALUES (99, 'later')").await;
    for refused in
        [Store::open(&place.url).await.err(), Store::open_existing(&place.url).await.err()]
    {
        assert!(matches!(refused, Some(StoreError::Newer { found: 99, known: ..99, .. })));
    }
}

#[rstest]
#[tokio::test]
async fn a_reader_says_that_a_database_is_older(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    place.open().await;
    place.execute("DELETE FROM lookout_migrations").await;
    let refused = Store::open_existing(&place.url).await.err().unwrap();
    assert!(matches!(refused, StoreError::Older { found: 0, known: 1.., .. }));
    assert!(refused.to_string().contains("run `lookout run` once"), "{refused}");
}

#[tokio::test]
async fn workers_may_run_side_by_side_on_one_store() {
    let place = On::Sqlite.place().await;
    let store = std::sync::Arc::new(place.open().await);
    Draft::first().with(email(&["11061"])).record(&store).await.unwrap();
    let workers: Vec<_> = (0..6)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { claim(&store, wall(), 1).await.len() })
        })
        .collect();
    let mut taken = 0;
    for worker in workers {
        taken += worker.await.unwrap();
    }
    assert_eq!(taken, 1);
}

#[tokio::test]
async fn the_address_has_to_be_one() {
    let refused = error("mysql://root:secret@db/shop").await.to_string();
    assert!(refused.starts_with("`mysql:` is no kind of state database"), "{refused}");
    assert!(matches!(error("sqlite::memory:").await, StoreError::Address { .. }));
    assert!(matches!(error("state.db").await, StoreError::Address { .. }));
}

#[tokio::test]
async fn a_file_that_is_no_state_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are notes\n".repeat(100)).unwrap();
    let refused = error(&format!("sqlite:{}", file.display())).await;
    assert!(matches!(refused, StoreError::Foreign { .. }), "{refused}");
    assert!(refused.to_string().contains("it is no SQLite database"), "{refused}");
    assert_eq!(std::fs::read(&file).unwrap().len(), 1600);

    let file = folder.path().join("shop.db");
    let shop = rusqlite::Connection::open(&file).unwrap();
    shop.execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let refused = error(&format!("sqlite:{}", file.display())).await;
    assert!(refused.to_string().contains("it has tables of something else"), "{refused}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nowhere").join("state.db");
    let refused = error(&format!("sqlite:{}", file.display())).await;
    assert!(refused.is_unavailable());
    assert!(refused.to_string().contains("nowhere/state.db"), "{refused}");
    assert!(refused.to_string().contains("does its folder exist"), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let refused = error("postgres://ana:secret@127.0.0.1:1/shop").await;
    assert!(refused.is_unavailable());
    let text = refused.to_string();
    assert!(
        text.contains("shop at 127.0.0.1:1") && text.contains("is the server running"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");

    let place = On::Postgres.place().await;
    let missing = place.url.rsplit_once('/').unwrap().0.to_owned() + "/no_such_database";
    let refused = error(&missing).await;
    assert!(refused.is_unavailable());
    assert!(refused.to_string().contains("create the database"), "{refused}");
}

#[tokio::test]
async fn a_locked_file_is_waited_for_and_then_named() {
    let place = On::Sqlite.place().await;
    let store = place.open().await;
    let other = rusqlite::Connection::open(place.url.strip_prefix("sqlite:").unwrap()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(Store::open_existing(&place.url).await.unwrap().is_some(), "reading goes on");
    let refused = Draft::first().record(&store).await.unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    other.execute_batch("ROLLBACK").unwrap();
    Draft::first().record(&store).await.unwrap();
}

#[tokio::test]
async fn a_sqlite_file_is_kept_safe() {
    let place = On::Sqlite.place().await;
    place.open().await;
    let file = place.url.strip_prefix("sqlite:").unwrap();
    let file = rusqlite::Connection::open(file).unwrap();
    let mode: String = file.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let sql = "SELECT name FROM pragma_table_list
               WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite%'";
    let lax =
        file.prepare(sql).unwrap().query_map([], |row| row.get::<_, String>(0)).unwrap().count();
    assert_eq!(lax, 0);
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let place = On::Sqlite.place().await;
    place.open().await;
    let file = rusqlite::Connection::open(place.url.strip_prefix("sqlite:").unwrap()).unwrap();
    let sql =
        "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || (c.\"notnull\" OR c.pk > 0)
               FROM pragma_table_list t JOIN pragma_table_info(t.name) c
               WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite%' ORDER BY 1";
    let mut statement = file.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let sqlite: Vec<String> = rows.map(Result::unwrap).collect();
    assert!(sqlite.len() > 60, "{sqlite:?}");

    let place = On::Postgres.place().await;
    place.open().await;
    let mut server = sqlx::PgConnection::connect(&place.url).await.unwrap();
    let sql = "SELECT (table_name || '.' || column_name || ' '
                   || CASE data_type WHEN 'bigint' THEN 'INTEGER' ELSE upper(data_type) END || ' '
                   || CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END) COLLATE \"C\"
               FROM information_schema.columns WHERE table_schema = 'lookout' ORDER BY 1";
    let rows = sqlx::query(sql).fetch_all(&mut server).await.unwrap();
    let postgres: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(sqlite, postgres);
}
