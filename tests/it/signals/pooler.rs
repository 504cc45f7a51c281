//! The company's database behind a pooler that lends its connections by the transaction.

use super::*;
use crate::support::pgbouncer::Pooler;

const SHOP: &str = "CREATE TYPE mood AS ENUM ('calm', 'cross');
    CREATE TABLE people (customer_id TEXT, mood mood, share FLOAT8, since TIMESTAMPTZ);
    INSERT INTO people VALUES ('A', 'calm', 0.1, '1998-05-01 12:00+02'), ('B', 'cross', 1e-7, NULL)";
const CUSTOMERS: &str =
    "SELECT customer_id, mood, share::text AS share, since::text AS since FROM people";

#[tokio::test]
async fn a_pooler_in_between_changes_nothing_that_is_read() {
    let direct = postgres(SHOP).await;
    let pooler = Pooler::start(&direct);
    let shop = Shop::new(&[("customers.postgres.sql", CUSTOMERS), ("customers.sql", CUSTOMERS)]);
    let signals = shop.signals();
    let fields = ["mood", "share", "since"].map(customer);
    let mut told = Vec::new();
    // More views than it has connections, two at a time, by either address.
    let urls = [vec![direct], vec![pooler.plain_url(); 4], vec![pooler.url(); 3]].concat();
    for pair in urls.windows(2) {
        let mut views = [view(&pair[0]).await, view(&pair[1]).await];
        for view in &mut views {
            let examined = view.examine(&signals, &all(&signals)).await.unwrap();
            assert!(examined.problems.is_empty(), "{:?}", examined.problems);
            let rows = pull(view, &signals, &examined, About::Customers, &fields, None).await;
            told.push(rows.unwrap().0);
        }
    }
    let expected = [
        [text("A"), text("calm"), text("0.1"), text("1998-05-01 10:00:00+00")],
        [text("B"), text("cross"), text("1e-07"), Value::Null],
    ];
    for rows in told {
        assert_eq!(rows, expected);
    }
}
