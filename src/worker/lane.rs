//! A lane: one message after the other, over one connection. It holds nothing that is not in the
//! ledger, and says to nobody what only the ledger can know.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use tokio::time::{Instant as Tick, sleep};

use super::ledger::Desk;
use super::pace::Pace;
use super::{Shift, Worker};
use crate::deliver::{Delivery, Parcel};
use crate::domain::{
    Channel, Instant, Outreach, OutreachKey, OutreachState, Recipient, normalise_email,
};
use crate::pipeline::task_text;
use crate::policy;
use crate::store::{Claimed, Passed, Settled, Settlement, StoreError};
use crate::templates::{HowToStop, Message};

/// How long a lane waits for its turn at a rate; what has to wait longer goes back into the outbox.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a lane works with.
pub(super) struct Lane<'a> {
    pub(super) worker: &'a Worker<'a>,
    pub(super) shift: &'a Shift,
    pub(super) desk: Desk,
    pub(super) pace: &'a Pace,
}

impl Lane<'_> {
    /// Brings one outreach on its way, or says why not.
    pub(super) async fn work(&self, claimed: Claimed) -> Result<(), StoreError> {
        let claimed = Arc::new(claimed);
        if claimed.outreach.channel.0 == Channel::PHONE {
            return self.hand_over(&claimed).await;
        }
        let now = self.now(&claimed);
        let Some(rule) = self.worker.pack.rules.get(&claimed.outreach.rule) else {
            let because = "rule_removed".to_owned();
            let evidence = serde_json::json!({});
            self.settle(&claimed, Settlement::Withdrawn { because, evidence });
            return Ok(());
        };
        let settings = &rule.rule.settings;
        let decent =
            policy::first_decent(&claimed.outreach, settings, &self.worker.pack.policy, now);
        if decent > now {
            let settlement = match decent > claimed.outreach.expires_at {
                true => Settlement::Expired,
                false => self.wait(decent - now, "it waits for a decent hour"),
            };
            self.settle(&claimed, settlement);
            return Ok(());
        }
        let domain = domain(&claimed.outreach);
        let wait = self.pace.reserve(domain, Tick::now(), PATIENCE);
        if wait > PATIENCE {
            let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
            self.settle(&claimed, self.wait(wait, "it waits for its turn"));
            return Ok(());
        }
        // Even no time at all is a millisecond to a timer.
        if !wait.is_zero() {
            sleep(wait).await;
        }
        let page = self.stop_page(&claimed.outreach);
        match self.worker.pack.message(&claimed.outreach, page.as_deref()) {
            Ok(message) => self.send(&claimed, &message).await,
            Err(error) => {
                let error = format!("the words failed: {error}");
                self.settle(&claimed, Settlement::Failed { error });
            }
        }
        Ok(())
    }

    /// A call that had to wait becomes a task.
    async fn hand_over(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let text = task_text(self.worker.pack, &claimed.outreach);
        let ours = self.worker.store.hand_over(&claimed.claim, &text).await?;
        self.shift.held.drop(&claimed.claim);
        let mut delivered = self.shift.delivered();
        match ours {
            true => *delivered.states.entry(OutreachState::Sent).or_default() += 1,
            false => delivered.late += 1,
        }
        Ok(())
    }

    async fn send(&self, claimed: &Arc<Claimed>, message: &Message) {
        let Some(parcel) = self.parcel(claimed, message) else {
            let error = "it speaks of nothing".to_owned();
            return self.settle(claimed, Settlement::Failed { error });
        };
        let mut passed = None;
        let let_through = async {
            if self.worker.halt.stands() {
                return false;
            }
            passed = self.desk.ask(claimed, self.now(claimed)).await;
            passed == Some(Passed::Through)
        };
        let delivery = self.worker.channels.send(&parcel, let_through).await;
        let outreach = &claimed.outreach;
        let settlement = match delivery {
            // The door has said what becomes of it.
            Delivery::GivenUp if matches!(passed, Some(Passed::Withdrawn { .. })) => return,
            Delivery::GivenUp => self.wait(TimeDelta::zero(), "it was not its time"),
            Delivery::Sent { detail } => Settlement::Sent { detail },
            Delivery::Temporary { error, after } => self.again(claimed, after, error),
            Delivery::Permanent { error, dead } => {
                let dead = dead.then(|| recipient(outreach)).flatten();
                return self.settle_with(claimed, Settlement::Failed { error }, dead, None);
            }
            Delivery::Blocked { error } => {
                let blocked = Some((outreach.channel.clone(), error.clone()));
                let settlement = self.again(claimed, None, error);
                return self.settle_with(claimed, settlement, None, blocked);
            }
            Delivery::Uncertain { error } => Settlement::Uncertain { error },
        };
        self.settle(claimed, settlement);
    }

    fn parcel(&self, claimed: &Claimed, message: &Message) -> Option<Parcel> {
        let outreach = &claimed.outreach;
        let first = outreach.subjects.first()?;
        Some(Parcel {
            key: outreach.key.clone(),
            channel: outreach.channel.to_string(),
            to: outreach.address.clone().unwrap_or_default(),
            to_name: first.facts.customer().text("name"),
            subject: message.subject.clone(),
            html: message.html.clone(),
            text: message.text.clone(),
            rule: outreach.rule.clone(),
            customer_id: first.customer.clone(),
            reply_to: first.facts.customer().text("owner").filter(|o| normalise_email(o).is_some()),
            unsubscribe: self.stop_page(outreach),
            date: (self.worker.wall)(),
        })
    }

    /// Where the customer stops the topic, where it can be stopped and there is such a page.
    fn stop_page(&self, outreach: &Outreach) -> Option<String> {
        let page = self.worker.store.opt_out()?.link(&outreach.key);
        match self.worker.pack.how_to_stop(outreach.topic.as_deref(), Some(&page)) {
            HowToStop::Link(page) => Some(page),
            HowToStop::Reply | HowToStop::Never => None,
        }
    }

    /// Now, on the outreach's own clock.
    fn now(&self, claimed: &Claimed) -> Instant {
        claimed.now + ((self.worker.wall)() - claimed.taken_at)
    }

    fn wait(&self, wait: TimeDelta, error: &str) -> Settlement {
        Settlement::Wait { until: (self.worker.wall)() + wait, error: error.to_owned() }
    }

    /// The next try: when the service asked for it, but never sooner than the pause.
    fn again(&self, claimed: &Claimed, after: Option<TimeDelta>, error: String) -> Settlement {
        let pause = pause(&claimed.claim.key, claimed.attempts.saturating_sub(1));
        let at = (self.worker.wall)() + after.map_or(pause, |after| after.max(pause));
        Settlement::Retry { at, error }
    }

    fn settle(&self, claimed: &Claimed, settlement: Settlement) {
        self.settle_with(claimed, settlement, None, None);
    }

    fn settle_with(
        &self,
        claimed: &Claimed,
        settlement: Settlement,
        dead: Option<Recipient>,
        blocked: Option<(Channel, String)>,
    ) {
        let trouble = trouble(&claimed.outreach, &settlement);
        let claim = claimed.claim.clone();
        self.desk.settle(Settled { claim, settlement, dead, blocked }, trouble);
    }
}

/// How long to wait after so many earlier attempts: about a minute, doubled each time, four hours at
/// most; a quarter more or less, so that what failed together is not tried again together.
fn pause(key: &OutreachKey, earlier: u32) -> TimeDelta {
    let usual = TimeDelta::minutes(1 << earlier.min(8)).min(TimeDelta::hours(4));
    let dice = Sha256::digest(format!("{key} {earlier}"));
    let share = i32::from(dice[0]) - 128;
    usual + usual * share / 512
}

/// The domain that a rate counts by; for other channels than e-mail there is but one.
fn domain(outreach: &Outreach) -> &str {
    let address = outreach.address.as_deref().unwrap_or_default();
    address.rsplit_once('@').map_or("", |(_, domain)| domain.trim())
}

fn recipient(outreach: &Outreach) -> Option<Recipient> {
    normalise_email(outreach.address.as_deref()?)
}

/// What went wrong, in a line: the rule, the customer and the error, no address.
fn trouble(outreach: &Outreach, settlement: &Settlement) -> Option<String> {
    let (state, error) = match settlement {
        Settlement::Retry { error, .. } => (OutreachState::Retry, error),
        Settlement::Failed { error } => (OutreachState::Failed, error),
        Settlement::Uncertain { error } => (OutreachState::Uncertain, error),
        _ => return None,
    };
    let customer = outreach.subjects.first().map_or("", |s| s.customer.as_str());
    Some(format!(
        "{} {customer} on {}: {} ({error})",
        outreach.rule,
        outreach.channel,
        state.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_four_hours() {
        let key = OutreachKey::from("1");
        for (earlier, minutes) in [(0, 1), (1, 2), (2, 4), (7, 128), (8, 240), (40, 240)] {
            let usual = TimeDelta::minutes(minutes);
            let pause = pause(&key, earlier);
            assert!((pause - usual).abs() <= usual / 4, "{earlier}: {pause}");
        }
    }

    #[test]
    fn what_failed_together_is_not_tried_again_together() {
        let pauses: std::collections::BTreeSet<_> =
            (0..20).map(|n| pause(&OutreachKey::from(n.to_string()), 3)).collect();
        assert!(pauses.len() > 15, "{pauses:?}");
    }
}
