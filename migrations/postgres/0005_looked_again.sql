-- What a second look found when it took an outreach back, or left some of its subjects out: JSON.
ALTER TABLE outreaches ADD COLUMN evidence TEXT;

-- Who has taken a task in hand, and when, on the wall clock. `solved_at` is the run that found
-- that nothing of what it is about is true any more; `solved_because` says what was read, as JSON.
-- A task that nobody had taken is done then.
ALTER TABLE tasks ADD COLUMN taken_by TEXT;
ALTER TABLE tasks ADD COLUMN taken_at BIGINT;
ALTER TABLE tasks ADD COLUMN solved_at BIGINT;
ALTER TABLE tasks ADD COLUMN solved_because TEXT;
