-- What is held and who approved it; what is usual for a rule and a signal.

-- `bound`: the hash of the rule's folder and of the policy under which an outreach is held, or was
-- approved. `approval`: the hash of that and of all that was shown when somebody approved it.
ALTER TABLE outreaches ADD COLUMN bound TEXT COLLATE "C";
ALTER TABLE outreaches ADD COLUMN approval TEXT COLLATE "C";
CREATE INDEX outreaches_held ON outreaches (rule, key) WHERE state = 'held';

-- Each version of a rule that was ever evaluated (the hash of its folder but for the examples), and
-- the first run that did.
CREATE TABLE rule_versions (
    rule TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (rule, version)
);

-- How many subjects each rule matched in its last ten evaluations in full health.
CREATE TABLE rule_matches (
    rule TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    matches BIGINT NOT NULL,
    PRIMARY KEY (rule, run)
);

-- Whether a column of a signal (the signal itself where `field` is '') was ever seen with something
-- in it, and whether it was ever seen empty, or somebody said that it may be.
CREATE TABLE signal_fields (
    signal TEXT COLLATE "C" NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    filled_at BIGINT,
    empty_at BIGINT,
    PRIMARY KEY (signal, field)
);
