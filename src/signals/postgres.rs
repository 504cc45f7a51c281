//! Reading PostgreSQL, and what speaks its protocol: one read-only transaction, rows by binary COPY.

mod binary;

use std::str::FromStr;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgErrorPosition, PgTypeInfo, PgTypeKind};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions, Connection, Executor, PgConnection};
use sqlx::{SqlSafeStr, Statement};

use super::ColumnKind;
use super::source::{Failure, RawColumn, Rows};
use binary::{Oid, Reader};

/// How long a server may take to answer the first call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Settings go with the transaction: a pooler in between lends its connections to others, too.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                     SET LOCAL timezone = 'UTC'; SET LOCAL standard_conforming_strings = on; \
                     SET LOCAL extra_float_digits = 2";

/// One read-only transaction on a PostgreSQL.
pub(super) struct Postgres {
    connection: PgConnection,
    /// A COPY that never began leaves the connection out of step with the server.
    spent: bool,
    /// Whether texts are UTF-8 as Rust's are, so that both order them alike.
    pub(super) narrows: bool,
}

/// Reads an address. It is not yet called.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, String> {
    let options = PgConnectOptions::from_str(url).map_err(|error| error.to_string())?;
    // A pooler refuses this setting of a connection; `BEGIN` makes it. The driver's log would hold
    // the company's ids.
    let options = options.application_name("lookout").extra_float_digits(None);
    Ok(options.disable_statement_logging())
}

impl Postgres {
    /// Connects and begins to read the database as it is now.
    pub(super) async fn open(options: &PgConnectOptions) -> Result<Self, Failure> {
        let connecting = PgConnection::connect_with(options);
        let mut connection = match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                return Err(Failure::Gone(format!("{}; {}", said(&error), cure(&error))));
            }
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                return Err(Failure::Gone(format!("it did not answer within {seconds} seconds")));
            }
        };
        connection.execute(sqlx::raw_sql(BEGIN)).await.map_err(|e| failure(&e, ""))?;
        let encoding: Result<String, _> =
            sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut connection).await;
        let narrows = encoding.map_err(|error| failure(&error, ""))? == "UTF8";
        Ok(Self { connection, spent: false, narrows })
    }

    /// The columns of a query.
    pub(super) async fn describe(&mut self, sql: &str) -> Result<Vec<RawColumn>, Failure> {
        self.run("SAVEPOINT lookout").await?;
        let columns = self.columns(sql).await;
        self.leave(&columns).await?;
        Ok(columns?.into_iter().map(|(column, _)| column).collect())
    }

    /// Runs a query and hands over its rows as they come.
    pub(super) async fn stream(
        &mut self,
        sql: &str,
        sink: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<(), Failure> {
        self.run("SAVEPOINT lookout").await?;
        let outcome = self.copy(sql, sink).await;
        self.leave(&outcome).await?;
        outcome
    }

    async fn copy(
        &mut self,
        sql: &str,
        sink: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<(), Failure> {
        let types = self.columns(sql).await?.into_iter().map(|(_, oid)| oid).collect();
        // What is wrong only once it is planned shows here, where the connection survives it.
        self.run(&format!("EXPLAIN {sql}")).await?;
        let copy = format!("COPY (\n{sql}\n) TO STDOUT (FORMAT binary)");
        let mut reader = Reader::new(types);
        let mut stream = match self.connection.copy_out_raw(&copy).await {
            Ok(stream) => stream,
            Err(error) => {
                self.spent = true;
                return Err(failure(&error, &copy));
            }
        };
        let mut outcome = Ok(());
        // After a cell that can't be read the rest is still taken in, so that the connection lives.
        while let Some(chunk) = stream.try_next().await.map_err(|error| failure(&error, ""))? {
            if outcome.is_ok() {
                outcome = reader.take(&chunk, sink);
            }
        }
        outcome?;
        reader.finish(sink)
    }

    /// Whether the plan of a query has a join in it.
    pub(super) async fn joins(&mut self, sql: &str) -> Result<bool, Failure> {
        self.run("SAVEPOINT lookout").await?;
        let explain = format!("EXPLAIN (COSTS OFF) {sql}");
        let plan = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut self.connection).await;
        let plan: Result<Vec<String>, _> = plan.map_err(|error| failure(&error, sql));
        self.leave(&plan).await?;
        let is_join = |step: &String| step.contains("Join") || step.contains("Nested Loop");
        Ok(plan?.iter().any(is_join))
    }

    async fn columns(&mut self, sql: &str) -> Result<Vec<(RawColumn, Oid)>, Failure> {
        let prepared = (&mut self.connection).prepare(AssertSqlSafe(sql.to_owned()).into_sql_str());
        let statement = prepared.await.map_err(|error| failure(&error, sql))?;
        Ok(statement.columns().iter().map(|c| column(c.name(), c.type_info())).collect())
    }

    async fn run(&mut self, sql: &str) -> Result<(), Failure> {
        if self.spent {
            return Err(Failure::Gone("an earlier query broke the connection".to_owned()));
        }
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = self.connection.execute(statement).await;
        done.map(|_| ()).map_err(|error| failure(&error, sql))
    }

    /// Ends a savepoint; after an error, the transaction is as it was before.
    async fn leave<T>(&mut self, outcome: &Result<T, Failure>) -> Result<(), Failure> {
        match outcome {
            Ok(_) => self.run("RELEASE SAVEPOINT lookout").await,
            Err(Failure::Gone(_)) => Ok(()),
            Err(_) if self.spent => Ok(()),
            Err(_) => self.run("ROLLBACK TO SAVEPOINT lookout; RELEASE SAVEPOINT lookout").await,
        }
    }
}

/// What a column of this type holds, or the cast that helps.
fn column(name: &str, info: &PgTypeInfo) -> (RawColumn, Oid) {
    let oid = info.oid().map_or(0, |oid| oid.0);
    let type_name = info.to_string().to_lowercase();
    let known = match info.kind() {
        PgTypeKind::Enum(_) => Some((ColumnKind::Text, binary::TEXT)),
        _ if type_name == "citext" => Some((ColumnKind::Text, binary::TEXT)),
        _ => binary::kind(oid).map(|kind| (kind, oid)),
    };
    let (kind, oid) = known.unwrap_or((ColumnKind::Unknown, oid));
    let cast = known.is_none().then(|| cast(info, &type_name));
    (RawColumn { name: name.to_owned(), kind, type_name, cast }, oid)
}

/// How a column of a type that no rule can read becomes one that a rule can; `{}` is the column.
fn cast(info: &PgTypeInfo, type_name: &str) -> String {
    let cast = match (info.kind(), type_name) {
        (PgTypeKind::Array(_), _) => "array_to_string({}, ', ')",
        (_, "bytea") => "encode({}, 'hex')",
        (_, "interval") => "EXTRACT(EPOCH FROM {})",
        (_, "money") => "{}::numeric",
        (_, "oid") => "{}::bigint",
        _ => "{}::text",
    };
    format!("write {cast} AS {{}}")
}

/// Tells a server that can't be asked from a query that is wrong.
fn failure(error: &sqlx::Error, sql: &str) -> Failure {
    let database = error.as_database_error();
    let Some(error) = database.and_then(|e| e.try_downcast_ref::<PgDatabaseError>()) else {
        return Failure::Gone(said(error));
    };
    let code = error.code();
    // Connection, resources, shutdown or cancellation, system, conflict with a replica's recovery.
    if ["08", "53", "57", "58", "40"].iter().any(|class| code.starts_with(class)) {
        return Failure::Gone(error.message().to_owned());
    }
    let offset = match error.position() {
        Some(PgErrorPosition::Original(character)) => {
            sql.char_indices().nth(character.saturating_sub(1)).map(|(byte, _)| byte)
        }
        _ => None,
    };
    let said = match error.hint() {
        Some(hint) => format!("{} ({hint})", error.message()),
        None => error.message().to_owned(),
    };
    Failure::sql(&said, offset)
}

/// What helps where a server can't be reached or doesn't let us in.
fn cure(error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    match code.as_ref() {
        "3D000" => "is the name of the database right?",
        "28P01" | "28000" => "are the user and the password right?",
        _ => "is the server running, and are host and port right?",
    }
}

/// An error without the driver's own prefix.
fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
