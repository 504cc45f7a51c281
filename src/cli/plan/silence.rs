//! Why a version of the pack asks for nothing, in words for before and for now.

use std::collections::HashSet;

use crate::domain::{CustomerId, RuleId, SubjectId};
use crate::pipeline::difference::{Change, Side};

/// A version of the pack, and what its rules are true of.
pub(super) struct Voice<'a> {
    side: Side<'a>,
    matched: HashSet<(&'a RuleId, &'a CustomerId, &'a SubjectId)>,
}

impl<'a> Voice<'a> {
    pub(super) fn of(side: Side<'a>) -> Self {
        let rules = side.considered.rules.iter();
        let matched = rules.flat_map(|(rule, fared)| {
            fared.matches.iter().map(move |m| (rule, &m.customer, &m.subject))
        });
        Self { side, matched: matched.collect() }
    }
}

/// Why a version of the pack asks for nothing.
#[derive(Clone, Copy)]
pub(super) enum Silence {
    NoRule,
    NotDue,
    SitsOut,
    Fails,
    NotAsked,
    NotTrue,
}

impl Silence {
    /// Why a version does not ask for what a change is about.
    pub(super) fn of(change: &Change, voice: &Voice<'_>) -> Self {
        let side = voice.side;
        let pair = (change.customer.clone(), change.subject.clone());
        let is_true = voice.matched.contains(&(&change.rule, &pair.0, &pair.1));
        match side.considered.rules.get(&change.rule) {
            None if side.pack.rules.contains_key(&change.rule) => Self::NotDue,
            None => Self::NoRule,
            Some(fared) if fared.quarantine.is_some() => Self::SitsOut,
            Some(fared) if fared.failing.contains(&pair) => Self::Fails,
            Some(_) if is_true => Self::NotAsked,
            Some(_) => Self::NotTrue,
        }
    }

    /// Why there is nothing now.
    pub(super) fn now(self) -> &'static str {
        match self {
            Self::NoRule => "the rule is gone",
            Self::NotDue => "the rule is not due",
            Self::SitsOut => "the rule sits out",
            Self::Fails => "the rule fails on it",
            Self::NotAsked => "the rule does not ask for it",
            Self::NotTrue => "the rule is not true of it",
        }
    }

    /// Why there was nothing before.
    pub(super) fn before(self) -> &'static str {
        match self {
            Self::NoRule => "there was no such rule",
            Self::NotDue => "the rule was not due",
            Self::SitsOut => "the rule sat out",
            Self::Fails => "the rule failed on it",
            Self::NotAsked => "the rule did not ask for it",
            Self::NotTrue => "the rule was not true of it",
        }
    }

    /// What is new where there was nothing before.
    pub(super) fn over(self) -> &'static str {
        match self {
            Self::NoRule => "a new rule",
            Self::NotDue => "the rule is due now",
            Self::SitsOut => "the rule sat out before",
            Self::Fails => "the rule failed on it before",
            Self::NotAsked => "the rule asks for it now",
            Self::NotTrue => "the rule is true of it now",
        }
    }
}
