//! What would have changed the outcome, said only where the evidence makes it certain.

use super::super::addresses::bare;
use super::super::args::Person;
use super::super::wording::{Times, counted, plain, shell_word};
use crate::domain::{
    Consent, Decision, Looked, Outcome, Passage, Recipient, Suppressed, SuppressionCause,
};

/// What one thing would have let a refused candidate out; none where it is not certain that it would.
pub(super) fn told(decision: &Decision, gates: &[Passage], times: &Times) -> Option<String> {
    if !matches!(decision.outcome, Outcome::Refused | Outcome::Held) {
        return None;
    }
    let mut refusing = gates.iter().filter(|gate| !gate.passes);
    let obstacle = refusing.next()?;
    // Where two things refuse it, neither alone would change anything.
    if let Some(other) = refusing.next() {
        let (first, second) =
            (super::gates::name(&obstacle.looked), super::gates::name(&other.looked));
        return Some(format!(
            "nothing alone would let it out: {first} and {second} both refuse it"
        ));
    }
    // One more might be held.
    if decision.outcome == Outcome::Refused && decision.channel.is_contact() && !has_room(gates) {
        return None;
    }
    let leaves = leaves(gates, times);
    let at = |instant| times.say(instant);
    Some(match &obstacle.looked {
        Looked::Address { column, .. } => format!("{leaves} if `{column}` held a valid address"),
        Looked::Consent {
            topic: Some(topic),
            consent: Some(Consent::OptIn),
            agreed: false,
            refused_by: None,
        } => {
            format!("{leaves} if they agreed to `{topic}`")
        }
        Looked::Consent {
            topic: Some(topic),
            consent: Some(Consent::OptOut),
            refused_by: Some(refused_by),
            ..
        } => match *refused_by == decision.customer_id {
            true => format!("{leaves} if they had not refused `{topic}`"),
            false => format!("{leaves} if nobody at this address had refused `{topic}`"),
        },
        Looked::Suppression { applies: Some(applies), .. } => match applies.cause {
            SuppressionCause::Refused => {
                format!("{leaves} if they asked for it again: {}", lift(applies)?)
            }
            SuppressionCause::Bounce => {
                applies.recipient.as_ref()?;
                format!("{leaves} if they had another address")
            }
            SuppressionCause::Erasure => return None,
        },
        Looked::Mute { condition: Some(condition), .. } => {
            format!("{leaves} if `{condition}` were not true")
        }
        Looked::Episode { told_now: None, last_at: None, due: Some(due), .. } => {
            format!("falls due {}, if it is still true by then", at(due))
        }
        Looked::Episode { told_now: None, last_at: Some(_), reminder: Some(reminder), .. } => {
            format!("a reminder falls due {}, if it is still true by then", at(reminder))
        }
        Looked::Cooldown { contacted: Some(contacted), .. } => {
            format!("{leaves} if this rule had not written {}", at(contacted))
        }
        Looked::Hold { .. } => format!(
            "is decided afresh, with rank and caps, once somebody approves it: lookout approve {}",
            decision.rule
        ),
        // Whoever comes second might win in place of the winner.
        Looked::Rank { winner: Some(winner), ahead, .. }
            if ahead.len() == 1 && winner.rule != decision.rule =>
        {
            format!("{leaves} if {} did not write to them in this run", winner.rule)
        }
        Looked::Cap { caps, .. } => {
            let mut full = caps.iter().filter_map(|cap| Some((cap, cap.free_at?)));
            let (cap, free_at) = full.next()?;
            if full.next().is_some() {
                return None;
            }
            let fewer = match (cap.earlier.len() + 1).saturating_sub(cap.contacts as usize) {
                1 => "one contact".to_owned(),
                more => counted(more as u64, "contact"),
            };
            format!(
                "{leaves} if {fewer} fewer had gone to them; there is room from {}",
                at(&free_at)
            )
        }
        Looked::Quiet { leaves_at, .. } => {
            format!("would wait for {} if it were worth saying so long (EXPIRES)", at(leaves_at))
        }
        _ => return None,
    })
}

/// The command that lifts all that applies, if one does: fit for a shell, and read back as it is meant.
fn lift(applies: &Suppressed) -> Option<String> {
    let customer = applies.customer_id.clone();
    let customer = customer.map(|id| (id.to_string(), Person::Customer(id)));
    // A number of digits alone would be an id.
    let written = |to: &Recipient| [bare(to).to_owned(), format!("+{}", bare(to))];
    let address = applies.recipient.iter();
    let address =
        address.flat_map(|to| written(to).map(|text| (text, Person::Address(to.clone()))));
    let named = customer.into_iter().chain(address).find(|(text, meant)| {
        plain(text) == *text && text.parse::<Person>().is_ok_and(|read| read == *meant)
    });
    let topic = applies.topic.iter().map(|topic| format!(" --topic {}", shell_word(topic)));
    Some(format!("lookout unsuppress {}{}", shell_word(&named?.0), topic.collect::<String>()))
}

/// Whether one contact more stays within `[hold]`.
fn has_room(gates: &[Passage]) -> bool {
    gates.iter().all(|gate| match &gate.looked {
        Looked::Hold { contacts, allowed, approved, .. } => *approved || contacts < allowed,
        _ => true,
    })
}

fn leaves(gates: &[Passage], times: &Times) -> String {
    let later = gates.iter().find_map(|gate| match &gate.looked {
        Looked::Quiet { leaves_at, .. } if *leaves_at > times.as_of => Some(leaves_at),
        _ => None,
    });
    match later {
        Some(at) => format!("would go out {}", times.say(at)),
        None => "would go out".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::domain::{CapLooked, Channel, Earlier, Instant, RuleId, Span, parse_instant};

    fn at(text: &str) -> Instant {
        parse_instant(text).unwrap()
    }

    /// What is said of a refusal by caps with room for so many contacts a day.
    fn capped(contacts: u32, earlier: &[&str]) -> Option<String> {
        let earlier = earlier.iter().map(|left| Earlier { rule: "alarm".into(), at: at(left) });
        let caps = vec![CapLooked {
            contacts,
            per: Span::days(1),
            channel: None,
            earlier: earlier.collect(),
            free_at: Some(at("1998-05-06T10:00:00Z")),
        }];
        let looked = Looked::Cap { ignored: false, caps };
        let decision = Decision {
            rule: RuleId::from("news"),
            customer_id: "C7".into(),
            subject: "C7".into(),
            channel: Channel(Channel::EMAIL.to_owned()),
            outcome: Outcome::Refused,
            refusal: None,
            outreach: None,
            not_before: None,
            position: 0,
        };
        let times = Times { zone: Tz::UTC, as_of: at("1998-05-05T12:00:00Z") };
        told(&decision, &[Passage { passes: false, looked }], &times)
    }

    #[test]
    fn a_cap_says_how_many_contacts_stand_in_the_way() {
        let one = capped(2, &["1998-05-05T08:00:00Z", "1998-05-05T10:00:00Z"]).unwrap();
        let two = capped(1, &["1998-05-05T08:00:00Z", "1998-05-05T10:00:00Z"]).unwrap();
        assert!(one.contains("if one contact fewer had gone to them; there is room from"), "{one}");
        assert!(two.contains("if 2 contacts fewer had gone to them; there is room from"), "{two}");
    }
}
