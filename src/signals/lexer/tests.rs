//! The lexer, on both dialects: what is a parameter, and what only looks like one.

use super::*;
use crate::domain::parse_instant;

fn at(sql: &str, dialect: Dialect) -> String {
    let as_of = parse_instant("1998-05-07T09:00:00Z").unwrap();
    Query::read(sql, dialect).unwrap().at(as_of, dialect)
}

fn refused(sql: &str, dialect: Dialect) -> (&'static str, String) {
    let refused = Query::read(sql, dialect).unwrap_err();
    (refused.code, sql[refused.span].to_owned())
}

const LITE: &str = "'1998-05-07 09:00:00'";
const POST: &str = "TIMESTAMPTZ '1998-05-07 09:00:00+00'";

#[test]
fn the_instant_is_put_where_it_is_asked_for_and_nowhere_else() {
    let both = [
        "SELECT 1 WHERE d <= @",
        "SELECT ':as_of', 'it''s :as_of' WHERE d <= @",
        "SELECT \":as_of\", \"a\"\" :as_of\" FROM t WHERE d <= @ AND e > @",
        "SELECT 1 -- not :as_of; nor 'this\nWHERE d <= @",
        "SELECT 1 /* :as_of ; ' */ WHERE d <= @",
        "WITH recent AS (SELECT * FROM t WHERE d <= @) SELECT * FROM recent ORDER BY d LIMIT 3",
        "(SELECT a FROM t WHERE d < @) UNION SELECT 2",
        "SELECT date(@,'-1 day')",
    ];
    for sql in both {
        let written = sql.replace('@', ":as_of");
        assert_eq!(at(&written, Dialect::Sqlite), sql.replace('@', LITE));
        assert_eq!(at(&written, Dialect::Postgres), sql.replace('@', POST));
    }
    for sql in ["SELECT `:as_of` WHERE d <= @", "SELECT [:as_of] WHERE d <= @", "SELECT 'a\\' , @"]
    {
        assert_eq!(at(&sql.replace('@', ":as_of"), Dialect::Sqlite), sql.replace('@', LITE));
    }
    for sql in [
        "SELECT @::date, '1'::int, x::as_of",
        "SELECT E'it\\'s :as_of', e'\\\\', @",
        "SELECT $$ :as_of ' $$, $q$ :as_of $$ ; $q$, @",
        "SELECT 1 /* a /* nested :as_of */ :as_of */ WHERE d <= @",
        "SELECT list[1:n], list[a :b], f(a := 1) WHERE d <= @",
        "SELECT a$b$, j ? 'k', c ->> 'd' WHERE d <= @",
    ] {
        assert_eq!(at(&sql.replace('@', ":as_of"), Dialect::Postgres), sql.replace('@', POST));
    }
}

#[test]
fn what_ends_a_query_is_taken_off() {
    for end in ["", ";", " ; ", "\n;;\n", " -- done", "; -- done", " /* done */ ; -- x\n"] {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            assert_eq!(at(&format!("SELECT 1{end}"), dialect), "SELECT 1", "{end:?}");
        }
    }
    assert_eq!(at("SELECT 1 /* never closed", Dialect::Sqlite), "SELECT 1");
}

#[test]
fn what_is_no_single_query_is_refused_where_it_begins() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let refused = |sql| refused(sql, dialect);
        assert_eq!(refused("").0, "empty-signal");
        assert_eq!(refused("-- only words\n;").0, "empty-signal");
        assert_eq!(refused("SELECT 1; SELECT 2"), ("two-statements", "SELECT".to_owned()));
        assert_eq!(refused("SELECT 1; DROP TABLE t"), ("two-statements", "DROP".to_owned()));
        assert_eq!(refused("DELETE FROM t"), ("not-a-query", "DELETE".to_owned()));
        assert_eq!(refused("WITH a AS (SELECT 1) DELETE FROM t").0, "signal-writes");
        assert_eq!(refused("WITH a AS (DELETE FROM t RETURNING *) SELECT 1").0, "signal-writes");
        assert_eq!(refused("SELECT 1 WHERE a = :asof"), ("unknown-parameter", ":asof".to_owned()));
        assert_eq!(refused("SELECT :as_of_day").0, "unknown-parameter");
        assert_eq!(refused("SELECT $1").0, "unknown-parameter");
        assert_eq!(refused("SELECT 'open"), ("sql-unclosed", "'".to_owned()));
    }
    assert_eq!(refused("SELECT $$ open", Dialect::Postgres).0, "sql-unclosed");
    assert_eq!(refused("SELECT 1 /* /* */", Dialect::Postgres).0, "sql-unclosed");
    assert_eq!(refused("SELECT ?", Dialect::Sqlite).0, "unknown-parameter");
    assert!(Query::read("SELECT t.update, replace(a, 'b', 'c') FROM t", Dialect::Postgres).is_ok());
}

#[test]
fn a_place_in_the_sent_query_leads_back_to_the_file() {
    let text = "SELECT a WHERE d <= :as_of AND e > :as_of AND wrong";
    let as_of = parse_instant("1998-05-07").unwrap();
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let query = Query::read(text, dialect).unwrap();
        let sent = query.at(as_of, dialect);
        for word in ["a WHERE", "AND e", "wrong"] {
            let offset = sent.find(word).unwrap();
            assert_eq!(query.offset_in_file(offset, as_of, dialect), text.find(word).unwrap());
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[-a-z:'\"$;/*?\\\\\\[\\]() \n`é]{0,40}") {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            if let Err(refused) = Query::read(&format!("SELECT {text}"), dialect) {
                proptest::prop_assert!(text.len() + 7 >= refused.span.start);
            }
        }
    }
}
