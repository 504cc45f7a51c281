//! What is known at one point of a script: what its names stand for, and what was learned on the way
//! there of the values that can be named. Nothing is judged here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::known::{Is, Known};
use crate::domain::{About, Absence, Absent, Field, FieldTypes, SignalName};
use crate::rules::row::RowKind;

/// A value that stays the same wherever it stands again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Term {
    Field(Field),
    /// `episode.contacts` or `episode.days`.
    Episode(String),
    /// A variable, as it was last given a value.
    Local(u32),
    /// `days_since(…)`: which function, of what.
    Time(usize, Box<Term>),
    /// `.len()`
    Length(Box<Term>),
}

impl Term {
    /// The number of the variable that it is, or is counted from.
    fn variable(&self) -> Option<u32> {
        match self {
            Self::Local(number) => Some(*number),
            Self::Time(_, of) | Self::Length(of) => of.variable(),
            Self::Field(_) | Self::Episode(_) => None,
        }
    }
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Binding {
    Row(RowKind),
    Value(Term),
}

/// One point of a script.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    pub(super) names: Vec<(String, Binding)>,
    learned: BTreeMap<Term, Known>,
    /// What is there where a variable is true, and where it is false.
    there: BTreeMap<Term, Arc<[BTreeSet<Term>; 2]>>,
}

/// What the fields hold, for the rule at hand.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) types: &'a FieldTypes,
    pub(super) about: &'a About,
    /// What the script calls the keyed row.
    pub(super) subject: &'a str,
}

impl Fields<'_> {
    /// A field as people write it.
    pub(super) fn name(&self, field: &Field) -> String {
        match field {
            Field::Customer(column) => format!("customer.{column}"),
            Field::Signal(signal, column) => format!("customer.{signal}.{column}"),
            Field::Subject(column) => format!("{}.{column}", self.subject),
        }
    }

    /// What is known of a term wherever it stands.
    pub(super) fn everywhere(&self, term: &Term) -> Known {
        match term {
            Term::Field(field) => {
                Known::field(self.types.field(self.about, field), &self.name(field))
            }
            Term::Episode(_) | Term::Length(_) => Known::between(0.0, f64::INFINITY),
            Term::Local(_) => Known::any(),
            Term::Time(_, of) => {
                let of = self.everywhere(of);
                time(&of)
            }
        }
    }
}

/// What a count of time since or until a value is: absent where the value is.
fn time(of: &Known) -> Known {
    Known { absent: of.absent.clone(), ..Known::of(of.is.and(Is::ABSENT).or(Is::INT)) }
}

impl Scene {
    pub(super) fn of(names: Vec<(String, Binding)>) -> Self {
        Self { names, ..Self::default() }
    }

    /// What a name stands for.
    pub(super) fn binding(&self, name: &str) -> Option<&Binding> {
        self.names.iter().rev().find(|(known, _)| known == name).map(|(_, binding)| binding)
    }

    /// What is known of a term here.
    pub(super) fn known(&self, term: &Term, fields: &Fields<'_>) -> Known {
        let mut known = self.known_of(term, fields);
        if let Some(reason) = &known.absent
            && let Some((signal, _)) = &reason.no_row
            && self.has_row(signal, fields)
        {
            known.absent = reason.within_row();
        }
        known
    }

    /// Whether it is certain here that the customer has a row in a signal: a field is there that no
    /// default stands in for.
    fn has_row(&self, signal: &SignalName, fields: &Fields<'_>) -> bool {
        let shows_it = |field: &Field| {
            let of = fields.types.field(fields.about, field);
            of.is_some_and(|of| matches!(of.absence, Absence::Possible(Absent::NoRow(..))))
        };
        self.learned.iter().any(|(term, known)| match term {
            Term::Field(field @ Field::Signal(of, _)) => {
                of == signal && !known.is.has(Is::ABSENT) && shows_it(field)
            }
            _ => false,
        })
    }

    fn known_of(&self, term: &Term, fields: &Fields<'_>) -> Known {
        match (self.learned.get(term), term) {
            (Some(learned), Term::Time(_, of)) if !self.known(of, fields).is.has(Is::ABSENT) => {
                learned.without(Is::ABSENT)
            }
            (Some(learned), _) => learned.clone(),
            (None, Term::Time(_, of)) => time(&self.known(of, fields)),
            (None, term) => fields.everywhere(term),
        }
    }

    /// Notes what was learned of a term. Where a count of time is there, so is what it counts from.
    pub(super) fn learn(&mut self, term: &Term, known: Known, fields: &Fields<'_>) {
        if let Term::Time(_, of) = term
            && !known.is.has(Is::ABSENT)
        {
            let date = self.known(of, fields).without(Is::ABSENT);
            self.learn(of, date, fields);
        }
        self.learned.insert(term.clone(), known);
    }

    /// Notes of a variable that is true or false what is there where it is the one or the other.
    pub(super) fn remember(&mut self, variable: &Term, yes: Option<&Self>, no: Option<&Self>) {
        let found = |scene: Option<&Self>| -> BTreeSet<Term> {
            let of = scene.into_iter().flat_map(Self::terms_there);
            of.filter(|term| !self.terms_there().any(|known| known == *term)).cloned().collect()
        };
        let found = [found(yes), found(no)];
        if found.iter().any(|terms| !terms.is_empty()) {
            self.there.insert(variable.clone(), Arc::new(found));
        }
    }

    fn terms_there(&self) -> impl Iterator<Item = &Term> {
        self.learned.iter().filter(|(_, known)| !known.is.has(Is::ABSENT)).map(|(term, _)| term)
    }

    /// The same point, where a variable turned out to be true, or false.
    pub(super) fn recall(&mut self, variable: &Term, value: bool, fields: &Fields<'_>) {
        if let Some(there) = self.there.get(variable).cloned() {
            there[usize::from(!value)].iter().for_each(|term| self.find(term, fields));
        }
    }

    /// Notes that something is there.
    pub(super) fn find(&mut self, term: &Term, fields: &Fields<'_>) {
        let known = self.known(term, fields).without(Is::ABSENT);
        self.learn(term, known, fields);
    }

    /// The same point, with only the facts that are no variables: for what is called later.
    pub(super) fn facts(&self) -> Self {
        fn is_fact(term: &Term) -> bool {
            match term {
                Term::Field(_) => true,
                Term::Time(_, of) | Term::Length(of) => is_fact(of),
                Term::Local(_) | Term::Episode(_) => false,
            }
        }
        let learned = self.learned.iter().filter(|(term, _)| is_fact(term));
        let learned = learned.map(|(term, known)| (term.clone(), known.clone())).collect();
        Self { learned, ..Self::default() }
    }

    /// Drops what was learned of variables that were given a value after `before` and that nothing
    /// stands for any more, but for `result`.
    pub(super) fn forget(&mut self, before: u32, result: Option<&Term>) {
        let bound: BTreeSet<u32> = (self.names.iter())
            .filter_map(|(_, binding)| match binding {
                Binding::Value(term) => term.variable(),
                Binding::Row(_) => None,
            })
            .chain(result.and_then(Term::variable))
            .collect();
        let is_kept = |term: &Term| {
            term.variable().is_none_or(|number| number <= before || bound.contains(&number))
        };
        self.learned.retain(|term, _| is_kept(term));
        self.there.retain(|term, _| is_kept(term));
    }

    /// What is known where two ways meet again.
    pub(super) fn or(&self, other: &Self, fields: &Fields<'_>, fresh: &mut u32) -> Self {
        let mut learned = BTreeMap::new();
        for term in self.learned.keys().chain(other.learned.keys()) {
            if !learned.contains_key(term) {
                let known = self.known(term, fields).or(&other.known(term, fields));
                learned.insert(term.clone(), known);
            }
        }
        let mut names = Vec::new();
        for ((name, a), (_, b)) in self.names.iter().zip(&other.names) {
            let binding = match (a, b) {
                (Binding::Value(a), Binding::Value(b)) if a != b => {
                    *fresh += 1;
                    let known = self.known(a, fields).or(&other.known(b, fields));
                    learned.insert(Term::Local(*fresh), known);
                    Binding::Value(Term::Local(*fresh))
                }
                (same, _) => same.clone(),
            };
            names.push((name.clone(), binding));
        }
        let mut there = self.there.clone();
        there.extend(other.there.iter().map(|(term, found)| (term.clone(), found.clone())));
        Self { names, learned, there }
    }
}
