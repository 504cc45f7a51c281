//! What two versions of a pack decide differently, on the same data and the same history. Both were
//! decided in full before; nothing is decided here.

mod sums;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Considered;
use crate::domain::{
    CustomerId, Decision, Instant, Outcome, Outreach, OutreachKey, OutreachSubject, Refusal,
    RuleId, SubjectId,
};
use crate::pack::Pack;

pub use sums::Moved;

/// A version of a pack and what it decides.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The pack.
    pub pack: &'a Pack,
    /// Its decisions.
    pub considered: &'a Considered,
}

/// Everything in which two versions differ.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// What becomes of one subject, where that differs; ordered by rule, customer, subject.
    pub changes: Vec<Change>,
    /// Who hears something now and heard nothing before.
    pub gained: BTreeSet<CustomerId>,
    /// Who hears nothing any more.
    pub lost: BTreeSet<CustomerId>,
    /// Who hears something else, or otherwise.
    pub changed: BTreeSet<CustomerId>,
    /// How the sums move: of all rules together, then by rule.
    pub moved: Vec<Moved>,
}

/// In what something that goes out differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// How it goes.
    Channel,
    /// When.
    Time,
    /// Whether it waits for approval.
    Approval,
    /// To which address.
    Address,
    /// Who has to do it.
    Assign,
    /// Until when.
    Due,
    /// What it says.
    Words,
}

impl What {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Time => "time",
            Self::Approval => "approval",
            Self::Address => "address",
            Self::Assign => "assign",
            Self::Due => "due",
            Self::Words => "words",
        }
    }
}

/// What kind of change it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It went out, and does no longer.
    Lost,
    /// It goes out, and did not.
    Gained,
    /// It goes out both ways, but not alike.
    Changed(BTreeSet<What>),
    /// It goes out neither way, or just as it did; only the reason is another.
    Reason,
}

impl Kind {
    /// Its name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Gained => "gained",
            Self::Changed(_) => "changed",
            Self::Reason => "reason",
        }
    }
}

/// What one version decides about a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The message or task, where there is one; many subjects may be in one.
    pub outreach: Option<Arc<Outreach>>,
    /// Its subject line or title; where it can't be rendered, why.
    pub title: Option<String>,
}

/// One change: of the contact, or of one task, about one subject.
#[derive(Clone, Debug)]
pub struct Change {
    /// The rule.
    pub rule: RuleId,
    /// Whom.
    pub customer: CustomerId,
    /// What.
    pub subject: SubjectId,
    /// Whether it is about work for a colleague that reaches no customer.
    pub is_task: bool,
    /// What kind of change.
    pub kind: Kind,
    /// What was decided before; none where the rule did not ask for anything.
    pub before: Option<Decided>,
    /// What is decided now.
    pub after: Option<Decided>,
    /// The rule that takes its place, or that took it and leaves it now.
    pub rival: Option<RuleId>,
    /// Where the words differ, the first lines of them that do: before and now.
    pub words: Option<[String; 2]>,
}

/// Compares two versions that were decided as of the same instant.
pub fn compare(before: Side<'_>, after: Side<'_>, as_of: Instant) -> Difference {
    let (old, new) = (Index::of(before), Index::of(after));
    let mut changes = Vec::new();
    let subjects: BTreeSet<_> = old.decisions.keys().chain(new.decisions.keys()).collect();
    for about in subjects {
        changes.extend(old.contact(&new, about, as_of));
        changes.extend(old.tasks(&new, about, as_of));
    }
    let moved = sums::moved(&before.considered.report, &after.considered.report);
    let mut difference = Difference { changes, moved, ..Difference::default() };
    let noticed = difference.changes.iter().filter(|c| !c.is_task && c.kind != Kind::Reason);
    let noticed: BTreeSet<CustomerId> = noticed.map(|change| change.customer.clone()).collect();
    for customer in noticed {
        match (old.hears.contains(&customer), new.hears.contains(&customer)) {
            (false, _) => difference.gained.insert(customer),
            (true, false) => difference.lost.insert(customer),
            (true, true) => difference.changed.insert(customer),
        };
    }
    difference
}

impl Difference {
    /// How many customers would hear something different.
    pub fn customers(&self) -> usize {
        self.gained.len() + self.lost.len() + self.changed.len()
    }

    /// Whether a customer or a colleague would notice.
    pub fn is_noticed(&self) -> bool {
        self.changes.iter().any(|change| change.kind != Kind::Reason)
    }
}

type About = (RuleId, CustomerId, SubjectId);

/// A version's decisions by what they are about.
struct Index<'a> {
    side: Side<'a>,
    decisions: BTreeMap<About, Vec<&'a Decision>>,
    outreaches: BTreeMap<&'a str, Arc<Outreach>>,
    hears: BTreeSet<CustomerId>,
    /// What was rendered, by the outreach's key: each of its subjects asks for it.
    titles: RefCell<BTreeMap<OutreachKey, String>>,
    /// Where the words of two outreaches differ, by both keys.
    apart: RefCell<BTreeMap<[OutreachKey; 2], Option<[String; 2]>>>,
}

impl<'a> Index<'a> {
    fn of(side: Side<'a>) -> Self {
        let decided = &side.considered.decided;
        let mut decisions: BTreeMap<About, Vec<&Decision>> = BTreeMap::new();
        let mut hears = BTreeSet::new();
        for decision in &decided.decisions {
            let Decision { rule, customer_id, subject, .. } = decision;
            let about = (rule.clone(), customer_id.clone(), subject.clone());
            decisions.entry(about).or_default().push(decision);
            if goes(decision) && decision.channel.is_contact() {
                hears.insert(customer_id.clone());
            }
        }
        for of_one in decisions.values_mut() {
            of_one.sort_by_key(|decision| decision.position);
        }
        let held = decided.held.iter().map(|held| &held.outreach);
        let outreaches = decided.outreaches.iter().chain(held);
        let outreaches = outreaches.map(|o| (o.key.as_str(), Arc::new(o.clone()))).collect();
        let (titles, apart) = Default::default();
        Self { side, decisions, outreaches, hears, titles, apart }
    }

    /// The decisions about a contact, or about tasks, in the order in which they were asked for.
    fn about(&self, about: &About, contact: bool) -> Vec<&'a Decision> {
        let all = self.decisions.get(about).into_iter().flatten().copied();
        all.filter(|decision| decision.channel.is_contact() == contact).collect()
    }

    fn outreach(&self, decision: &Decision) -> Option<&Arc<Outreach>> {
        self.outreaches.get(decision.outreach.as_ref()?.as_str())
    }

    /// What becomes of the contact. There is one a subject and run, however many ways `then` asks.
    fn contact(&self, new: &Self, about: &About, as_of: Instant) -> Option<Change> {
        let (old_all, new_all) = (self.about(about, true), new.about(about, true));
        let told = |all: &[&'a Decision]| {
            all.iter().find(|decision| goes(decision)).or(all.first()).copied()
        };
        let change = self.change(new, about, told(&old_all), told(&new_all), as_of);
        // Another way that was refused may be refused otherwise now.
        change.or_else(|| {
            let (old, now) = (told(&old_all), told(&new_all));
            let alike = all_alike(old_all, new_all);
            (!alike).then(|| self.told_apart(new, about, old, now, Kind::Reason, as_of))
        })
    }

    /// What becomes of the tasks: the first with the first, the second with the second.
    fn tasks(&self, new: &Self, about: &About, as_of: Instant) -> Vec<Change> {
        let (old_all, new_all) = (self.about(about, false), new.about(about, false));
        let places = 0..old_all.len().max(new_all.len());
        let pair = |place: usize| {
            let (old, now) = (old_all.get(place).copied(), new_all.get(place).copied());
            self.change(new, about, old, now, as_of)
        };
        places.filter_map(pair).collect()
    }

    fn change(
        &self,
        new: &Self,
        about: &About,
        old: Option<&'a Decision>,
        now: Option<&'a Decision>,
        as_of: Instant,
    ) -> Option<Change> {
        let kind = match (old.is_some_and(goes), now.is_some_and(goes)) {
            (true, false) => Kind::Lost,
            (false, true) => Kind::Gained,
            (false, false) => match (old, now) {
                (Some(old), Some(now)) if is_alike(old, now) => return None,
                (None, None) => return None,
                _ => Kind::Reason,
            },
            (true, true) => {
                let what = self.what(new, old?, now?);
                if what.is_empty() {
                    return None;
                }
                Kind::Changed(what)
            }
        };
        Some(self.told_apart(new, about, old, now, kind, as_of))
    }

    fn told_apart(
        &self,
        new: &Self,
        (rule, customer, subject): &About,
        old: Option<&'a Decision>,
        now: Option<&'a Decision>,
        kind: Kind,
        as_of: Instant,
    ) -> Change {
        let refused = match kind {
            Kind::Lost => now,
            Kind::Gained => old,
            Kind::Changed(_) | Kind::Reason => None,
        };
        let rival = refused.and_then(|decision| rival(decision.refusal.as_ref()?, as_of));
        let any = old.or(now);
        let says_otherwise = matches!(&kind, Kind::Changed(what) if what.contains(&What::Words));
        let words = old.zip(now).filter(|_| says_otherwise);
        let words = words.and_then(|(old, now)| self.words(new, old, now));
        Change {
            rule: rule.clone(),
            customer: customer.clone(),
            subject: subject.clone(),
            is_task: any.is_some_and(|decision| !decision.channel.is_contact()),
            kind,
            before: old.map(|decision| self.decided(decision)),
            after: now.map(|decision| new.decided(decision)),
            rival,
            words,
        }
    }

    fn decided(&self, decision: &Decision) -> Decided {
        let outreach = self.outreach(decision);
        let title = outreach.map(|outreach| {
            let render = || match self.side.pack.message(outreach, None) {
                Ok(message) => message.subject,
                Err(error) => error.instead(),
            };
            self.titles.borrow_mut().entry(outreach.key.clone()).or_insert_with(render).clone()
        });
        Decided { decision: decision.clone(), outreach: outreach.cloned(), title }
    }

    /// In what two that go out differ.
    fn what(&self, new: &Self, old: &'a Decision, now: &'a Decision) -> BTreeSet<What> {
        let mut what = BTreeSet::new();
        let mut note = |differs: bool, of: What| {
            if differs {
                what.insert(of);
            }
        };
        note(old.channel != now.channel, What::Channel);
        note(old.not_before != now.not_before, What::Time);
        let held = |decision: &Decision| decision.outcome == Outcome::Held;
        note(held(old) != held(now), What::Approval);
        if let (Some(a), Some(b)) = (self.outreach(old), new.outreach(now)) {
            note(a.channel == b.channel && a.address != b.address, What::Address);
            note(a.assign != b.assign, What::Assign);
            note(a.due_at != b.due_at && a.not_before == b.not_before, What::Due);
        }
        note(self.words(new, old, now).is_some(), What::Words);
        what
    }

    /// The first lines in which the messages of two decisions differ.
    fn words(&self, new: &Self, old: &'a Decision, now: &'a Decision) -> Option<[String; 2]> {
        let (a, b) = (self.outreach(old)?, new.outreach(now)?);
        let mut known = self.apart.borrow_mut();
        let both = [a, b].map(|outreach| outreach.key.clone());
        known.entry(both).or_insert_with(|| self.first_lines_apart(new, a, b)).clone()
    }

    /// The same of two messages, as far as both speak of the same: that one of them speaks of more is a
    /// change of what it speaks of more.
    fn first_lines_apart(&self, new: &Self, a: &Outreach, b: &Outreach) -> Option<[String; 2]> {
        let (old_pack, new_pack) = (self.side.pack, new.side.pack);
        let version = |pack: &Pack| pack.rules.get(&a.rule).map(|rule| rule.version.bound.clone());
        let (mine, theirs) = (in_common(a, b), in_common(b, a));
        let known = |o: &Outreach| {
            let facts = |s: &OutreachSubject| (s.facts.clone(), s.values.clone());
            o.subjects.iter().map(facts).collect::<Vec<_>>()
        };
        if version(old_pack) == version(new_pack)
            && (a.channel == b.channel && a.template == b.template)
            && known(&mine) == known(&theirs)
        {
            return None;
        }
        let words = |pack: &Pack, outreach: &Outreach| match pack.message(outreach, None) {
            Ok(message) => [message.subject, message.text, message.html].join("\n"),
            Err(error) => error.instead(),
        };
        apart(&words(old_pack, &mine), &words(new_pack, &theirs))
    }
}

/// The first lines in which two texts differ; `None` where they are the same.
fn apart(old: &str, new: &str) -> Option<[String; 2]> {
    if old == new {
        return None;
    }
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    let (old, new) = (lines(old), lines(new));
    let at = |lines: &[String], place: usize| lines.get(place).cloned().unwrap_or_default();
    let places = 0..old.len().max(new.len());
    let first = places.map(|place| [at(&old, place), at(&new, place)]).find(|[a, b]| a != b);
    Some(first.unwrap_or_default())
}

/// An outreach as far as another one speaks of the same.
fn in_common(outreach: &Outreach, other: &Outreach) -> Outreach {
    let about: BTreeSet<_> = other.subjects.iter().map(|s| (&s.customer, &s.subject)).collect();
    let mut common = outreach.clone();
    common.subjects.retain(|subject| about.contains(&(&subject.customer, &subject.subject)));
    common
}

/// Whether something goes out, if only after an approval.
fn goes(decision: &Decision) -> bool {
    decision.outcome != Outcome::Refused
}

/// Whether two decisions say the same, whatever message they are part of. Both held are alike, however
/// many others are held with them.
fn is_alike(a: &Decision, b: &Decision) -> bool {
    (&a.channel, a.outcome, a.not_before) == (&b.channel, b.outcome, b.not_before)
        && (a.outcome == Outcome::Held || a.refusal == b.refusal)
}

/// Whether the same was decided of everything that was asked for.
fn all_alike(mut a: Vec<&Decision>, mut b: Vec<&Decision>) -> bool {
    a.sort_by_key(|decision| (&decision.channel, decision.position));
    b.sort_by_key(|decision| (&decision.channel, decision.position));
    a.len() == b.len() && a.into_iter().zip(b).all(|(a, b)| is_alike(a, b))
}

/// The rule for which something is refused, where that goes out in the same run.
fn rival(refusal: &Refusal, as_of: Instant) -> Option<RuleId> {
    match refusal {
        Refusal::Outranked { by, .. } => Some(by.clone()),
        Refusal::Cap { earlier, .. } => {
            earlier.iter().rfind(|contact| contact.at >= as_of).map(|contact| contact.rule.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Earlier, Span};

    #[test]
    fn texts_are_told_apart_by_their_first_other_line() {
        let lines = |old, new| apart(old, new).map(|[old, new]| format!("{old} → {new}"));
        assert_eq!(lines("a\nb", "a\nb"), None);
        assert_eq!(lines("a\n\nb\nc", "a\nB\nc").as_deref(), Some("b → B"));
        assert_eq!(lines("a", "a\nb").as_deref(), Some(" → b"));
        assert_eq!(lines("a\n", "a").as_deref(), Some(" → "));
    }

    #[test]
    fn a_rival_is_a_rule_that_goes_out_in_the_same_run() {
        let now = crate::domain::parse_instant("1998-05-07T09:00:00Z").unwrap_or_default();
        let cap = |ago: i64| Refusal::Cap {
            contacts: 1,
            per: Span::days(1),
            channel: None,
            earlier: vec![Earlier {
                rule: "other".into(),
                at: now - chrono::TimeDelta::hours(ago),
            }],
            free_at: now,
        };
        assert_eq!(rival(&cap(0), now), Some("other".into()));
        assert_eq!(rival(&cap(-4), now), Some("other".into()));
        assert_eq!(rival(&cap(1), now), None);
        let outranked = Refusal::Outranked { by: "other".into(), customer_id: None };
        assert_eq!(rival(&outranked, now), Some("other".into()));
    }
}
