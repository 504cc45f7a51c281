//! What is asked once more of a message that is about to leave: the gates that look at the
//! customer's own facts, on fresh ones. Nothing is decided anew here; what passes stays as decided.

use std::collections::{BTreeMap, BTreeSet};

use super::Policy;
use super::bid::{Bid, normalise};
use super::gates::{self, Table};
use super::recipient::Person;
use crate::domain::{Channel, Facts, Instant, Outreach, Recipient, Refusal, RuleSettings, Value};

/// Why a topic is muted for a subject; none where it is not.
pub type Muted = Option<BTreeMap<String, Value>>;

/// Whether each subject of an outreach may still be spoken of: address, consent and `mute_when`, by
/// the facts in it, which are fresh. `muted` has one entry a subject.
///
/// Consent looks at all customers among the subjects who share the address; who else is behind it
/// is not known here. What Lookout itself was told (suppressions) is asked where the message leaves.
pub fn still_allowed(
    outreach: &Outreach,
    muted: &[Muted],
    rule: &RuleSettings,
    policy: &Policy,
    as_of: Instant,
) -> Vec<Result<(), Refusal>> {
    let bids = outreach.subjects.iter().zip(muted).map(|(subject, muted)| Bid {
        muted: muted.clone(),
        ..Bid::decided(outreach, subject, rule, policy)
    });
    let person = Person { bids: bids.collect(), ..Person::default() };
    let table = Table { policy, as_of, person: &person, leaves_at: as_of };
    person.bids.iter().map(|bid| gates::still_stands(bid, &table)).collect()
}

/// The normalised address of a customer on a channel; none where there is no valid one.
pub fn recipient(channel: &Channel, facts: &Facts) -> Option<Recipient> {
    normalise(channel, &facts.customer().address(&channel.0)?)
}

/// Sends an outreach where its first subject's customer can be reached now. The key stays: a
/// corrected address contacts nobody again.
pub fn readdress(outreach: &mut Outreach) {
    let Some(first) = outreach.subjects.first().filter(|_| outreach.channel.is_contact()) else {
        return;
    };
    let address = first.facts.customer().address(&outreach.channel.0);
    let mut recipients: BTreeSet<Recipient> =
        outreach.subjects.iter().flat_map(|s| s.facts.customer().recipients()).collect();
    recipients.extend(recipient(&outreach.channel, &first.facts));
    outreach.address = address;
    outreach.recipients = recipients.into_iter().collect();
}
