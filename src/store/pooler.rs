//! A pooler of connections between us and a PostgreSQL, such as PgBouncer in transaction mode: each
//! transaction may have another connection. Nothing that is said to one is ever relied on in the
//! next.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Error, PgConnection};

/// What an address says behind a pooler that does not know prepared statements. The driver itself
/// takes it to mean that it need not remember them; names it gives them all the same.
const UNNAMED: (&str, &str) = ("statement-cache-capacity", "0");

/// How to call a server, also where a pooler answers in its stead.
pub(super) fn options(options: PgConnectOptions) -> PgConnectOptions {
    // A pooler refuses settings that it does not keep apart for each of its clients. No number of
    // ours is ever a float.
    options.application_name("lookout").extra_float_digits(None).disable_statement_logging()
}

/// Whether a statement keeps a name on its connection, so that it is planned once. Behind a pooler
/// that name would be unknown on the next connection, or taken by somebody else.
pub(super) fn names_statements(options: &PgConnectOptions) -> bool {
    let url = options.to_url_lossy();
    !url.query_pairs().any(|(name, value)| (name.as_ref(), value.as_ref()) == UNNAMED)
}

/// Fails where two connections of ours are one to the server: both give their first statement the same
/// name.
pub(super) async fn keeps_apart(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<(), Error> {
    for connection in [first, second] {
        sqlx::query("SELECT 1").execute(connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(url: &str) -> bool {
        names_statements(&url.parse().unwrap())
    }

    #[test]
    fn the_address_says_whether_statements_have_names() {
        assert!(named("postgres://lookout@db/lookout"));
        assert!(named("postgres://lookout@db/lookout?statement-cache-capacity=50"));
        assert!(!named("postgres://lookout@db:6432/lookout?statement-cache-capacity=0"));
        assert!(!named("postgres://lookout@db/lookout?statement-cache-capacity=0&sslmode=disable"));
    }
}
