//! How SQLite looks for what the way out asks of it: by an index, whatever its version.

use super::schema::MIGRATIONS;
use super::sql::Sql;
use super::{claims, door, history};

fn statements() -> Vec<Sql> {
    vec![
        claims::FREE_LEASES,
        claims::EXPIRE,
        claims::TAKE.sql,
        claims::RENEW.sql,
        claims::RELEASE.sql,
        claims::HAND_OVER.into(),
        door::CHANGE.sql,
        door::DATE.sql,
        door::FREE.sql,
        door::KNOWN.sql,
        history::EPISODES.sql,
        history::PAST.sql,
    ]
}

#[test]
fn no_statement_of_the_way_out_reads_a_whole_table() {
    let books = rusqlite::Connection::open_in_memory().unwrap();
    MIGRATIONS.iter().for_each(|migration| books.execute_batch(migration.sql.sqlite).unwrap());
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let mut tables = books.prepare(tables).unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    for sql in statements() {
        let mut plan = books.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.sqlite)).unwrap();
        let nothing =
            rusqlite::params_from_iter(vec![rusqlite::types::Null; plan.parameter_count()]);
        let steps = plan.query_map(nothing, |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        // An alias is one letter; what is `given` and what was `found` is short.
        let is_whole = |step: &&String| {
            step.strip_prefix("SCAN ").is_some_and(|what| {
                let name = what.split(' ').next().unwrap_or_default();
                !what.contains(" USING INDEX ")
                    && (tables.iter().any(|table| table == name)
                        || ["c", "o", "r", "s", "e"].contains(&name))
            })
        };
        assert_eq!(steps.iter().find(is_whole), None, "{}\n{steps:#?}", sql.sqlite);
    }
}
