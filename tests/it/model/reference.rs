//! The reference: what policy promises, over a plain list of everything ever told. It knows
//! nothing of how the product does it, and is never fast.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Timelike};
use lookout::domain::Instant;

use super::histories::{Policy, Rule, hours};

/// A customer as the company's data has them at a run.
#[derive(Clone, Debug, Default)]
pub struct Who {
    pub id: String,
    /// Normalised, where they are valid.
    pub email: Option<String>,
    pub phone: Option<String>,
    /// How many hours their clock is ahead of UTC.
    pub ahead: i64,
    pub consents: Vec<String>,
    pub refusals: Vec<String>,
    pub open_ticket: bool,
}

/// Rule, customer, subject.
pub type Episode = (usize, String, String);

/// One subject of one ask, with what is known of it.
#[derive(Clone, Debug)]
pub struct Bid {
    pub rule: usize,
    pub who: Who,
    pub subject: String,
    pub position: usize,
    pub channel: String,
    pub muted: bool,
    pub started: Instant,
    pub ordinal: usize,
    pub last: Option<Instant>,
    pub expires: Instant,
    pub carried: bool,
}

/// One message or task, whatever became of it.
#[derive(Clone, Debug)]
pub struct Told {
    pub id: String,
    pub about: Vec<Bid>,
    pub at: Instant,
    /// When it began to leave, if that was late: from then on it counts from there.
    pub began: Option<Instant>,
    pub expires: Instant,
    pub state: &'static str,
    /// When a worker may take it.
    pub due: Instant,
    /// Until when a worker holds it.
    pub lease: Instant,
    /// How often its rule had been edited when it was last decided.
    pub edits: usize,
    /// Whether somebody approved it then.
    pub approved: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Suppression {
    pub name: String,
    pub topic: Option<String>,
    pub cause: String,
}

/// How a run found the rules that were due.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub due: BTreeSet<usize>,
    pub quarantined: BTreeSet<usize>,
    pub matched: BTreeMap<Episode, Who>,
    pub failing: BTreeSet<Episode>,
}

/// Everything that ever happened.
#[derive(Debug)]
pub struct Reference {
    pub rules: Vec<Rule>,
    pub policy: Policy,
    pub open: BTreeMap<Episode, Instant>,
    pub told: Vec<Told>,
    pub suppressed: Vec<Suppression>,
    /// How often each rule was edited.
    pub edits: Vec<usize>,
}

pub fn is_task(channel: &str) -> bool {
    channel == "task"
}

impl Who {
    fn names(&self) -> BTreeSet<String> {
        [Some(self.id.clone()), self.email.clone(), self.phone.clone()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn address(&self, channel: &str) -> Option<String> {
        if channel == "email" { self.email.clone() } else { self.phone.clone() }
    }
}

impl Bid {
    fn episode(&self) -> Episode {
        (self.rule, self.who.id.clone(), self.subject.clone())
    }

    /// Rule, subject, start of the episode, which contact of the episode.
    pub fn id(&self) -> String {
        let task =
            if is_task(&self.channel) { format!(" task {}", self.position) } else { String::new() };
        let (rule, who, subject) = (self.rule, &self.who.id, &self.subject);
        format!(
            "r{rule} {who} {subject} {} #{}{task}",
            self.started.format("%dT%H:%M"),
            self.ordinal
        )
    }
}

impl Told {
    fn is_task(&self) -> bool {
        is_task(&self.about[0].channel)
    }

    /// When it counts as having reached somebody.
    fn counts_at(&self) -> Instant {
        self.began.unwrap_or(self.at)
    }

    /// Whom it reaches: customers, and the addresses of all of them; a task reaches nobody.
    fn names(&self) -> BTreeSet<String> {
        let all = self
            .about
            .iter()
            .map(|b| if self.is_task() { [b.who.id.clone()].into() } else { b.who.names() });
        all.flatten().collect()
    }
}

impl Reference {
    /// Decides one instant, and gives a line for each candidate.
    pub fn run(&mut self, now: Instant, found: &Found) -> Vec<String> {
        let healthy = |rule: &usize| found.due.contains(rule) && !found.quarantined.contains(rule);
        let waits = |t: &&Told| ["ready", "held"].contains(&t.state);
        let waiting: Vec<Told> = self.told.iter().filter(waits).cloned().collect();
        let mut table: Vec<Bid> = Vec::new();
        for (episode, who) in found.matched.iter().filter(|(e, _)| healthy(&e.0)) {
            for (position, channel) in self.rules[episode.0].asks.iter().enumerate() {
                table.push(self.bid(now, episode, who, position, channel, &waiting));
            }
        }
        for told in waiting.iter().filter(|t| !found.due.contains(&t.about[0].rule)) {
            let carried = |b: &Bid| Bid {
                carried: true,
                last: None,
                muted: false,
                expires: told.expires,
                ..b.clone()
            };
            table.extend(told.about.iter().map(carried));
        }
        table.sort_by_key(|b| {
            (
                Reverse(self.rules[b.rule].priority),
                b.rule,
                b.position,
                b.who.id.clone(),
                b.subject.clone(),
            )
        });
        let (mut drafts, mut lines, mut refused, held) =
            self.without_what_is_held(now, &table, &waiting);
        let (held, more, others) = self.sit(now, &table, Some(&held));
        for mut told in held {
            told.state = "held";
            if let Some(before) = waiting.iter().find(|t| t.id == told.id && t.state == "held") {
                told.at = before.at;
            }
            drafts.push(told);
        }
        lines.extend(more);
        for (id, code) in others {
            refused.entry(id).or_insert(code);
        }
        let gone = |t: &&mut Told| {
            t.state == "ready" || t.state == "held" && !found.quarantined.contains(&t.about[0].rule)
        };
        for told in self.told.iter_mut().filter(gone) {
            let moved = |b: &Bid| drafts.iter().any(|d| d.about.iter().any(|o| o.id() == b.id()));
            told.about.retain(|b| refused.get(&b.id()) == Some(&"expired") && !moved(b));
            told.state = if told.about.is_empty() { "withdrawn" } else { "expired" };
        }
        for draft in drafts {
            self.told.retain(|t| t.id != draft.id);
            self.told.push(draft);
        }
        self.open.retain(|e, _| {
            !healthy(&e.0) || found.matched.contains_key(e) || found.failing.contains(e)
        });
        for episode in found.matched.keys().filter(|e| healthy(&e.0)) {
            self.open.entry(episode.clone()).or_insert(now);
        }
        lines.sort();
        lines
    }

    /// The table judged as if what is held were absent, and the bids that are.
    #[allow(clippy::type_complexity)]
    fn without_what_is_held(
        &self,
        now: Instant,
        table: &[Bid],
        waiting: &[Told],
    ) -> (Vec<Told>, Vec<String>, BTreeMap<String, &'static str>, BTreeSet<String>) {
        let fits = |t: &&Told| t.approved && t.edits == self.edits[t.about[0].rule];
        let approved: BTreeSet<String> =
            waiting.iter().filter(fits).flat_map(|t| t.about.iter().map(Bid::id)).collect();
        let heard = ["claimed", "transmitting", "sent", "retry", "uncertain"];
        let today = self.told.iter().filter(|t| {
            heard.contains(&t.state)
                && !t.is_task()
                && !t.approved
                && t.counts_at() > now - hours(24)
        });
        let today: Vec<usize> = today.map(|t| t.about[0].rule).collect();
        let (most, most_of_all) = self.policy.hold.unwrap_or((500, 1000));
        let mut over: BTreeSet<usize> = BTreeSet::new();
        loop {
            let keeps = |b: &&Bid| {
                !is_task(&b.channel) && over.contains(&b.rule) && !approved.contains(&b.id())
            };
            let held: BTreeSet<String> = table.iter().filter(keeps).map(Bid::id).collect();
            let rest: Vec<Bid> = table.iter().filter(|b| !keeps(b)).cloned().collect();
            let (mut drafts, lines, refused) = self.sit(now, &rest, None);
            for told in &mut drafts {
                told.approved =
                    !told.is_task() && told.about.iter().all(|b| approved.contains(&b.id()));
            }
            let now: Vec<usize> = drafts
                .iter()
                .filter(|t| !t.is_task() && !t.approved)
                .map(|t| t.about[0].rule)
                .collect();
            let of = |rule: usize| now.iter().chain(&today).filter(|r| **r == rule).count() as u64;
            let more: Vec<usize> = (0..self.rules.len())
                .filter(|rule| !over.contains(rule) && now.contains(rule) && of(*rule) > most)
                .collect();
            if more.is_empty()
                && (now.is_empty() || (now.len() + today.len()) as u64 <= most_of_all)
            {
                return (drafts, lines, refused, held);
            }
            match more.is_empty() {
                true => over.extend(0..self.rules.len()),
                false => over.extend(more),
            }
        }
    }

    /// Somebody approves what is held of a rule, or takes it back: how many messages were held, and
    /// how many of them that changed.
    pub fn settle_held(&mut self, rule: usize, yes: bool) -> (u64, u64) {
        let ours = |t: &&mut Told| t.state == "held" && t.about[0].rule == rule;
        let (mut held, mut changed) = (0, 0);
        for told in self.told.iter_mut().filter(ours) {
            held += 1;
            if !yes {
                told.about.clear();
                told.state = "withdrawn";
                changed += 1;
            } else if !told.approved {
                told.approved = true;
                changed += 1;
            }
        }
        (held, changed)
    }

    /// Sends bids through the gates: all of a table, or those that are held, which need no room.
    #[allow(clippy::type_complexity)]
    fn sit(
        &self,
        now: Instant,
        table: &[Bid],
        held: Option<&BTreeSet<String>>,
    ) -> (Vec<Told>, Vec<String>, BTreeMap<String, &'static str>) {
        let mut people: Vec<BTreeSet<String>> = Vec::new();
        for bid in table {
            let (known, others): (Vec<_>, Vec<_>) =
                people.into_iter().partition(|p| !p.is_disjoint(&bid.who.names()));
            people = others;
            people.push(known.into_iter().flatten().chain(bid.who.names()).collect());
        }
        let (mut drafts, mut lines, mut refused) = (Vec::new(), Vec::new(), BTreeMap::new());
        let ours = |b: &&Bid| held.is_none_or(|h| !is_task(&b.channel) && h.contains(&b.id()));
        for bid in table.iter().filter(ours) {
            let person = people.iter().find(|p| p.contains(&bid.who.id)).unwrap();
            let mut bid = bid.clone();
            if bid.channel == "contact" {
                let open = |c: &&&str| {
                    self.closed(&Bid { channel: c.to_string(), ..bid.clone() }, person, table)
                        .is_none()
                };
                bid.channel = ["sms", "email"].iter().find(open).unwrap_or(&"sms").to_string();
            }
            let name = format!(
                "r{} {} {} {} {}",
                bid.rule, bid.who.id, bid.subject, bid.channel, bid.position
            );
            let ended = match self.judge(now, &bid, person, table, held.is_some(), &mut drafts) {
                Err(code) => {
                    refused.entry(bid.id()).or_insert(code);
                    format!("refused {code}")
                }
                Ok(into) => {
                    let told: &mut Told = &mut drafts[into];
                    told.expires = told.expires.min(bid.expires);
                    told.about.push(bid);
                    match held {
                        Some(_) => format!("held in {}", told.id),
                        None => format!("at {} in {}", told.at.format("%dT%H:%M"), told.id),
                    }
                }
            };
            lines.push(format!("{name}: {ended}"));
        }
        (drafts, lines, refused)
    }

    fn bid(
        &self,
        now: Instant,
        episode: &Episode,
        who: &Who,
        position: usize,
        channel: &str,
        waiting: &[Told],
    ) -> Bid {
        let rule = &self.rules[episode.0];
        let started = self.open.get(episode).copied().unwrap_or(now);
        let ours = |b: &&Bid| b.episode() == *episode && b.started == started;
        let counted = self.told.iter().filter(|t| {
            !["ready", "held", "withdrawn"].contains(&t.state) && t.is_task() == is_task(channel)
        });
        let told: Vec<(usize, Instant)> = counted
            .flat_map(|t| t.about.iter().filter(ours).map(|b| (b.ordinal, t.counts_at())))
            .collect();
        let ordinals: BTreeSet<usize> = told.iter().map(|(ordinal, _)| *ordinal).collect();
        let mut bid = Bid {
            rule: episode.0,
            who: who.clone(),
            subject: episode.2.clone(),
            position,
            channel: channel.to_owned(),
            muted: rule.topic == "offers" && who.open_ticket,
            started,
            ordinal: ordinals.len() + 1,
            last: told.iter().map(|(_, at)| *at).max(),
            expires: now + hours(rule.expires),
            carried: false,
        };
        if let Some(told) = waiting.iter().find(|t| t.about.iter().any(|b| b.id() == bid.id())) {
            bid.expires = told.expires;
        }
        bid
    }

    /// Why a customer can't be reached about this on that channel at all.
    fn closed(&self, bid: &Bid, person: &BTreeSet<String>, table: &[Bid]) -> Option<&'static str> {
        let topic = self.rules[bid.rule].topic;
        let listed = |list: &[String]| list.iter().any(|t| t == topic || t == "*");
        let Some(to) = bid.who.address(&bid.channel) else { return Some("no_address") };
        let shares = |b: &&Bid| b.who.id == bid.who.id || b.who.names().contains(&to);
        let refused = table.iter().filter(shares).any(|b| listed(&b.who.refusals));
        if topic != "security" && (refused || topic == "offers" && !listed(&bid.who.consents)) {
            return Some("no_consent");
        }
        let holds = |s: &Suppression| {
            person.contains(&s.name)
                && s.topic.as_ref().is_none_or(|t| t == topic)
                && (s.cause != "refused" || topic != "security")
                && (s.cause != "bounce" || s.name == to)
        };
        self.suppressed.iter().any(holds).then_some("suppressed")
    }

    /// The draft that a bid goes into, or the reason why not.
    fn judge(
        &self,
        now: Instant,
        bid: &Bid,
        person: &BTreeSet<String>,
        table: &[Bid],
        held: bool,
        drafts: &mut Vec<Told>,
    ) -> Result<usize, &'static str> {
        let (rule, contact) = (&self.rules[bid.rule], !is_task(&bid.channel));
        let lenient = |gate| rule.topic == "security" && self.policy.lenient.contains(&gate);
        let at =
            if contact && !lenient("quiet_hours") { self.decent(now, bid.who.ahead) } else { now };
        let charged = ["claimed", "transmitting", "sent", "retry", "uncertain"];
        let ours = |t: &&Told| !t.names().is_disjoint(person);
        let past: Vec<&Told> =
            self.told.iter().filter(ours).filter(|t| charged.contains(&t.state)).collect();
        let today: Vec<&Told> = drafts.iter().filter(ours).collect();
        let same = |t: &Told| {
            let first = &t.about[0];
            contact
                && first.rule == bid.rule
                && first.channel == bid.channel
                && first.who.address(&bid.channel) == bid.who.address(&bid.channel)
        };
        if contact {
            self.closed(bid, person, table).map_or(Ok(()), Err)?;
            let told = today
                .iter()
                .filter(|t| !t.is_task())
                .any(|t| t.about.iter().any(|b| b.episode() == bid.episode()));
            require(!bid.muted, "muted")?;
            require(!told, "already_contacted")?;
        }
        if !bid.carried {
            require(rule.holds_for.is_none_or(|h| bid.started + hours(h) <= now), "pending")?;
            let again = |last| {
                rule.repeat.is_some_and(|r| {
                    bid.ordinal <= rule.reminders as usize + 1 && last + hours(r) <= now
                })
            };
            require(bid.last.is_none_or(again), "already_contacted")?;
        }
        let other = |b: &Bid| {
            b.rule == bid.rule && (b.episode(), b.started) != (bid.episode(), bid.started)
        };
        let own = |b: &Bid| {
            b.rule == bid.rule && (b.episode(), b.started) == (bid.episode(), bid.started)
        };
        let mut heard = past.iter().chain(today.iter().filter(|t| !same(t)));
        let too_soon = |c: i64| {
            heard.any(|t| {
                t.is_task() != contact
                    && t.about.iter().any(other)
                    && !t.about.iter().any(own)
                    && now < t.counts_at() + hours(c)
            })
        };
        require(!rule.cooldown.is_some_and(too_soon), "cooldown")?;
        if let Some(into) = drafts.iter().position(same).filter(|_| contact) {
            require(drafts[into].at <= bid.expires, "expired")?;
            return Ok(into);
        }
        if contact && !held {
            require(lenient("outranked") || today.iter().all(|t| t.is_task()), "outranked")?;
            for cap in
                self.policy.caps.iter().filter(|c| c.channel.is_none_or(|c| c == bid.channel))
            {
                let counts = |t: &&&Told| {
                    !t.is_task()
                        && cap.channel.is_none_or(|c| t.about[0].channel == c)
                        && (t.counts_at() - at).abs() < hours(cap.hours)
                };
                let used = past.iter().chain(&today).filter(counts).count();
                require(lenient("cap") || used < cap.contacts as usize, "cap")?;
            }
        }
        require(!contact || at <= bid.expires, "expired")?;
        let done = is_task(&bid.channel) || bid.channel == "phone" && at <= now;
        let state = if done { "sent" } else { "ready" };
        drafts.push(Told {
            id: bid.id(),
            about: Vec::new(),
            at,
            began: None,
            expires: bid.expires,
            state,
            due: at,
            lease: at,
            edits: self.edits[bid.rule],
            approved: false,
        });
        Ok(drafts.len() - 1)
    }

    /// The first decent minute where the clock is so many hours ahead; quiet hours are whole hours.
    fn decent(&self, now: Instant, ahead: i64) -> Instant {
        let Some((from, to, days)) = &self.policy.quiet else { return now };
        let mut at = now;
        loop {
            let local = at + hours(ahead);
            let hour = local.hour();
            let night =
                if from < to { (*from..*to).contains(&hour) } else { hour >= *from || hour < *to };
            if !night && !days.contains(&(local.weekday().num_days_from_monday() as u8)) {
                return at;
            }
            at = at + hours(1) - chrono::TimeDelta::minutes(i64::from(at.minute()));
        }
    }

    /// What a worker takes at an instant: what lost workers held is free first, then what is past
    /// its time expires. A lease lasts an hour.
    pub fn claim(&mut self, now: Instant) -> BTreeSet<String> {
        let mut taken = BTreeSet::new();
        for told in &mut self.told {
            if ["claimed", "transmitting"].contains(&told.state) && told.lease <= now {
                told.state = match (told.state, told.about[0].channel.as_str()) {
                    ("claimed", _) => "ready",
                    (_, "email") => "uncertain",
                    _ => "retry",
                };
            }
            if !["ready", "retry"].contains(&told.state) {
                continue;
            }
            if told.expires < now {
                told.state = "expired";
            } else if told.due <= now {
                (told.state, told.lease) = ("claimed", now + hours(1));
                taken.insert(told.id.clone());
            }
        }
        taken
    }
}

fn require(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}
