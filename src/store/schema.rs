//! Which tables there are: the migrations, embedded in the program, and the version a database
//! has reached. A database that is newer than the program is never touched.

use super::StoreError;
use super::database::{Database, Transaction};
use super::server::Lock;
use super::sql::Sql;

/// One step from a version to the next.
pub(super) struct Migration {
    name: &'static str,
    pub(super) sql: Sql,
}

macro_rules! migration {
    ($name:literal) => {
        Migration {
            name: $name,
            sql: Sql {
                sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
                postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
            },
        }
    };
}

/// In the order in which they apply; the first leads to version 1.
pub(super) const MIGRATIONS: &[Migration] = &[
    migration!("0001_first_tables"),
    migration!("0002_queue"),
    migration!("0003_hold_and_health"),
    migration!("0004_opting_out"),
    migration!("0005_looked_again"),
];

/// The version that this program reads and writes.
const KNOWN: i64 = MIGRATIONS.len() as i64;

/// What a database has.
pub(super) enum Standing {
    /// No tables of ours yet.
    Empty,
    /// Just what the program needs.
    Current,
    /// Tables of an older program.
    Older(i64),
}

/// Looks what a database has. A newer one, and a SQLite file full of something else, are errors.
pub(super) async fn standing(database: &Database) -> Result<Standing, StoreError> {
    let mut tx = database.read().await?;
    let found = version(&mut tx, database).await;
    tx.end(found).await.and_then(|found| judge(database, found))
}

/// Brings a database up to the program's version. Two programs that do it at once take turns.
pub(super) async fn migrate(database: &Database) -> Result<(), StoreError> {
    if matches!(standing(database).await?, Standing::Current) {
        return Ok(());
    }
    database.write_ahead().await?;
    let mut tx = database.write_behind("migrate", &[Lock::Migrating]).await?;
    let done = apply(&mut tx, database).await;
    tx.end(done).await
}

async fn apply(tx: &mut Transaction<'_>, database: &Database) -> Result<(), StoreError> {
    if !database.is_sqlite() {
        let schema = "SELECT 1 FROM pg_namespace WHERE nspname = 'lookout'";
        if tx.fetch(schema, &[]).await?.is_empty() {
            tx.script("CREATE SCHEMA lookout").await?;
        }
    }
    let found = version(tx, database).await?;
    let start = match judge(database, found)? {
        Standing::Empty => {
            database.file().into_iter().for_each(super::restored::forget_mark);
            0
        }
        Standing::Older(found) => found as usize,
        Standing::Current => return Ok(()),
    };
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(start) {
        let sql = if database.is_sqlite() { migration.sql.sqlite } else { migration.sql.postgres };
        tx.script(sql).await?;
        let args = [(index as i64 + 1).into(), migration.name.into()];
        tx.execute("INSERT INTO lookout_migrations (version, name) VALUES ($1, $2)", &args).await?;
    }
    Ok(())
}

/// The version of a database; `None` where it has no tables of ours.
async fn version(tx: &mut Transaction<'_>, database: &Database) -> Result<Option<i64>, StoreError> {
    let tables = Sql {
        sqlite: "SELECT COUNT(*), COUNT(CASE WHEN name = 'lookout_migrations' THEN 1 END)
                 FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
        postgres: "SELECT COUNT(*), COUNT(*) FROM pg_tables
                   WHERE schemaname = 'lookout' AND tablename = 'lookout_migrations'",
    };
    let rows = tx.fetch(tables, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    match (row.get::<i64>(0)?, row.get::<i64>(1)?) {
        (0, _) => Ok(None),
        (_, 0) => Err(StoreError::Foreign {
            place: database.place().to_owned(),
            cause: "it has tables of something else",
        }),
        _ => {
            let newest = "SELECT COALESCE(MAX(version), 0) FROM lookout_migrations";
            let rows = tx.fetch(newest, &[]).await?;
            rows.first().map(|row| row.get(0)).transpose()
        }
    }
}

fn judge(database: &Database, found: Option<i64>) -> Result<Standing, StoreError> {
    match found {
        None => Ok(Standing::Empty),
        Some(KNOWN) => Ok(Standing::Current),
        Some(found) if found < KNOWN => Ok(Standing::Older(found)),
        Some(found) => {
            Err(StoreError::Newer { place: database.place().to_owned(), found, known: KNOWN })
        }
    }
}

/// The error for a database that a reader can't bring up to date.
pub(super) fn older(database: &Database, found: i64) -> StoreError {
    StoreError::Older { place: database.place().to_owned(), found, known: KNOWN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_folders_hold_the_embedded_migrations_and_no_other() {
        let embedded: Vec<_> = MIGRATIONS.iter().map(|m| format!("{}.sql", m.name)).collect();
        for folder in ["sqlite", "postgres"] {
            let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<_> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            assert_eq!(files, embedded, "{folder}");
        }
    }
}
