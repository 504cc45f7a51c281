//! The worker: take an outreach → render → send → settle. It decides nothing; every change it makes
//! names the claim it holds, so a worker that comes late changes nothing.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::deliver::{Channels, Delivery, Parcel};
use crate::domain::{Channel, Instant, Outreach, OutreachState};
use crate::pack::Pack;
use crate::pipeline::task_text;
use crate::store::{ClaimQuery, Claimed, Settlement, Store, StoreError};
use crate::templates::Message;

/// How long a claim lasts; much longer than any message takes.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// How many outreaches are claimed at a time.
const BATCH: u32 = 20;

/// What a delivery did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivered {
    /// How many outreaches came to which state.
    pub states: BTreeMap<OutreachState, u64>,
    /// What went wrong, a line each: the rule, the customer and the error, no address.
    pub troubles: Vec<String>,
    /// Due, but on a channel that reaches real people, from a run whose time is far from the wall
    /// clock's.
    pub far: u64,
    /// Due, but on a channel that is not configured.
    pub unconfigured: u64,
}

/// Where and how a worker delivers.
pub struct Worker<'a> {
    /// The words.
    pub pack: &'a Pack,
    /// The outbox.
    pub store: &'a Store,
    /// The ways out.
    pub channels: &'a Channels,
    /// The wall clock.
    pub wall: &'a (dyn Fn() -> Instant + Sync),
    /// Whether real people are written to although a run's time is far from the wall clock's.
    pub allow_time_travel: bool,
    /// Told after each outreach.
    pub progress: Option<&'a (dyn Fn() + Sync)>,
}

impl Worker<'_> {
    /// Works through everything that is due, once.
    ///
    /// # Errors
    /// When the state database can't be read or written. What was sent before stays settled.
    pub async fn deliver(&self) -> Result<Delivered, StoreError> {
        let mut delivered = Delivered::default();
        let configured: Vec<String> =
            self.channels.names().map(str::to_owned).chain([Channel::PHONE.to_owned()]).collect();
        let near_only = |name: &&String| {
            !self.allow_time_travel && *name != Channel::PHONE && !self.channels.is_local(name)
        };
        let near_only: Vec<String> = configured.iter().filter(near_only).cloned().collect();
        loop {
            let query = ClaimQuery {
                wall: (self.wall)(),
                lease: LEASE,
                limit: BATCH,
                channels: &configured,
                near_only: &near_only,
            };
            let claimed = self.store.claim(&query).await?;
            if claimed.is_empty() {
                break;
            }
            for one in claimed {
                self.work(&one, &mut delivered).await?;
                if let Some(progress) = self.progress {
                    progress();
                }
            }
        }
        for (channel, due) in self.store.due((self.wall)()).await? {
            match configured.contains(&channel) {
                true => delivered.far += due,
                false => delivered.unconfigured += due,
            }
        }
        Ok(delivered)
    }

    async fn work(&self, claimed: &Claimed, delivered: &mut Delivered) -> Result<(), StoreError> {
        let outreach = &claimed.outreach;
        if outreach.channel.0 == Channel::PHONE {
            if self.store.hand_over(&claimed.claim, &task_text(self.pack, outreach)).await? {
                *delivered.states.entry(OutreachState::Sent).or_default() += 1;
            }
            return Ok(());
        }
        let settlement = match self.pack.message(outreach, None) {
            Ok(message) => self.send(claimed, &message).await?,
            Err(error) => Some(Settlement::Failed { error: format!("the words failed: {error}") }),
        };
        // Another worker holds it now; what becomes of it is that worker's to say.
        let Some(settlement) = settlement else { return Ok(()) };
        let (state, error) = told(&settlement);
        if self.store.settle(&claimed.claim, settlement.clone(), (self.wall)()).await? {
            *delivered.states.entry(state).or_default() += 1;
            tracing::info!(
                outreach = %outreach.key, rule = %outreach.rule, channel = %outreach.channel,
                state = state.name(), attempts = claimed.attempts, "settled"
            );
            if let Some(error) = error {
                delivered.troubles.push(trouble(outreach, state, error));
            }
        }
        Ok(())
    }

    async fn send(
        &self,
        claimed: &Claimed,
        message: &Message,
    ) -> Result<Option<Settlement>, StoreError> {
        let outreach = &claimed.outreach;
        let Some(first) = outreach.subjects.first() else {
            return Ok(Some(Settlement::Failed { error: "it speaks of nothing".to_owned() }));
        };
        let parcel = Parcel {
            key: outreach.key.clone(),
            channel: outreach.channel.to_string(),
            to: outreach.address.clone().unwrap_or_default(),
            to_name: first.facts.customer().text("name"),
            subject: message.subject.clone(),
            html: message.html.clone(),
            text: message.text.clone(),
            rule: outreach.rule.clone(),
            customer_id: first.customer.clone(),
            reply_to: None,
            unsubscribe: None,
            date: (self.wall)(),
        };
        let mut failure = None;
        let transmitting = async {
            match self.store.transmitting(&claimed.claim).await {
                Ok(ours) => ours,
                Err(error) => {
                    failure = Some(error);
                    false
                }
            }
        };
        let delivery = self.channels.send(&parcel, transmitting).await;
        match (delivery, failure) {
            (Delivery::GivenUp, Some(error)) => Err(error),
            (Delivery::GivenUp, None) => Ok(None),
            (Delivery::Sent { detail }, _) => Ok(Some(Settlement::Sent { detail })),
            (Delivery::Temporary { error, .. } | Delivery::Blocked { error }, _) => {
                Ok(Some(Settlement::Retry {
                    at: (self.wall)() + pause(claimed.attempts.saturating_sub(1)),
                    error,
                }))
            }
            (Delivery::Permanent { error, .. }, _) => Ok(Some(Settlement::Failed { error })),
            (Delivery::Uncertain { error }, _) => Ok(Some(Settlement::Uncertain { error })),
        }
    }
}

/// How long to wait after so many earlier attempts: a minute, doubled each time, four hours at most.
fn pause(earlier: u32) -> TimeDelta {
    TimeDelta::minutes(1 << earlier.min(8)).min(TimeDelta::hours(4))
}

fn told(settlement: &Settlement) -> (OutreachState, Option<&str>) {
    match settlement {
        Settlement::Sent { .. } => (OutreachState::Sent, None),
        Settlement::Retry { error, .. } => (OutreachState::Retry, Some(error)),
        Settlement::Failed { error } => (OutreachState::Failed, Some(error)),
        Settlement::Uncertain { error } => (OutreachState::Uncertain, Some(error)),
    }
}

fn trouble(outreach: &Outreach, state: OutreachState, error: &str) -> String {
    let customer = outreach.subjects.first().map_or("", |s| s.customer.as_str());
    format!("{} {customer} on {}: {} ({error})", outreach.rule, outreach.channel, state.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_four_hours() {
        let minutes: Vec<_> = [0, 1, 2, 7, 8, 40].map(|n| pause(n).num_minutes()).into();
        assert_eq!(minutes, [1, 2, 4, 128, 240, 240]);
    }
}
