-- The first tables. Instants are microseconds since 1970-01-01T00:00:00Z, in UTC. Texts are
-- ordered by their bytes. `migrations/postgres` has the same tables and columns.

-- Which migrations this database has seen. A database with a version that the program does not
-- know is left alone.
CREATE TABLE lookout_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

-- One row. The version grows with every run and every change of the suppressions; a run is
-- recorded only if it is still the one that its history was read at.
CREATE TABLE books (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO books (id, version) VALUES (1, 0);

-- One row a run: its instant, the wall time at which it started, and what it reported, as JSON
-- without the decisions.
CREATE TABLE runs (
    as_of INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    pack TEXT NOT NULL,
    report TEXT NOT NULL
) STRICT;

-- When each rule was last evaluated in full health: the run's instant.
CREATE TABLE rule_evaluations (
    rule TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;

-- One row a candidate, in the run's own order. `position` is the place of the ask in the rule;
-- `evidence` is JSON and goes with `reason`; both are NULL where nothing was refused.
CREATE TABLE decisions (
    run INTEGER NOT NULL REFERENCES runs (as_of),
    place INTEGER NOT NULL,
    rule TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    position INTEGER NOT NULL,
    channel TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    evidence TEXT,
    outreach TEXT,
    not_before INTEGER,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_by_customer ON decisions (customer_id, run);

-- The stretch of runs through which one rule goes on matching one subject. Open while `ended_at`
-- is NULL; at most one is.
CREATE TABLE episodes (
    rule TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (customer_id, rule, subject, started_at)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX episodes_open ON episodes (rule, customer_id, subject) WHERE ended_at IS NULL;

-- The outbox. `not_before` and `expires_at` are on the clock of the run that decided it last.
-- `ahead` is how far that clock is ahead of the wall clock (the run's as_of minus started_at).
-- All other instants are on the wall clock: `next_attempt_at`, when it falls due or is tried
-- again; `last_attempt_at`, after when it is not worth it; `lease_until`, how long its worker may
-- work on it; `settled_at`, when it left, failed, expired or was taken back. `fence` grows each
-- time a worker takes it. `detail` says how it ended; `last_error` what went wrong last.
-- `payload` is the whole outreach as JSON.
CREATE TABLE outreaches (
    key TEXT PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (as_of),
    rule TEXT NOT NULL,
    channel TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'ready', 'claimed', 'transmitting', 'sent',
        'retry', 'failed', 'uncertain', 'expired', 'withdrawn')),
    not_before INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ahead INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    last_attempt_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    lease_until INTEGER,
    settled_at INTEGER,
    detail TEXT,
    last_error TEXT,
    payload TEXT NOT NULL
) STRICT;
CREATE INDEX outreaches_listed ON outreaches (not_before, key, state);
CREATE INDEX outreaches_due ON outreaches (next_attempt_at, key) WHERE state IN ('ready', 'retry');
CREATE INDEX outreaches_ending ON outreaches (last_attempt_at) WHERE state IN ('ready', 'retry');
CREATE INDEX outreaches_leased ON outreaches (lease_until)
    WHERE state IN ('claimed', 'transmitting');

-- Every normalised address of an outreach's recipient.
CREATE TABLE outreach_recipients (
    outreach TEXT NOT NULL REFERENCES outreaches (key),
    recipient TEXT NOT NULL,
    PRIMARY KEY (outreach, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX outreach_recipients_by_recipient ON outreach_recipients (recipient, outreach);

-- What an outreach tells about: one row a subject. While the row is there, no other outreach can
-- tell about the same contact of the same episode; it goes when the outreach is withdrawn. `at`
-- is when the message is to leave, which is what caps and cooldowns count from.
CREATE TABLE contacts (
    dedupe_key TEXT PRIMARY KEY,
    outreach TEXT NOT NULL REFERENCES outreaches (key),
    rule TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    episode_started_at INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    channel TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX contacts_by_outreach ON contacts (outreach);
CREATE INDEX contacts_by_customer ON contacts (customer_id, at);
CREATE INDEX contacts_by_episode ON contacts (rule, customer_id, subject, episode_started_at);

-- Work for colleagues. Open while `done_at` is NULL.
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    outreach TEXT NOT NULL UNIQUE REFERENCES outreaches (key),
    rule TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    assign TEXT,
    due_at INTEGER,
    made_at INTEGER NOT NULL,
    done_at INTEGER
) STRICT;
CREATE INDEX tasks_open ON tasks (due_at, id) WHERE done_at IS NULL;

-- Who is not to be contacted about a topic, or about anything where `topic` is NULL. Each row
-- names a customer, an address, or both.
CREATE TABLE suppressions (
    id INTEGER PRIMARY KEY,
    customer_id TEXT,
    recipient TEXT,
    topic TEXT,
    cause TEXT NOT NULL CHECK (cause IN ('refused', 'bounce', 'erasure')),
    note TEXT,
    since INTEGER NOT NULL,
    CHECK (customer_id IS NOT NULL OR recipient IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX suppressions_once ON suppressions
    (COALESCE(customer_id, ''), COALESCE(recipient, ''), COALESCE(topic, ''), cause);
CREATE INDEX suppressions_by_customer ON suppressions (customer_id);
CREATE INDEX suppressions_by_recipient ON suppressions (recipient);
