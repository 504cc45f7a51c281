//! A journal of every change of an outreach's state, and of every suppression, kept by triggers of
//! the state database. The program does not know of it, and can't change anything without it.

use super::state::State;

const SQLITE: &str = "
    CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, was TEXT, state TEXT,
        fence INTEGER);
    CREATE TRIGGER journal_put AFTER INSERT ON outreaches BEGIN
        INSERT INTO journal (what, was, state, fence) VALUES (NEW.key, '', NEW.state, NEW.fence);
    END;
    CREATE TRIGGER journal_change AFTER UPDATE ON outreaches
        WHEN OLD.state <> NEW.state OR OLD.fence <> NEW.fence BEGIN
        INSERT INTO journal (what, was, state, fence)
            VALUES (NEW.key, OLD.state, NEW.state, NEW.fence);
    END;
    CREATE TRIGGER journal_suppression AFTER INSERT ON suppressions BEGIN
        INSERT INTO journal (what, was, state, fence)
            VALUES (COALESCE(NEW.recipient, NEW.customer_id), '', 'suppressed', 0);
    END;";

const POSTGRES: &str = "
    CREATE TABLE journal (id BIGSERIAL PRIMARY KEY, what TEXT, was TEXT, state TEXT, fence BIGINT);
    CREATE FUNCTION journal_outreach() RETURNS trigger LANGUAGE plpgsql
        SET search_path = lookout AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO journal (what, was, state, fence) VALUES (NEW.key, '', NEW.state, NEW.fence);
        ELSIF OLD.state <> NEW.state OR OLD.fence <> NEW.fence THEN
            INSERT INTO journal (what, was, state, fence)
                VALUES (NEW.key, OLD.state, NEW.state, NEW.fence);
        END IF;
        RETURN NULL;
    END $$;
    CREATE FUNCTION journal_suppression() RETURNS trigger LANGUAGE plpgsql
        SET search_path = lookout AS $$
    BEGIN
        INSERT INTO journal (what, was, state, fence)
            VALUES (COALESCE(NEW.recipient, NEW.customer_id), '', 'suppressed', 0);
        RETURN NULL;
    END $$;
    CREATE TRIGGER journal AFTER INSERT OR UPDATE ON outreaches
        FOR EACH ROW EXECUTE FUNCTION journal_outreach();
    CREATE TRIGGER journal AFTER INSERT ON suppressions
        FOR EACH ROW EXECUTE FUNCTION journal_suppression();";

/// A change of state.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The outreach; for a suppression, the address or customer.
    pub(crate) what: String,
    /// The state before; empty where there was none.
    pub(crate) was: String,
    pub(crate) state: String,
    pub(crate) fence: i64,
}

/// Begins the journal; the database has its tables already.
pub(crate) fn begin(state: &State) {
    state.execute(if state.is_sqlite() { SQLITE } else { POSTGRES });
}

/// Every change so far. Those of one outreach are in the order of their commits.
pub(crate) fn read(state: &State) -> Vec<Change> {
    let rows = state.ask("SELECT what, was, state, fence FROM journal ORDER BY id");
    rows.into_iter()
        .map(|row| {
            let [what, was, state, fence] = <[String; 4]>::try_from(row).unwrap();
            Change { what, was, state, fence: fence.parse().unwrap() }
        })
        .collect()
}

/// Outreaches that began to leave after somebody whom they are for had opted out: by the order of
/// commits, where a server keeps it, else by that of the statements.
pub(crate) fn begun_afterwards(state: &State) -> Vec<String> {
    let keeps_times = !state.is_sqlite() && state.ask("SHOW track_commit_timestamp")[0][0] == "on";
    let order = match keeps_times {
        true => "pg_xact_commit_timestamp(t.xmin) > pg_xact_commit_timestamp(s.xmin)",
        false => "t.id > s.id",
    };
    let sql = format!(
        "SELECT DISTINCT t.what FROM journal s JOIN outreach_recipients r ON r.recipient = s.what
         JOIN journal t ON t.what = r.outreach AND t.state = 'transmitting'
         WHERE s.state = 'suppressed' AND {order}"
    );
    state.ask(&sql).concat()
}
