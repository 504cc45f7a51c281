//! Runs that are only tried: on books in memory, and with ways out that lead nowhere. The books, the
//! worker, its second look and its door are those of real runs, so what is rehearsed is what would
//! have happened. Nothing leaves from here, and nothing is kept.

use std::collections::BTreeSet;

use crate::deliver::Channels;
use crate::domain::{Channel, Instant};
use crate::pack::Pack;
use crate::store::{Store, StoreError};
use crate::worker::{Delivered, Halt, SecondLook, Worker};

/// Books of its own, in which nobody has been contacted yet.
pub struct Rehearsal {
    store: Store,
    channels: Channels,
}

impl Rehearsal {
    /// Begins with empty books. Every channel that a rule of `pack` may take is open.
    ///
    /// # Errors
    /// When the books can't be made.
    pub async fn new(pack: &Pack) -> Result<Self, StoreError> {
        let store = Store::in_memory().await?;
        Ok(Self { store, channels: Channels::nowhere(channels(pack)) })
    }

    /// The books. What is recorded in them has to have started at its own `as_of`: here, the clock on
    /// the wall is the run's.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Lets everything leave that is due up to `until`, each at its own minute and in that order.
    /// What was decided more than five minutes before is looked at again in the data at `source`;
    /// without a source it is taken as still true.
    ///
    /// # Errors
    /// When the books can't be read or written.
    pub async fn deliver(
        &self,
        pack: &Pack,
        source: Option<&str>,
        until: Instant,
    ) -> Result<Vec<Delivered>, StoreError> {
        let mut delivered = Vec::new();
        let mut last = None;
        while let Some(due) = self.store.next_due().await?.filter(|due| *due <= until) {
            // What a worker leaves where it is would be due for ever.
            let now = last.filter(|last| *last >= due);
            let now = now.map_or(due, |last: Instant| last + chrono::TimeDelta::minutes(1));
            if now > until {
                break;
            }
            delivered.push(self.deliver_at(pack, source, now).await?);
            last = Some(now);
        }
        Ok(delivered)
    }

    async fn deliver_at(
        &self,
        pack: &Pack,
        source: Option<&str>,
        now: Instant,
    ) -> Result<Delivered, StoreError> {
        let second_look = match source {
            Some(url) => SecondLook::In(Some(url)),
            None => SecondLook::Waived,
        };
        let worker = Worker {
            pack,
            store: &self.store,
            second_look,
            channels: &self.channels,
            wall: &|| now,
            allow_time_travel: false,
            progress: None,
            halt: &Halt::default(),
            follow: false,
        };
        worker.deliver().await
    }
}

/// Every channel that a rule may take but for work of colleagues.
fn channels(pack: &Pack) -> BTreeSet<String> {
    let asked = pack.rules.values().flat_map(|rule| rule.rule.asks.iter().map(|ask| &ask.ask));
    let named = asked.filter_map(|ask| match ask {
        crate::domain::Ask::Send(channel, _) => Some(channel.clone()),
        crate::domain::Ask::Contact(_) => None,
    });
    let any = pack.rules.values().flat_map(|rule| rule.contact_channels());
    let all = named.chain(any).chain(pack.policy.channels.iter().cloned());
    all.filter(|channel: &Channel| !channel.is_task()).map(|channel| channel.0).collect()
}
