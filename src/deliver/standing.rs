//! Whether a refusal that may mean us does: the service does not say it, but it shows by what
//! becomes of other messages. One refused recipient never stops a channel.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::domain::OutreachKey;

/// So many different messages refused in a row are refused because of us.
const IN_A_ROW: usize = 3;

/// How we stand with a service, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Standing(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Whether it ever took a message.
    took: bool,
    /// What it refused since.
    refused: BTreeSet<OutreachKey>,
}

/// Whom a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// The message, or whom it is for.
    Message,
    /// Us.
    Us,
    /// Nobody knows yet.
    Open,
}

impl Standing {
    /// The service took a message.
    pub(super) fn took(&self) {
        *self.known() = Known { took: true, refused: BTreeSet::new() };
    }

    /// The service refused a message: whom it means.
    ///
    /// Just after another message was taken, it means this one. Several different ones in a row
    /// mean us; so where a service turns against us, one message at most is given up.
    pub(super) fn refused(&self, key: &OutreachKey) -> Meant {
        let mut known = self.known();
        known.refused.insert(key.clone());
        match known.refused.len() {
            IN_A_ROW.. => Meant::Us,
            1 if known.took => Meant::Message,
            _ => Meant::Open,
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_others_says_whom_a_refusal_means() {
        let standing = Standing::default();
        let refused = |key: &str| standing.refused(&key.into());
        assert_eq!([refused("a"), refused("a"), refused("b")], [Meant::Open; 3]);
        assert_eq!(refused("c"), Meant::Us);
        assert_eq!(refused("a"), Meant::Us, "nothing was taken since");
        standing.took();
        assert_eq!(
            [refused("a"), refused("b"), refused("c")],
            [Meant::Message, Meant::Open, Meant::Us]
        );
        standing.took();
        standing.took();
        assert_eq!(refused("c"), Meant::Message);
    }
}
