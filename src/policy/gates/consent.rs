//! What the company's own data says of consent. Two customers behind one address are one
//! recipient: what one of them refuses does not reach the other's inbox either.

use super::{Bid, Table};
use crate::domain::{Consent, Customer, Refusal};

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    let (Some(name), Some(topic)) = (&bid.rule.topic, bid.topic) else { return Ok(()) };
    let listed = |customer: Customer<'_>, column: &str| {
        let on_channel = format!("{name}/{}", bid.channel);
        customer.topics(column).iter().any(|t| t == "*" || t == name || *t == on_channel)
    };
    let recipient = bid.recipient();
    let refused = || {
        let shares = |other: &&Bid<'_>| {
            other.customer == bid.customer
                || other.facts.customer().recipients().into_iter().any(|r| Some(r) == recipient)
        };
        table.person.bids.iter().filter(shares).any(|b| listed(b.facts.customer(), "refusals"))
    };
    let allowed = match topic.consent {
        Consent::Always => true,
        Consent::OptOut => !refused(),
        Consent::OptIn => listed(bid.facts.customer(), "consents") && !refused(),
    };
    if allowed {
        Ok(())
    } else {
        Err(Refusal::NoConsent { topic: name.clone(), consent: topic.consent })
    }
}
