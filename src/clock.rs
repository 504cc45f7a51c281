//! The wall clock. Nothing else reads it, and nothing that decides ever does: a run lives on its
//! `as_of`.

use chrono::{DateTime, Timelike, Utc};

/// The wall clock's time, now.
#[allow(clippy::disallowed_methods, reason = "the one room where the wall clock is read")]
pub fn wall() -> DateTime<Utc> {
    Utc::now()
}

/// The current minute: what `--as-of` is when nobody says otherwise.
pub fn current_minute() -> DateTime<Utc> {
    let now = wall();
    now.with_second(0).and_then(|t| t.with_nanosecond(0)).unwrap_or(now)
}
