//! What a service's answer means. Nothing of the answer's own words is kept: they may hold
//! anything.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::domain::Instant;

/// The longest that a service may have us wait.
const LONGEST: TimeDelta = TimeDelta::days(1);

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The service has it.
    Taken,
    /// Another time.
    Later { after: Option<TimeDelta> },
    /// Never this message.
    Never,
    /// No message, until somebody puts right what is said here.
    Us(&'static str),
    /// Never this message, or none: what becomes of others tells.
    Unclear,
}

/// | status | means | because |
/// |---|---|---|
/// | 2xx | taken | |
/// | 3xx | us | a redirect is never followed: it is the same for every message, and leads who knows where |
/// | 401, 402, 407 | us | the credentials or the account, RFC 9110 §15.5.2, §15.5.3, §15.5.8 |
/// | 403, 404, 405 | unclear | our rights and the channel's address are the same for every message, but some services say it of a recipient |
/// | 408, 425, 429, 5xx | later | RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4, RFC 9110 §15.6 |
/// | 410 | us | gone for good, RFC 9110 §15.5.11; Standard Webhooks has the sender stop |
/// | 4xx else | this message | RFC 9110 §15.5 |
pub(super) fn meaning(status: StatusCode, headers: &HeaderMap, now: Instant) -> Meaning {
    match status.as_u16() {
        200..=299 => Meaning::Taken,
        300..=399 => Meaning::Us(
            "a redirect is never followed; if the service has moved, write its new address as url",
        ),
        401 | 402 | 407 => Meaning::Us("the secret, the user or the account may be wrong"),
        403..=405 => Meaning::Unclear,
        410 => Meaning::Us("the service is gone for good; write its new address as url"),
        408 | 425 | 429 | 500..=599 => Meaning::Later { after: retry_after(headers, now) },
        _ => Meaning::Never,
    }
}

/// How long the service asks us to wait, as seconds or as a date (RFC 9110 §10.2.3), a day at most.
fn retry_after(headers: &HeaderMap, now: Instant) -> Option<TimeDelta> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !said.is_empty() && said.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds are as good as for ever.
        said.parse().ok().and_then(TimeDelta::try_seconds).unwrap_or(LONGEST)
    } else {
        DateTime::<Utc>::from(httpdate::parse_http_date(said).ok()?) - now
    };
    (wait > TimeDelta::zero()).then(|| wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        crate::domain::parse_instant("1994-11-06T08:49:00Z").unwrap()
    }

    #[test]
    fn the_status_says_what_became_of_it() {
        let meaning = |code| {
            let status = StatusCode::from_u16(code).unwrap();
            meaning(status, &HeaderMap::new(), now())
        };
        for taken in [200, 201, 202, 204] {
            assert_eq!(meaning(taken), Meaning::Taken, "{taken}");
        }
        for later in [408, 425, 429, 500, 502, 503, 599] {
            assert_eq!(meaning(later), Meaning::Later { after: None }, "{later}");
        }
        for us in [300, 301, 302, 303, 304, 307, 308, 401, 402, 407, 410] {
            assert!(matches!(meaning(us), Meaning::Us(_)), "{us}");
        }
        for unclear in [403, 404, 405] {
            assert_eq!(meaning(unclear), Meaning::Unclear, "{unclear}");
        }
        for never in [400, 406, 409, 413, 422, 451] {
            assert_eq!(meaning(never), Meaning::Never, "{never}");
        }
    }

    #[test]
    fn a_service_says_how_long_to_wait() {
        let waits = |said: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, said.parse().unwrap())]);
            retry_after(&headers, now()).map(|wait| wait.num_seconds())
        };
        // The three ways to write a date are those of RFC 9110 §5.6.7.
        for (said, seconds) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37)),
            ("Sun Nov  6 08:49:37 1994", Some(37)),
            ("Mon, 07 Nov 1994 08:49:00 GMT", Some(86_400)),
            ("Tue, 06 Nov 2040 08:49:37 GMT", Some(86_400)),
            ("99999999", Some(86_400)),
            ("99999999999999999999999", Some(86_400)),
            ("0", None),
            ("Sun, 06 Nov 1994 08:48:37 GMT", None),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(waits(said), seconds, "{said}");
        }
    }
}
