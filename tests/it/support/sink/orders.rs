//! What a sink is to do: with the next message, with every message to somebody, or with all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

/// Orders of one kind; clones give orders to the same sink.
pub(crate) struct Orders<O> {
    given: Arc<Mutex<Given<O>>>,
    carried_out: watch::Sender<u64>,
}

struct Given<O> {
    next: VecDeque<O>,
    to: BTreeMap<String, O>,
    every: Option<O>,
}

impl<O> Default for Orders<O> {
    fn default() -> Self {
        let given = Given { next: VecDeque::new(), to: BTreeMap::new(), every: None };
        Self { given: Arc::new(Mutex::new(given)), carried_out: watch::Sender::new(0) }
    }
}

impl<O> Clone for Orders<O> {
    fn clone(&self) -> Self {
        Self { given: Arc::clone(&self.given), carried_out: self.carried_out.clone() }
    }
}

impl<O> Orders<O> {
    /// For the next message that gets where the order applies. Several are carried out in turn.
    pub(crate) fn next(&self, order: O) {
        self.given.lock().unwrap().next.push_back(order);
    }

    /// For every message to this address, until further notice.
    pub(crate) fn to(&self, recipient: &str, order: O) {
        self.given.lock().unwrap().to.insert(recipient.to_lowercase(), order);
    }

    /// For every message, until further notice.
    pub(crate) fn every(&self, order: O) {
        self.given.lock().unwrap().every = Some(order);
    }

    /// Back to taking everything.
    pub(crate) fn none(&self) {
        let mut given = self.given.lock().unwrap();
        given.next.clear();
        given.to.clear();
        given.every = None;
    }

    /// Waits until so many orders were begun.
    pub(crate) async fn until(&self, count: u64) {
        self.carried_out.subscribe().wait_for(|done| *done >= count).await.unwrap();
    }
}

impl<O: Clone> Orders<O> {
    /// The order that applies here, if there is one.
    pub(super) fn ask(&self, recipient: Option<&str>, applies: impl Fn(&O) -> bool) -> Option<O> {
        let mut given = self.given.lock().unwrap();
        let to = recipient.and_then(|recipient| given.to.get(&recipient.to_lowercase())).cloned();
        let order = match given.next.front().is_some_and(&applies) {
            true => given.next.pop_front(),
            false => to.filter(&applies).or_else(|| given.every.clone().filter(&applies)),
        };
        if order.is_some() {
            self.carried_out.send_modify(|count| *count += 1);
        }
        order
    }
}
