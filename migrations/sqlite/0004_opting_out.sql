-- Who opted out and who was erased. `migrations/postgres` has the same tables and columns.

-- One row an erasure: when, on the wall clock, and by which key the erased are known again. It
-- names nobody. From the first row on, only a program with that key may decide who is contacted:
-- another one would not know the erased again.
CREATE TABLE erasures (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    fingerprint TEXT NOT NULL
) STRICT;
CREATE INDEX erasures_by_fingerprint ON erasures (fingerprint);
