//! How fast messages follow one another on a channel, and to one domain. Only times are counted
//! here; who waits is the lane's business.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::deliver::Limits;

/// The times at which the next message may begin.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    next: Mutex<Next>,
}

#[derive(Debug, Default)]
struct Next {
    any: Option<Instant>,
    domains: HashMap<String, Instant>,
}

/// Domains are forgotten when there are more than this, and none of them has to wait.
const REMEMBERED: usize = 10_000;

impl Pace {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, next: Mutex::default() }
    }

    /// How long a message to `domain` has to wait, from `now` on. Where that is `patience` or less,
    /// its place is taken and the next has to wait longer.
    pub(super) fn reserve(&self, domain: &str, now: Instant, patience: Duration) -> Duration {
        if self.limits.pause.is_none() && self.limits.domain_pause.is_none() {
            return Duration::ZERO;
        }
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = [next.any, next.domains.get(domain).copied()]
            .into_iter()
            .flatten()
            .fold(now, Instant::max);
        let wait = at - now;
        if wait <= patience {
            next.any = self.limits.pause.map(|pause| at + pause);
            if let Some(pause) = self.limits.domain_pause {
                if next.domains.len() >= REMEMBERED {
                    next.domains.retain(|_, free_at| *free_at > now);
                }
                next.domains.insert(domain.to_owned(), at + pause);
            }
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace(pause: Option<Duration>, domain_pause: Option<Duration>) -> Pace {
        Pace::new(Limits { connections: 1, pause, domain_pause })
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        let (pace, now) = (pace(None, None), Instant::now());
        assert_eq!([0; 3].map(|_| pace.reserve("a.example", now, SECOND)), [Duration::ZERO; 3]);
    }

    #[test]
    fn messages_follow_one_another_at_the_rate() {
        let (pace, now) = (pace(Some(SECOND / 4), None), Instant::now());
        let waits = ["a", "b", "c"].map(|domain| pace.reserve(domain, now, SECOND));
        assert_eq!(waits, [Duration::ZERO, SECOND / 4, SECOND / 2]);
    }

    #[test]
    fn a_slow_domain_keeps_no_other_back() {
        let (pace, now) = (pace(None, Some(SECOND * 10)), Instant::now());
        assert_eq!(pace.reserve("slow", now, SECOND), Duration::ZERO);
        assert_eq!(pace.reserve("slow", now, SECOND), SECOND * 10);
        assert_eq!(pace.reserve("slow", now, SECOND), SECOND * 10, "who gave up took no place");
        assert_eq!(pace.reserve("other", now, SECOND), Duration::ZERO);
    }
}
