//! Named points at which a test can kill the program. They are compiled in for tests alone
//! (feature `faults`); without it, nothing here does anything.

/// Where the program stands. Does nothing, unless a test asked for it to die here.
#[inline]
pub fn point(_name: &'static str) {}

/// How long a worker's claim lasts, if a test said so.
#[inline]
pub fn lease() -> Option<chrono::TimeDelta> {
    None
}
