//! The rival: the same run, a row a statement, with prepared statements in one transaction.
//! It checks nothing, and frees nothing first.

use lookout::store::Run;
use sqlx::{PgConnection, SqliteConnection};

const BOOKS: &str = "UPDATE books SET version = version + 1";
const RUNS: &str = "INSERT INTO runs (as_of, started_at, pack, report) VALUES ($1, $2, $3, $4)";
const EVALUATED: &str = "INSERT INTO rule_evaluations (rule, at) VALUES ($1, $2)";
const EPISODES: &str =
    "INSERT INTO episodes (rule, customer_id, subject, started_at) VALUES ($1, $2, $3, $4)";
const OUTREACHES: &str = "INSERT INTO outreaches (key, run, rule, channel, state, not_before,
         expires_at, ahead, next_attempt_at, last_attempt_at, attempts, fence, payload, priority,
         asked_at)
     VALUES ($1, $2, $3, $4, 'ready', $5, $6, $7, $8, $9, 0, 0, $10, $11, $12)";
const MATCHES: &str = "INSERT INTO rule_matches (rule, run, matches) VALUES ($1, $2, $3)";
const RECIPIENTS: &str = "INSERT INTO outreach_recipients (outreach, recipient) VALUES ($1, $2)";
const CONTACTS: &str = "INSERT INTO contacts (dedupe_key, outreach, rule, customer_id, subject,
         episode_started_at, ordinal, channel, at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const DECISIONS: &str = "INSERT INTO decisions (run, place, rule, customer_id, subject, position,
         channel, outcome, reason, evidence, outreach, not_before)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

macro_rules! writer {
    ($(#[$doc:meta])* $name:ident, $connection:ty) => {
        $(#[$doc])*
        pub async fn $name(to: &mut $connection, run: &Run<'_>, head: &str) -> anyhow::Result<()> {
            let as_of = run.as_of.timestamp_micros();
            let ahead = as_of - run.started_at.timestamp_micros();
            sqlx::query(BOOKS).execute(&mut *to).await?;
            sqlx::query(RUNS)
                .bind(as_of)
                .bind(run.started_at.timestamp_micros())
                .bind(run.report.pack.as_str())
                .bind(head)
                .execute(&mut *to)
                .await?;
            for rule in run.evaluated {
                sqlx::query(EVALUATED).bind(rule.as_str()).bind(as_of).execute(&mut *to).await?;
            }
            for tally in &run.report.rules {
                sqlx::query(MATCHES)
                    .bind(tally.rule.as_str())
                    .bind(as_of)
                    .bind(i64::try_from(tally.matches)?)
                    .execute(&mut *to)
                    .await?;
            }
            for change in &run.decided.episodes {
                let lookout::domain::EpisodeChange::Started(rule, customer, subject) = change
                else {
                    anyhow::bail!("a generated run ends no episode");
                };
                sqlx::query(EPISODES)
                    .bind(rule.as_str())
                    .bind(customer.as_str())
                    .bind(subject.as_str())
                    .bind(as_of)
                    .execute(&mut *to)
                    .await?;
            }
            for outreach in &run.decided.outreaches {
                let not_before = outreach.not_before.timestamp_micros();
                let expires_at = outreach.expires_at.timestamp_micros();
                sqlx::query(OUTREACHES)
                    .bind(outreach.key.as_str())
                    .bind(as_of)
                    .bind(outreach.rule.as_str())
                    .bind(outreach.channel.0.as_str())
                    .bind(not_before)
                    .bind(expires_at)
                    .bind(ahead)
                    .bind(not_before - ahead)
                    .bind(expires_at - ahead)
                    .bind(serde_json::to_string(outreach)?)
                    .bind(i64::from(outreach.priority))
                    .bind(run.started_at.timestamp_micros())
                    .execute(&mut *to)
                    .await?;
                for recipient in &outreach.recipients {
                    sqlx::query(RECIPIENTS)
                        .bind(outreach.key.as_str())
                        .bind(recipient.0.as_str())
                        .execute(&mut *to)
                        .await?;
                }
                for subject in &outreach.subjects {
                    sqlx::query(CONTACTS)
                        .bind(subject.dedupe_key.as_str())
                        .bind(outreach.key.as_str())
                        .bind(outreach.rule.as_str())
                        .bind(subject.customer.as_str())
                        .bind(subject.subject.as_str())
                        .bind(subject.episode_started_at.timestamp_micros())
                        .bind(i64::from(subject.ordinal))
                        .bind(outreach.channel.0.as_str())
                        .bind(not_before)
                        .execute(&mut *to)
                        .await?;
                }
            }
            for (place, decision) in run.report.decisions.iter().enumerate() {
                anyhow::ensure!(decision.refusal.is_none(), "a generated run refuses nothing");
                sqlx::query(DECISIONS)
                    .bind(as_of)
                    .bind(i64::try_from(place)?)
                    .bind(decision.rule.as_str())
                    .bind(decision.customer_id.as_str())
                    .bind(decision.subject.as_str())
                    .bind(i64::from(decision.position))
                    .bind(decision.channel.0.as_str())
                    .bind(decision.outcome.name())
                    .bind(None::<&str>)
                    .bind(None::<&str>)
                    .bind(decision.outreach.as_ref().map(|key| key.as_str()))
                    .bind(decision.not_before.map(|at| at.timestamp_micros()))
                    .execute(&mut *to)
                    .await?;
            }
            Ok(())
        }
    };
}

writer!(
    /// Writes a run into a SQLite file.
    into_sqlite, SqliteConnection
);
writer!(
    /// Writes a run into a PostgreSQL database.
    into_postgres, PgConnection
);
