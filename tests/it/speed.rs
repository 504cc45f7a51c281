//! The benchmark on a small company: it must go on finding what the same rules find as plain SQL.
//! Nothing here looks at the time that it takes.

#[allow(dead_code, unused_imports, reason = "the benchmark itself uses the rest")]
#[path = "../../benches/dry_run/measure/mod.rs"]
mod measure;

use measure::{Database, Measured, measure};

use crate::support::postgres;

const CUSTOMERS: u64 = 2_000;

async fn on(database: Database) -> Measured {
    let scratch = tempfile::tempdir().unwrap();
    measure(&database, CUSTOMERS, 0, scratch.path(), &|_| {}).await.unwrap()
}

/// It was proved already that both ways agree; here, that there was something to agree about.
fn assert_found(measured: &Measured) {
    assert_eq!(measured.customers, CUSTOMERS);
    assert!((20..=60).contains(&measured.matching), "{} customers", measured.matching);
    let found = measured.matches.iter().filter(|(_, count)| *count > 0).count();
    assert!(found >= 15, "{:?}", measured.matches);
    assert!(measured.outreaches > 0);
}

#[tokio::test]
async fn the_dry_run_finds_what_one_statement_finds() {
    let scratch = tempfile::tempdir().unwrap();
    let on_sqlite = on(Database::Sqlite(scratch.path().join("company.db"))).await;
    assert_found(&on_sqlite);
    let on_postgres = on(Database::Postgres(postgres::database().await)).await;
    assert_eq!(on_postgres.matches, on_sqlite.matches);
    assert_eq!(on_postgres.outreaches, on_sqlite.outreaches);
}
