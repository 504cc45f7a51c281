//! The points as tests have them: the program dies by SIGKILL at the passage that
//! `LOOKOUT_TEST_FAULT` names (`smtp.connected:3`), as by a power cut. Nothing is cleaned up.

use std::pin::pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use chrono::TimeDelta;
use rustix::process::{Signal, getpid, kill_process};

/// Where the program is to die.
struct Order {
    point: String,
    passage: u32,
}

/// Where the program stands. It dies here if a test asked for it.
pub fn point(name: &'static str) {
    if is_last(|point| point == name) {
        die();
    }
}

/// The same for a commit of the store: `when` it stands there.
pub fn commit(name: &'static str, when: &'static str) {
    let is_here = |point: &str| {
        let rest = point.strip_prefix("store.").and_then(|rest| rest.strip_prefix(name));
        rest.and_then(|rest| rest.strip_prefix('.')) == Some(when)
    };
    if is_last(is_here) {
        die();
    }
}

/// Awaits `work`, and dies where a test asked for it as soon as it waits for somebody else.
pub async fn waiting<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut first = true;
    std::future::poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        if std::mem::take(&mut first) && polled.is_pending() {
            point(name);
        }
        polled
    })
    .await
}

/// The first half of a text, where the program is to die once it has said that much.
pub fn torn<'t>(name: &'static str, text: &'t str) -> Option<&'t str> {
    let middle = (text.len() / 2..=text.len()).find(|place| text.is_char_boundary(*place))?;
    is_last(|point| point == name).then(|| &text[..middle])
}

/// Does as much of `work` as goes without waiting, and dies.
pub async fn last_words<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    std::future::poll_fn(|context| -> Poll<T> {
        let _ = work.as_mut().poll(context);
        die()
    })
    .await
}

/// How long a claim lasts, where `LOOKOUT_TEST_LEASE` says so in milliseconds.
pub fn lease() -> Option<TimeDelta> {
    variable("LOOKOUT_TEST_LEASE")?.parse().ok().map(TimeDelta::milliseconds)
}

/// Counts a passage of the point that the order names, and says whether it is the one.
fn is_last(is_here: impl Fn(&str) -> bool) -> bool {
    static ORDER: OnceLock<Option<Order>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let order = ORDER.get_or_init(|| {
        let text = variable("LOOKOUT_TEST_FAULT")?;
        let (point, passage) = text.split_once(':')?;
        Some(Order { point: point.to_owned(), passage: passage.parse().ok()? })
    });
    order.as_ref().is_some_and(|order| {
        is_here(&order.point) && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == order.passage
    })
}

#[allow(clippy::disallowed_methods, reason = "what tests turn is no configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn die() -> ! {
    // Nobody can refuse SIGKILL; should it take a moment, nothing else happens in it.
    let _ = kill_process(getpid(), Signal::KILL);
    loop {
        std::thread::park();
    }
}
