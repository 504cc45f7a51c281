//! `[hold]`: what is too much in a day waits, and takes nothing else with it.

use super::*;
use crate::domain::{HoldLimit, Refusal, Volume};

/// A rule that matches so many customers, one contact each; another one matches a few of them.
fn scene(many: usize) -> Scene {
    let mut scene = Scene::new([rule("everyone", 100), rule("late", 80)]);
    for number in 0..many {
        let customer = format!("c{number:04}");
        scene = scene.matches("everyone", &customer, &customer, &["email"]);
        if number < 5 {
            scene = scene.matches("late", &customer, &customer, &["email"]);
        }
    }
    scene
}

impl Scene {
    fn versioned(mut self, rule: &str) -> Self {
        let version = Version { rule: "new".into(), bound: "bound".into() };
        self.evaluation.versions.insert(rule.into(), version);
        self
    }

    fn volume(&mut self, rule: &str) -> &mut Volume {
        self.history.volumes.entry(rule.into()).or_default()
    }

    /// The limit by which a rule is held, how many contacts it counted and how many are allowed.
    fn over(&self, rule: &str) -> Option<(HoldLimit, u64, u64)> {
        let decided = self.decide();
        let mut held = decided.decisions.iter().filter(|d| d.outcome == Outcome::Held);
        let refusal = held.find(|d| d.rule.as_str() == rule)?.refusal.clone();
        let Some(Refusal::Held { limit, contacts, allowed }) = refusal else { panic!() };
        Some((limit, contacts, allowed))
    }

    fn count(&self, rule: &str, what: &str) -> usize {
        self.told().iter().filter(|l| l.starts_with(rule) && l.ends_with(what)).count()
    }
}

#[test]
fn fifty_go_out_whatever_the_limits_say() {
    let mut fifty = scene(50);
    fifty.policy.hold = Hold { rule: 1, everything: 1, share: 0.0, ..Hold::default() };
    fifty.evaluation.customers = Some(50);
    assert_eq!(fifty.count("everyone", "contact"), 50);
    assert_eq!(fifty.decide().held, []);
    let mut more = scene(51);
    more.policy.hold.rule = 1;
    assert_eq!(more.over("everyone"), Some((HoldLimit::Rule, 51, 50)));
    assert_eq!((more.count("everyone", "held"), more.count("late", "contact")), (51, 5));
    assert_eq!(more.decide().held.len(), 51);
}

#[test]
fn the_smallest_limit_counts_and_what_left_in_24_hours_with_it() {
    let mut scene = scene(100);
    scene.policy.hold = Hold { rule: 120, everything: 1000, ..Hold::default() };
    assert_eq!(scene.over("everyone"), None);
    scene.volume("everyone").day = 21;
    assert_eq!(scene.over("everyone"), Some((HoldLimit::Rule, 121, 120)));
    scene.evaluation.customers = Some(900);
    assert_eq!(scene.over("everyone"), Some((HoldLimit::Share, 121, 90)));
    scene.volume("everyone").usual = Some(20);
    assert_eq!(scene.over("everyone"), Some((HoldLimit::TimesUsual, 121, 60)));
    scene.policy.hold.new_rule = 55;
    let mut scene = scene.versioned("everyone");
    assert_eq!(scene.over("everyone"), Some((HoldLimit::NewRule, 121, 55)));
    // A day after this version was first evaluated, it is no longer new.
    let since = scene.as_of - chrono::TimeDelta::hours(24);
    scene.volume("everyone").versions.insert("new".into(), since);
    assert_eq!(scene.over("everyone"), Some((HoldLimit::TimesUsual, 121, 60)));
    scene.as_of -= chrono::TimeDelta::minutes(1);
    assert_eq!(scene.over("everyone"), Some((HoldLimit::NewRule, 121, 55)));
}

#[test]
fn all_rules_together_have_a_limit_too() {
    let mut scene = scene(60);
    scene.policy.hold = Hold { rule: 1000, everything: 62, ..Hold::default() };
    // Five customers hear from `everyone`, which outranks `late`.
    assert_eq!(scene.count("late", "outranked"), 5);
    assert_eq!(scene.over("everyone"), None);
    scene.volume("somebody-else").day = 3;
    assert_eq!(scene.over("everyone"), Some((HoldLimit::Everything, 63, 62)));
    assert_eq!((scene.count("everyone", "held"), scene.count("late", "held")), (60, 5));
    assert_eq!(scene.decide().outreaches, []);
}

#[test]
fn what_could_not_go_out_anyway_keeps_its_own_reason() {
    let mut scene = scene(60);
    scene.policy.hold.rule = 1;
    let mut facts = facts("NONE");
    facts.customer.insert("email".into(), Value::Text("none".into()));
    let scene = scene.matches_with("everyone", "NONE", "NONE", &["email", "task"], facts);
    let told = scene.told();
    assert!(told.contains(&"everyone NONE email no_address".to_owned()));
    assert!(told.contains(&"everyone NONE task task".to_owned()), "a task reaches no customer");
    assert_eq!(scene.decide().held.len(), 60);
}

#[test]
fn an_approval_lets_out_what_was_shown_while_nothing_is_edited() {
    let mut held = scene(60);
    held.policy.hold.rule = 1;
    let held = held.versioned("everyone");
    let first = held.decide();
    let waiting = |approval: Option<&str>, bound: &str| {
        let wait = |held: &crate::domain::HeldBack| Waiting {
            held: true,
            bound: Some(bound.to_owned()),
            approval: approval.map(str::to_owned),
            ..Waiting::from(held.outreach.clone())
        };
        let mut next = held.later("1998-05-07T09:05:00Z");
        next.history.waiting = first.held.iter().map(wait).collect();
        next
    };
    let again = waiting(None, "bound").decide();
    assert!(again.held.len() == 60 && again.held.iter().all(|held| held.stands));
    assert!(waiting(None, "older").decide().held.iter().all(|held| !held.stands));

    let mut approved = waiting(Some("by Ana"), "bound");
    assert_eq!((approved.count("everyone", "contact"), approved.decide().held.len()), (60, 0));
    assert_eq!(approved.decide().approved.len(), 60);
    // One who came later was not shown, but is within the limit by itself.
    approved = approved.matches("everyone", "late-comer", "late-comer", &["email"]);
    assert_eq!(approved.count("everyone", "contact"), 61);
    approved.volume("everyone").day = 50;
    assert_eq!(
        (approved.count("everyone", "contact"), approved.count("everyone", "held")),
        (60, 1)
    );

    let void = waiting(Some("by Ana"), "older").decide();
    assert_eq!((void.held.len(), void.outreaches.len()), (60, 5));
    assert_eq!(void.voided, BTreeMap::from([("everyone".into(), 60)]));
    let mut sits_out = waiting(Some("by Ana"), "bound");
    sits_out.evaluation.rules.get_mut(&RuleId::from("everyone")).unwrap().quarantined = true;
    let out = sits_out.decide();
    assert_eq!((out.held.len(), out.withdrawals.len()), (0, 0), "what is held stays as it is");
}

proptest! {
    /// What is held is as absent to the others; and what goes out is within every limit.
    #[test]
    fn the_others_are_decided_as_if_it_were_absent(
        matches in prop::collection::vec((0usize..3, 0usize..9, 0usize..2, 0usize..4), 1..40),
        most in 1u64..6,
        everything in 3u64..12,
        day in 0u64..3,
    ) {
        let rules = ["a", "b", "c"];
        let channels: [&[&str]; 4] = [&["email"], &["sms"], &["contact"], &["email", "task"]];
        let mut scene = Scene::new([rule("a", 90), rule("b", 50), rule("c", 50)]);
        let mut seen = BTreeSet::new();
        for (number, customer, row, channel) in matches {
            let (id, subject) = (format!("c{customer}"), format!("c{customer}-{row}"));
            if !seen.insert((number, subject.clone())) {
                continue;
            }
            // Some of them share a mailbox.
            let mut facts = facts(&format!("c{}", customer.min(6)));
            facts.customer.insert("customer_id".into(), Value::Text(id.clone()));
            facts.customer.insert("phone".into(), Value::Text(format!("+49221555{customer}")));
            scene = scene.matches_with(rules[number], &id, &subject, channels[channel], facts);
        }
        scene.volume("a").day = day;
        let mut free = scene.clone();
        free.policy.hold = Hold { rule: 1000, everything: 1000, ..Hold::default() };
        scene.policy.hold = Hold { rule: most, everything, never: 0, ..Hold::default() };
        let decided = scene.decide();
        let held: BTreeSet<RuleId> = decided.held.iter().map(|h| h.outreach.rule.clone()).collect();
        let all = decided.decisions.iter().any(|d| matches!(
            d.refusal, Some(Refusal::Held { limit: HoldLimit::Everything, .. })));
        let contacts = decided.outreaches.iter().filter(|o| o.channel.is_contact());
        for rule in rules {
            let count = contacts.clone().filter(|o| o.rule.as_str() == rule).count() as u64;
            let earlier = if rule == "a" { day } else { 0 };
            prop_assert!(count == 0 || count + earlier <= most);
        }
        let total = contacts.count() as u64;
        prop_assert!(total == 0 || total + day <= everything);
        if !all {
            let is_held = |c: &Candidate| held.contains(&c.matched.rule)
                && !matches!(&c.asked.ask, Ask::Send(channel, _) if channel.0 == "task");
            free.evaluation.candidates.retain(|c| !is_held(c));
            let absent = free.decide();
            prop_assert_eq!(&decided.outreaches, &absent.outreaches);
            let others = |d: &Decided| -> Vec<_> {
                d.decisions.iter().filter(|d| !held.contains(&d.rule)).cloned().collect()
            };
            prop_assert_eq!(others(&decided), others(&absent));
        }
        prop_assert_eq!(decided.decisions.len(), scene.evaluation.candidates.len());
    }
}
