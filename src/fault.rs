//! Named points at which a test can kill the program, and what else a test may turn. They are
//! compiled in for tests alone (feature `faults`); without it, nothing here does anything.

#[cfg(feature = "faults")]
mod armed;

#[cfg(feature = "faults")]
pub use armed::{commit, last_words, lease, point, torn, waiting};

/// Every point, `store.…` before and after the commit of what the name says.
pub const POINTS: &[&str] = &[
    "store.migrate.before_commit",
    "store.migrate.after_commit",
    "store.record.before_commit",
    "store.record.after_commit",
    "store.claim.before_commit",
    "store.claim.after_commit",
    "store.refresh.before_commit",
    "store.refresh.after_commit",
    "store.withdraw.before_commit",
    "store.withdraw.after_commit",
    "store.let_through.before_commit",
    "store.let_through.after_commit",
    "store.settle.before_commit",
    "store.settle.after_commit",
    "store.renew.before_commit",
    "store.renew.after_commit",
    "store.release.before_commit",
    "store.release.after_commit",
    "store.hand_over.before_commit",
    "store.hand_over.after_commit",
    "store.take_task.before_commit",
    "store.take_task.after_commit",
    "store.finish_task.before_commit",
    "store.finish_task.after_commit",
    "store.suppress.before_commit",
    "store.suppress.after_commit",
    "store.approve.before_commit",
    "store.approve.after_commit",
    "store.pause.before_commit",
    "store.pause.after_commit",
    "store.resume.before_commit",
    "store.resume.after_commit",
    "store.steer.before_commit",
    "store.steer.after_commit",
    "store.unsuppress.before_commit",
    "store.unsuppress.after_commit",
    "store.opt_out.before_commit",
    "store.opt_out.after_commit",
    "store.take_in_report.before_commit",
    "store.take_in_report.after_commit",
    "store.erase.before_commit",
    "store.erase.after_commit",
    "store.note_server.before_commit",
    "store.note_server.after_commit",
    "smtp.connected",
    "smtp.envelope_taken",
    "smtp.content_asked_for",
    "smtp.within_content",
    "smtp.before_answer",
    "smtp.answered",
    "http.before_request",
    "http.answered",
    "folder.before_rename",
    "folder.after_rename",
];

#[cfg(not(feature = "faults"))]
mod disarmed {
    use chrono::TimeDelta;

    /// Where the program stands. Does nothing, unless a test asked for it to die here.
    #[inline]
    pub fn point(_name: &'static str) {}

    /// The same for a commit of the store: `when` it stands there.
    #[inline]
    pub fn commit(_name: &'static str, _when: &'static str) {}

    /// Awaits `work`. A test may have the program die as soon as it waits for somebody else.
    #[inline]
    pub async fn waiting<T>(_name: &'static str, work: impl Future<Output = T>) -> T {
        work.await
    }

    /// The first half of a text, where the program is to die once it has said that much.
    #[inline]
    pub fn torn<'t>(_name: &'static str, _text: &'t str) -> Option<&'t str> {
        None
    }

    /// Does as much of `work` as goes without waiting, and dies.
    #[inline]
    pub async fn last_words<T>(work: impl Future<Output = T>) -> T {
        work.await
    }

    /// How long a claim lasts, where a test says so.
    #[inline]
    pub fn lease() -> Option<TimeDelta> {
        None
    }
}

#[cfg(not(feature = "faults"))]
pub use disarmed::{commit, last_words, lease, point, torn, waiting};
