//! What the company's own data says of consent. Two customers behind one address are one
//! recipient: what one of them refuses does not reach the other's inbox either.

use super::{Bid, Gate, Table};
use crate::domain::{Consent, Customer, CustomerId, Looked, Refusal};

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    let (Some(name), Some(topic)) = (&bid.rule.topic, bid.topic) else { return Ok(()) };
    let refused = || refused_by(bid, name, table).is_some();
    let allowed = match topic.consent {
        Consent::Always => true,
        Consent::OptOut => !refused(),
        Consent::OptIn => agreed(bid, name) && !refused(),
    };
    if allowed {
        Ok(())
    } else {
        Err(Refusal::NoConsent { topic: name.clone(), consent: topic.consent })
    }
}

fn look(bid: &Bid<'_>, table: &Table<'_, '_>) -> Looked {
    let topic = bid.rule.topic.clone();
    let name = topic.as_deref().unwrap_or_default();
    Looked::Consent {
        consent: bid.topic.map(|topic| topic.consent),
        agreed: agreed(bid, name),
        refused_by: refused_by(bid, name, table).cloned(),
        topic,
    }
}

/// Whether a topic, or this channel of it, stands in a customer's list.
fn listed(customer: Customer<'_>, column: &str, name: &str, bid: &Bid<'_>) -> bool {
    let on_channel = format!("{name}/{}", bid.channel);
    customer.topics(column).iter().any(|t| t == "*" || t == name || *t == on_channel)
}

fn agreed(bid: &Bid<'_>, name: &str) -> bool {
    listed(bid.facts.customer(), "consents", name, bid)
}

/// Who of those behind the address refused the topic.
fn refused_by<'t>(bid: &Bid<'_>, name: &str, table: &'t Table<'_, '_>) -> Option<&'t CustomerId> {
    let recipient = bid.recipient();
    let shares = |other: &&Bid<'_>| {
        other.customer == bid.customer
            || other.facts.customer().recipients().into_iter().any(|r| Some(r) == recipient)
    };
    let mut bids = table.person.bids.iter().filter(shares);
    let refuses = |other: &&Bid<'_>| listed(other.facts.customer(), "refusals", name, bid);
    bids.find(refuses).map(|other| &other.customer)
}
