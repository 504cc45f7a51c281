-- The outbox as a queue: the important ones first, and a way to stop.

-- The rule's priority when the outreach was decided, 0 to 100.
ALTER TABLE outreaches ADD COLUMN priority INTEGER NOT NULL DEFAULT 50;
-- When its rule was last asked, on the wall clock: at the start of its run, or at a second look.
ALTER TABLE outreaches ADD COLUMN asked_at INTEGER NOT NULL DEFAULT 0;
DROP INDEX outreaches_due;
CREATE INDEX outreaches_due ON outreaches (priority DESC, next_attempt_at, key)
    WHERE state IN ('ready', 'retry');

-- What does not leave until somebody says so: `everything`, `channel:email`, `rule:stalled-order`.
CREATE TABLE pauses (
    scope TEXT PRIMARY KEY,
    because TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT;

-- `mark` grows with every message that begins to leave (SQLite), and `identity` names the server
-- and the table (PostgreSQL): both tell a database that was restored from a backup.
ALTER TABLE books ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;
ALTER TABLE books ADD COLUMN identity TEXT;
