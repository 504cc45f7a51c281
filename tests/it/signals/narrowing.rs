//! Rows that the database leaves out are never ones that a rule is about: not one that it may match,
//! not one that it may raise on, not one with a cell that can't be read.

use std::sync::Arc;

use lookout::policy::Calendar;
use lookout::predicate::{Comparison, Expr, Moment, Operation, TimeFunction};
use lookout::signals::Conditions;

use super::*;

fn moment() -> Moment {
    let timezone = "America/New_York".parse().unwrap();
    Moment::new(&Arc::new(Calendar { timezone, working: None }), as_of())
}

fn field(name: &str) -> Box<Expr> {
    Box::new(Expr::Field(customer(name)))
}

fn value(value: Value) -> Box<Expr> {
    Box::new(Expr::Constant(value))
}

fn compare(a: Box<Expr>, comparison: Comparison, b: Value) -> Expr {
    Expr::Compare(comparison, a, value(b))
}

fn days_since(name: &str) -> Box<Expr> {
    Box::new(Expr::Time(TimeFunction::DaysSince, field(name)))
}

/// The ids of the customers that a condition leaves, on a column of the table `t`.
async fn kept(view: &mut View, shop: &Shop, condition: &Expr) -> String {
    let signals = shop.signals();
    let examined = view.examine(&signals, &BTreeSet::new()).await.unwrap();
    assert_eq!(examined.problems, Default::default());
    let fields: BTreeSet<Field> = condition.fields().into_iter().cloned().collect();
    let moment = moment();
    let conditions = Some(Conditions { any_of: vec![condition], moment: &moment });
    let wanted = Wanted { conditions, ..everybody(&fields) };
    let mut ids = Vec::new();
    let mut take = |batch: Batch| ids.extend((0..batch.len()).map(|row| batch.customer(row)));
    let pulled = view.pull(&signals, &examined, &wanted, &mut take).await.unwrap();
    assert_eq!(pulled.rows, ids.len() as u64);
    ids.sort();
    ids.iter().map(|id| id.as_str()).collect()
}

/// A table whose rows are called a, b, c …, each with one value in the column `x`.
fn table(kind: &str, values: &[&str]) -> String {
    let rows = values.iter().zip('a'..).map(|(value, id)| format!("('{id}', {value})"));
    let rows: Vec<_> = rows.collect();
    format!("CREATE TABLE t (id TEXT, x {kind}); INSERT INTO t VALUES {}", rows.join(", "))
}

fn one_column() -> Shop {
    Shop::new(&[("customers.sql", "SELECT id AS customer_id, x FROM t")])
}

async fn on_sqlite(kind: &str, values: &[&str], cases: &[(Expr, &str)]) {
    let shop = one_column();
    let url = shop.sqlite(&table(kind, values));
    hold(&url, &shop, cases).await;
}

async fn on_postgres(kind: &str, values: &[&str], cases: &[(Expr, &str)]) {
    let shop = one_column();
    let url = postgres(&table(kind, values)).await;
    hold(&url, &shop, cases).await;
}

async fn hold(url: &str, shop: &Shop, cases: &[(Expr, &str)]) {
    let mut view = view(url).await;
    for (condition, expected) in cases {
        assert_eq!(kept(&mut view, shop, condition).await, *expected, "{url} {condition:?}");
    }
}

use Comparison::{AtLeast, AtMost, Equal, Greater, Less, Unequal};

fn not(e: Expr) -> Expr {
    Expr::Not(Box::new(e))
}

const UNREADABLE: &str = "CAST(x'ff' AS TEXT)";

#[tokio::test]
async fn whole_numbers_of_sqlite_may_be_anything() {
    // A text among numbers is always kept, and a fraction beside a number is equal to it.
    let values =
        ["1", "5", "NULL", "'many'", "x'00'", "5 - 8.9e-16", "9007199254740993", "2.5", UNREADABLE];
    let five = || Value::Int(5);
    let twice = Expr::Calculate(Operation::Multiply, field("x"), value(Value::Int(2)));
    let cases = [
        (compare(field("x"), Greater, five()), "degi"),
        (compare(field("x"), AtLeast, five()), "bdefgi"),
        (compare(field("x"), Equal, five()), "bdefi"),
        (compare(field("x"), Unequal, five()), "acdefghi"),
        (compare(field("x"), Greater, Value::Int(9_007_199_254_740_992)), "degi"),
        (compare(field("x"), Equal, Value::Null), "cdei"),
        (not(compare(field("x"), Greater, five())), "abcdefhi"),
        (Expr::Within(field("x"), 2, 5), "bcdefhi"),
        (compare(Box::new(twice), Greater, Value::Int(9)), "bcdefgi"),
    ];
    on_sqlite("INTEGER", &values, &cases).await;
}

#[tokio::test]
async fn whole_numbers_of_postgresql_are_whole() {
    let values = ["1", "5", "NULL", "9007199254740993"];
    let five = || Value::Int(5);
    let sum = Expr::Calculate(Operation::Add, field("x"), value(Value::Int(i64::MAX)));
    let cases = [
        (compare(field("x"), Greater, five()), "d"),
        (not(compare(field("x"), Greater, five())), "abc"),
        (compare(field("x"), Unequal, five()), "acd"),
        (compare(field("x"), Equal, Value::Null), "c"),
        (compare(field("x"), Greater, Value::Float(4.5)), "bd"),
        (compare(field("x"), AtMost, Value::Int(9_007_199_254_740_992)), "ab"),
        (Expr::Within(field("x"), 2, 6), "bc"),
        // What may overflow is left to Rhai.
        (compare(Box::new(sum), Less, Value::Int(0)), "abcd"),
    ];
    on_postgres("BIGINT", &values, &cases).await;
    let half = Expr::Calculate(Operation::Divide, field("x"), value(Value::Int(-2)));
    let cases = [
        (compare(Box::new(half), Equal, Value::Int(-2)), "bc"),
        (compare(field("x"), AtLeast, Value::Float(0.5)), "ab"),
    ];
    on_postgres("SMALLINT", &values[..3], &cases).await;
}

#[tokio::test]
async fn numbers_with_a_fraction_are_kept_where_rhai_may_see_them_alike() {
    let cases = [
        (compare(field("x"), AtLeast, Value::Int(5)), "abce"),
        (not(compare(field("x"), Greater, Value::Float(5.0))), "abcde"),
        (compare(field("x"), Equal, Value::Float(5.0)), "ae"),
        (not(compare(field("x"), Unequal, Value::Float(5.0))), "abce"),
    ];
    let values = ["5", "'NaN'", "'Infinity'", "NULL", "4.999999999999999"];
    on_postgres("DOUBLE PRECISION", &values, &cases).await;
    on_postgres("NUMERIC", &["5", "'NaN'", "1e400", "NULL", "4.999999999999999"], &cases).await;
    let values = ["'0.1'", "'NaN'", "'0.1x'", "1e999", "0.1 + 1e-17", "NULL", "7", "-1e999"];
    let cases = [
        (compare(field("x"), Equal, Value::Float(0.1)), "abce"),
        (compare(field("x"), Greater, Value::Float(0.1)), "bcdeg"),
        (not(compare(field("x"), Greater, Value::Float(0.1))), "abcdefh"),
        (not(compare(field("x"), Less, Value::Float(0.1))), "abcdefgh"),
        (not(compare(field("x"), Unequal, Value::Float(0.1))), "abcdeh"),
    ];
    on_sqlite("DECIMAL(10, 2)", &values, &cases).await;
}

#[tokio::test]
async fn true_and_false_are_asked_of_what_is_neither() {
    let or = |value: bool| Expr::Coalesce(field("x"), Box::new(Expr::Constant(Value::Bool(value))));
    let yes = Value::Bool(true);
    let cases = [
        (*field("x"), "acde"),
        (not(*field("x")), "bcde"),
        (compare(field("x"), Equal, yes.clone()), "ae"),
        (compare(field("x"), Unequal, yes.clone()), "bcde"),
        (or(true), "acde"),
        (or(false), "ade"),
    ];
    on_sqlite("BOOLEAN", &["1", "0", "NULL", "2", "'yes'"], &cases).await;
    let cases = [
        (*field("x"), "ac"),
        (not(*field("x")), "bc"),
        (compare(field("x"), Equal, yes.clone()), "a"),
        (compare(field("x"), Unequal, yes), "bc"),
        (or(true), "ac"),
        (or(false), "a"),
    ];
    on_postgres("BOOLEAN", &["TRUE", "FALSE", "NULL"], &cases).await;
}

#[tokio::test]
async fn texts_are_told_apart_by_their_bytes() {
    let pro = || text("pro");
    let either = Expr::OneOf(field("x"), vec![pro(), text("")]);
    let cases = [
        (compare(field("x"), Equal, pro()), "b"),
        (compare(field("x"), Unequal, pro()), "acdef"),
        (compare(field("x"), Greater, pro()), "cf"),
        (not(compare(field("x"), Greater, pro())), "abde"),
        (either.clone(), "bd"),
        (not(either), "acef"),
    ];
    let values = ["'Pro'", "'pro'", "'pro '", "''", "NULL", "'prö'"];
    // A text that a rule may not hold fails its row.
    let long = "replace(hex(zeroblob(4100)), '00', 'ab')";
    let cases_of_long = [(compare(field("x"), Equal, pro()), "b")];
    on_sqlite("TEXT", &["'Pro'", long], &cases_of_long).await;
    on_postgres("TEXT", &["'Pro'", "repeat('ab', 4100)"], &cases_of_long).await;
    on_sqlite("TEXT COLLATE NOCASE", &values, &cases).await;
    on_postgres("TEXT", &values, &cases).await;
    on_postgres("VARCHAR(9) COLLATE \"en-x-icu\"", &values, &cases).await;
    let cases = [(compare(field("x"), Equal, text("nothing")), "ab")];
    on_postgres("CHAR(5)", &["'pro'", "NULL"], &cases).await;
    let values = ["'5'", "5", "'x'", "NULL", UNREADABLE];
    let cases = [
        (compare(field("x"), Equal, Value::Int(5)), "be"),
        (compare(field("x"), Unequal, Value::Int(5)), "acde"),
        (compare(field("x"), Equal, text("5")), "ae"),
        (compare(field("x"), Less, text("x")), "abe"),
    ];
    on_sqlite("", &values, &cases).await;
}

#[tokio::test]
async fn days_are_counted_where_they_are_days() {
    let thirty = || Value::Int(30);
    let long_ago = compare(days_since("x"), AtLeast, thirty());
    let lately = compare(days_since("x"), Less, thirty());
    let cases = [
        (long_ago.clone(), "adefgh"),
        (lately.clone(), "bdefgh"),
        (not(lately.clone()), "acdefgh"),
        (compare(days_since("x"), Equal, thirty()), "adefgh"),
        (compare(days_since("x"), Equal, Value::Null), "cdefgh"),
        // Nothing is asked of a date that an earlier part has ruled out.
        (Expr::And(vec![compare(field("x"), Equal, Value::Null), long_ago.clone()]), ""),
    ];
    let values = [
        "'1998-04-07'",
        "'1998-04-08'",
        "NULL",
        "'1998-02-30'",
        "'soon'",
        "'1998-04-01 10:00:00'",
        "5",
        "''",
    ];
    on_sqlite("DATE", &values, &cases).await;
    // The fourth of April is over in New York four hours later than in UTC.
    let values = [
        "'1998-04-07 23:00:00'",
        "'1998-04-08 03:00:00'",
        "'1998-04-11 00:00:00'",
        "'1998-04-06T23:00:00-05:00'",
        "'soon'",
        "NULL",
    ];
    on_sqlite("TIMESTAMP", &values, &[(long_ago.clone(), "abde"), (lately.clone(), "abcde")]).await;
    let values = [
        "'1998-04-07'",
        "'1998-04-08'",
        "NULL",
        "'infinity'",
        "'-infinity'",
        "'0044-03-15 BC'",
        "'10000-01-01'",
    ];
    let cases =
        [(long_ago.clone(), "adefg"), (lately.clone(), "bdefg"), (not(lately.clone()), "acdefg")];
    on_postgres("DATE", &values, &cases).await;
    let values = [
        "'1998-04-07 23:00:00Z'",
        "'1998-04-08 03:00:00Z'",
        "'1998-04-11 00:00:00Z'",
        "'infinity'",
        "NULL",
    ];
    for kind in ["TIMESTAMP", "TIMESTAMPTZ"] {
        on_postgres(kind, &values, &[(long_ago.clone(), "abd"), (lately.clone(), "abcd")]).await;
    }
}

#[tokio::test]
async fn a_query_that_fails_where_it_is_narrowed_is_read_whole() {
    let sql = "SELECT id AS customer_id, CAST(x AS INTEGER) AS x FROM t WHERE is_number(x)";
    let shop = Shop::new(&[("customers.sql", sql)]);
    let function = "CREATE FUNCTION is_number(x TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE COST 100000 AS \
                    'BEGIN RETURN x ~ ''^[0-9]+$''; END'";
    let url = postgres(&format!("{}; {function}", table("TEXT", &["'5'", "'six'", "'7'"]))).await;
    let more = compare(field("x"), Greater, Value::Int(6));
    hold(&url, &shop, &[(more, "ac")]).await;
}
