//! One person, however many customers the database makes of them: everybody who shares a
//! normalised address. The table is judged a recipient at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bid::Bid;
use crate::domain::{
    Channel, Charge, CustomerId, History, Instant, OutreachKey, Recipient, RuleId, Suppression,
};

/// A message or task that was let through in this run.
#[derive(Clone, Debug)]
pub(super) struct Draft<'a> {
    /// The dedupe key of its first bid.
    pub key: OutreachKey,
    /// When it may leave.
    pub leaves_at: Instant,
    /// Not worth saying later than this.
    pub expires_at: Instant,
    /// What it speaks of: the first, and those merged into it.
    pub bids: Vec<Bid<'a>>,
}

/// One recipient's bids and history.
#[derive(Clone, Debug, Default)]
pub(super) struct Person<'a> {
    /// Their bids, the most important first.
    pub bids: Vec<Bid<'a>>,
    /// The customers they are.
    pub customers: BTreeSet<CustomerId>,
    /// Their normalised addresses.
    pub recipients: BTreeSet<Recipient>,
    /// What counts against their caps and cooldowns; a message is charged once however many it speaks of.
    pub charges: Vec<&'a Charge>,
    /// What they are not to hear.
    pub suppressions: Vec<&'a Suppression>,
    /// What was let through in this run.
    pub drafts: Vec<Draft<'a>>,
}

impl Draft<'_> {
    /// Whether `bid` would say the same thing the same way: it joins instead of competing.
    pub fn takes_in(&self, bid: &Bid<'_>) -> bool {
        self.first().is_some_and(|first| {
            bid.channel.is_contact()
                && first.rule.id == bid.rule.id
                && first.last_word == bid.last_word
                && first.channel == bid.channel
                && first.template == bid.template
                && first.recipient() == bid.recipient()
        })
    }

    /// What it speaks of first.
    pub fn first(&self) -> Option<&Bid<'_>> {
        self.bids.first()
    }
}

impl<'a> Person<'a> {
    /// The contacts let through in this run.
    pub fn contacts(&self) -> impl Iterator<Item = &Draft<'a>> {
        self.drafts.iter().filter(|d| d.first().is_some_and(|b| b.channel.is_contact()))
    }

    /// Earlier contacts, once a message, oldest first.
    pub fn earlier_contacts(&self, channel: Option<&Channel>) -> Vec<(Instant, RuleId)> {
        let mut messages = BTreeMap::new();
        for charge in self.charges.iter().filter(|c| c.channel.is_contact()) {
            if channel.is_none_or(|wanted| *wanted == charge.channel) {
                messages.insert(&charge.outreach, (charge.at, charge.rule.clone()));
            }
        }
        let mut earlier: Vec<_> = messages.into_values().collect();
        earlier.sort();
        earlier
    }
}

/// Seats the bids: those of one recipient together, the most important first.
pub(super) fn seat<'a>(bids: Vec<Bid<'a>>, history: &'a History) -> Vec<Person<'a>> {
    let mut groups = Groups::default();
    for bid in &bids {
        groups.join(&bid.customer, &bid.facts.customer().recipients());
    }
    let mut people: BTreeMap<usize, Person<'a>> = BTreeMap::new();
    for bid in bids {
        let person = people.entry(groups.of_customer(&bid.customer)).or_default();
        person.customers.insert(bid.customer.clone());
        person.recipients.extend(bid.facts.customer().recipients());
        person.bids.push(bid);
    }
    for charge in &history.charges {
        for seat in groups.seats(Some(&charge.customer), charge.recipients.iter()) {
            people.entry(seat).or_default().charges.push(charge);
        }
    }
    for suppression in &history.suppressions {
        for seat in groups.seats(suppression.customer.as_ref(), suppression.recipient.iter()) {
            people.entry(seat).or_default().suppressions.push(suppression);
        }
    }
    let mut people: Vec<_> = people.into_values().collect();
    for person in &mut people {
        person.bids.sort_by(|a, b| importance(a).cmp(&importance(b)));
    }
    people
}

/// By priority, the highest first; ties by rule, a last word after all else of it, then in `then`'s
/// order, then by subject.
fn importance<'b>(
    bid: &'b Bid<'_>,
) -> (u8, &'b RuleId, bool, u32, &'b CustomerId, &'b crate::domain::SubjectId) {
    let Bid { rule, last_word, position, customer, subject, .. } = bid;
    (u8::MAX - rule.priority, &rule.id, *last_word, *position, customer, subject)
}

/// Which customers and addresses belong together (union-find with path halving).
#[derive(Default)]
struct Groups {
    parent: Vec<usize>,
    customers: HashMap<CustomerId, usize>,
    recipients: HashMap<Recipient, usize>,
}

impl Groups {
    fn join(&mut self, customer: &CustomerId, recipients: &[Recipient]) {
        let node = match self.customers.get(customer) {
            Some(node) => *node,
            None => {
                let node = self.add();
                self.customers.insert(customer.clone(), node);
                node
            }
        };
        for recipient in recipients {
            let other = match self.recipients.get(recipient) {
                Some(other) => *other,
                None => {
                    self.recipients.insert(recipient.clone(), node);
                    node
                }
            };
            let (a, b) = (self.root(node), self.root(other));
            self.parent[a.max(b)] = a.min(b);
        }
    }

    fn add(&mut self) -> usize {
        self.parent.push(self.parent.len());
        self.parent.len() - 1
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }

    fn of_customer(&mut self, customer: &CustomerId) -> usize {
        let node = self.customers.get(customer).copied().unwrap_or(0);
        self.root(node)
    }

    /// Every person whom a customer or an address of the past belongs to.
    fn seats<'r>(
        &mut self,
        customer: Option<&CustomerId>,
        recipients: impl Iterator<Item = &'r Recipient>,
    ) -> BTreeSet<usize> {
        let customer = customer.and_then(|c| self.customers.get(c)).copied();
        let nodes = recipients.filter_map(|r| self.recipients.get(r).copied());
        let nodes: Vec<usize> = customer.into_iter().chain(nodes).collect();
        nodes.into_iter().map(|node| self.root(node)).collect()
    }
}
