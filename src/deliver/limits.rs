//! How much a way out takes at once. Only read here; the worker keeps to it.

use std::time::Duration;

use super::DeliverError;
use crate::config::ChannelConfig;

/// How much a channel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many messages are under way at once, each over its own connection.
    pub connections: usize,
    /// The least time between two messages.
    pub pause: Option<Duration>,
    /// The least time between two messages to one domain.
    pub domain_pause: Option<Duration>,
}

/// Where configuration says nothing.
const USUAL: usize = 4;
/// More would only queue up at the other end.
const MOST: usize = 64;

impl Limits {
    /// Reads `connections`, `rate` and `domain_rate`.
    pub(super) fn open(
        config: &ChannelConfig,
        fault: &dyn Fn(&'static str, String) -> DeliverError,
    ) -> Result<Self, DeliverError> {
        let connections = match config.connections.as_deref().map(str::parse) {
            None => USUAL,
            Some(Ok(count @ 1..=MOST)) => count,
            Some(_) => {
                let message = format!("write a whole number from 1 to {MOST}: connections = 4");
                return Err(fault("connections", message));
            }
        };
        let pause = |key, rate: &Option<String>| match rate.as_deref().map(read_rate) {
            None => Ok(None),
            Some(Some(pause)) => Ok(Some(pause)),
            Some(None) => {
                let message = format!(
                    "write how many messages a second, minute or hour: {key} = \"10/s\", \"100/m\" or \"500/h\""
                );
                Err(fault(key, message))
            }
        };
        Ok(Self {
            connections,
            pause: pause("rate", &config.rate)?,
            domain_pause: pause("domain_rate", &config.domain_rate)?,
        })
    }
}

/// The time between two messages at a rate such as `10/s`.
fn read_rate(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_once('/')?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let count: u32 = count.trim().parse().ok().filter(|count| *count > 0)?;
    Some(Duration::from_secs(seconds) / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_pause() {
        assert_eq!(read_rate("10/s"), Some(Duration::from_millis(100)));
        assert_eq!(read_rate("120 / m"), Some(Duration::from_millis(500)));
        assert_eq!(read_rate("1/h"), Some(Duration::from_secs(3600)));
        for wrong in ["", "10", "0/s", "-1/s", "1/d", "ten/s", "1.5/s"] {
            assert_eq!(read_rate(wrong), None, "{wrong:?}");
        }
    }
}
