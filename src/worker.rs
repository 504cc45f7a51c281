//! The worker: take an outreach → look again → render → ask at the door → send → settle. It decides
//! nothing; every change it makes names the claim it holds, so a worker that comes late changes
//! nothing.

mod halt;
mod lane;
mod ledger;
mod look;
mod pace;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::sleep;

use crate::deliver::{Channels, Limits};
use crate::domain::{Channel, Instant, OutreachState};
use crate::pack::Pack;
use crate::policy;
use crate::store::{Asking, ClaimQuery, Claimed, Past, Store, StoreError};

pub use halt::Halt;
use lane::Lane;
use ledger::{Desk, Held, Ledger};
use pace::Pace;

/// How long a claim lasts unless it is renewed. A message may take longer than this.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How many outreaches are claimed at a time.
const BATCH: u32 = 100;
/// How many at most, where they have to be looked at again.
const MOST_LOOKED_AT: u32 = 2000;
/// How long a worker that goes on waits before it looks again, unless it is woken.
const POLL: Duration = Duration::from_secs(2);

/// What a delivery did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivered {
    /// How many outreaches came to which state.
    pub states: BTreeMap<OutreachState, u64>,
    /// What went wrong, a line each: the rule, the customer and the error, no address.
    pub troubles: Vec<String>,
    /// Back in the outbox, untried: for a decent hour, for their turn, or because of a pause.
    pub waiting: u64,
    /// What somebody else had taken over meanwhile; what this worker had to say of it was refused.
    pub late: u64,
    /// Back in the outbox, because the company's data could not be asked whether they still hold.
    pub unasked: u64,
    /// Why not.
    pub why_unasked: BTreeSet<String>,
    /// Due, but paused.
    pub paused: u64,
    /// Due, but the worker was told to stop.
    pub stopped: u64,
    /// Due, but on a channel that reaches real people, from a run whose time is far from the wall
    /// clock's.
    pub far: u64,
    /// Due, but on a channel that is not configured.
    pub unconfigured: u64,
}

/// How a worker looks again at what was decided a while ago.
#[derive(Clone, Copy, Debug)]
pub enum SecondLook<'a> {
    /// It asks the company's data at this address; without one, what is to be asked waits.
    In(Option<&'a str>),
    /// It takes it as still true: there are no data that could say otherwise.
    Waived,
}

/// Where and how a worker delivers.
pub struct Worker<'a> {
    /// The words.
    pub pack: &'a Pack,
    /// The outbox.
    pub store: &'a Store,
    /// How what was decided a while ago is looked at again.
    pub second_look: SecondLook<'a>,
    /// The ways out.
    pub channels: &'a Channels,
    /// The wall clock.
    pub wall: &'a (dyn Fn() -> Instant + Sync),
    /// Whether real people are written to although a run's time is far from the wall clock's.
    pub allow_time_travel: bool,
    /// Told after each outreach.
    pub progress: Option<&'a (dyn Fn() + Sync)>,
    /// How it is told to stop.
    pub halt: &'a Halt,
    /// Whether it goes on when nothing is due any more, until it is told to stop.
    pub follow: bool,
}

impl Worker<'_> {
    /// Works through everything that is due, once; or, if it follows, until it is told to stop.
    ///
    /// # Errors
    /// When the state database can't be read or written. What was sent before stays settled.
    pub async fn deliver(&self) -> Result<Delivered, StoreError> {
        let shift = Shift::default();
        shift.work(self).await?;
        let mut delivered = shift.delivered.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (channel, due) in self.store.due((self.wall)()).await? {
            delivered.paused += due.paused;
            match self.serves(&channel) {
                true if self.halt.stands() => delivered.stopped += due.free,
                true => delivered.far += due.free,
                false => delivered.unconfigured += due.free,
            }
        }
        Ok(delivered)
    }

    /// Every channel that it serves, with what it takes at once.
    fn channels(&self) -> impl Iterator<Item = (String, Limits)> {
        let calls = Limits { connections: 1, pause: None, domain_pause: None };
        let names = self.channels.names().map(str::to_owned);
        names
            .filter_map(|name| self.channels.limits(&name).map(|limits| (name, limits)))
            .chain([(Channel::PHONE.to_owned(), calls)])
    }

    fn serves(&self, channel: &str) -> bool {
        channel == Channel::PHONE || self.channels.names().any(|name| name == channel)
    }

    /// Whether only what is decided for about now may leave on a channel.
    fn is_near_only(&self, channel: &str) -> bool {
        !self.allow_time_travel && channel != Channel::PHONE && !self.channels.is_local(channel)
    }

    /// For what reason an outreach may not leave after all, by what the books say now.
    fn judge(&self, asking: &Asking<'_>, past: &Past) -> Option<(String, serde_json::Value)> {
        let Some(rule) = self.pack.rules.get(&asking.outreach.rule) else {
            return Some(("rule_removed".to_owned(), serde_json::json!({})));
        };
        let refusal = policy::may_leave(
            asking.outreach,
            &rule.rule.settings,
            &self.pack.policy,
            &past.suppressions,
            &past.charges,
            asking.now,
        )
        .err()?;
        let told = serde_json::to_value(&refusal).unwrap_or_default();
        Some((refusal.code().to_owned(), told["evidence"].clone()))
    }

    /// How far back the longest cap looks.
    fn reach(&self) -> TimeDelta {
        let spans = self.pack.policy.caps.iter().map(|cap| cap.per.delta());
        spans.max().unwrap_or_else(TimeDelta::zero)
    }
}

/// What one delivery has in hand.
#[derive(Default)]
struct Shift {
    held: Held,
    delivered: Mutex<Delivered>,
    /// There is something new in the outbox.
    woken: Notify,
    /// The database stays away: nothing more is begun.
    broken: AtomicBool,
}

impl Shift {
    async fn work(&self, worker: &Worker<'_>) -> Result<(), StoreError> {
        let judge = |asking: &Asking<'_>, past: &Past| worker.judge(asking, past);
        let (desk, entries) = ledger::open();
        let ledger = Ledger {
            store: worker.store,
            judge: &judge,
            wall: worker.wall,
            reach: worker.reach(),
            held: &self.held,
            delivered: &self.delivered,
            progress: worker.progress,
        };
        let lanes = async move {
            let served: Vec<_> = worker.channels().collect();
            let served = served.into_iter();
            join_all(served.map(|(name, limits)| self.serve(worker, name, limits, desk.clone())))
                .await
        };
        let keep = async {
            let kept = ledger.keep(entries).await;
            self.broken.store(kept.is_err(), Ordering::Relaxed);
            kept
        };
        tokio::select! {
            (served, kept) = async { tokio::join!(lanes, keep) } => {
                kept?;
                served.into_iter().collect()
            }
            () = self.renew(worker) => Ok(()),
            () = self.listen(worker) => Ok(()),
        }
    }

    /// Serves one channel over all its lanes.
    async fn serve(
        &self,
        worker: &Worker<'_>,
        channel: String,
        limits: Limits,
        desk: Desk,
    ) -> Result<(), StoreError> {
        let waiting = AsyncMutex::default();
        let batch = AtomicU32::new(BATCH);
        let away = AtomicBool::default();
        let queue = Queue { batch, shift: self, worker, channel, waiting, away };
        let pace = Pace::new(limits);
        let lanes = (0..limits.connections).map(|_| async {
            let lane = Lane { worker, shift: self, desk: desk.clone(), pace: &pace };
            while let Some(claimed) = queue.next().await? {
                lane.work(claimed).await?;
            }
            Ok(())
        });
        join_all(lanes).await.into_iter().collect()
    }

    /// Wakes whoever waits for something new, for ever.
    async fn listen(&self, worker: &Worker<'_>) {
        if !worker.follow {
            return std::future::pending().await;
        }
        let mut wakes = worker.store.wakes().await;
        loop {
            wakes.next().await;
            self.woken.notify_waiters();
        }
    }

    /// Renews the leases of what is held, for ever.
    async fn renew(&self, worker: &Worker<'_>) {
        loop {
            sleep((lease() / 3).to_std().unwrap_or_default()).await;
            let claims = self.held.claims();
            let until = (worker.wall)() + lease();
            match worker.store.renew(&claims, until).await {
                Ok(kept) if kept.len() < claims.len() => {
                    tracing::info!(held = claims.len(), kept = kept.len(), "leases renewed");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "leases can't be renewed"),
            }
        }
    }

    fn count(&self, state: OutreachState, count: u64) {
        if count > 0 {
            *self.delivered().states.entry(state).or_default() += count;
        }
    }

    fn delivered(&self) -> MutexGuard<'_, Delivered> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was claimed for a channel and waits for a lane.
struct Queue<'a> {
    /// How many are claimed at a time.
    batch: AtomicU32,
    shift: &'a Shift,
    worker: &'a Worker<'a>,
    channel: String,
    waiting: AsyncMutex<VecDeque<Claimed>>,
    /// The database could not be asked the last time; said once.
    away: AtomicBool,
}

impl Queue<'_> {
    /// The next outreach for a lane; `None` when nothing more is to be begun.
    async fn next(&self) -> Result<Option<Claimed>, StoreError> {
        let mut waiting = self.waiting.lock().await;
        loop {
            let stopped = self.worker.halt.is_asked() || self.shift.broken.load(Ordering::Relaxed);
            if stopped || self.worker.halt.file().is_some() {
                self.give_back(&mut waiting).await?;
                if stopped || !self.worker.follow {
                    return Ok(None);
                }
            } else if let Some(claimed) = waiting.pop_front() {
                return Ok(Some(claimed));
            } else {
                let found = self.claim().await;
                if found.is_ok() && self.away.swap(false, Ordering::Relaxed) {
                    tracing::info!(channel = self.channel, "the outbox can be read again");
                }
                match found {
                    // Others may hold, though none of these does.
                    Ok((found, claimed)) if found > 0 => {
                        waiting.extend(claimed);
                        continue;
                    }
                    Ok(_) => {}
                    Err(error) if self.worker.follow => {
                        if !self.away.swap(true, Ordering::Relaxed) {
                            let channel = &self.channel;
                            tracing::warn!(channel, %error, "the outbox can't be read; trying again");
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            if waiting.is_empty() {
                if !self.worker.follow {
                    return Ok(None);
                }
                tokio::select! {
                    () = sleep(POLL) => {}
                    () = self.shift.woken.notified() => {}
                    () = self.worker.halt.asked() => {}
                }
            }
        }
    }

    /// Takes what is due and still holds; how many were due.
    async fn claim(&self) -> Result<(usize, Vec<Claimed>), StoreError> {
        let batch = self.batch.load(Ordering::Relaxed);
        let near_only = self.worker.is_near_only(&self.channel);
        let channels = [self.channel.clone()];
        let query = ClaimQuery {
            wall: (self.worker.wall)(),
            lease: lease(),
            limit: batch,
            channels: &channels,
            near_only: if near_only { &channels } else { &[] },
        };
        let claimed = self.worker.store.claim(&query).await?;
        let found = claimed.len();
        for one in &claimed {
            self.shift.held.add(&one.claim);
        }
        let seen = look::look(self.worker, self.shift, claimed).await?;
        // A look costs much the same for many as for a few.
        let many = seen.asked * 2 > batch as usize;
        let next = if many { (batch * 2).min(MOST_LOOKED_AT) } else { BATCH };
        self.batch.store(next, Ordering::Relaxed);
        Ok((found, seen.ready))
    }

    /// Gives back what was claimed and not begun.
    async fn give_back(&self, waiting: &mut VecDeque<Claimed>) -> Result<(), StoreError> {
        let claims: Vec<_> = waiting.drain(..).map(|claimed| claimed.claim).collect();
        if claims.is_empty() {
            return Ok(());
        }
        for claim in &claims {
            self.shift.held.drop(claim);
        }
        self.worker.store.release(&claims).await?;
        Ok(())
    }
}

/// How long a claim lasts.
fn lease() -> TimeDelta {
    crate::fault::lease().unwrap_or(LEASE)
}
