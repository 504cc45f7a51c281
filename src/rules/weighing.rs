//! A condition taken apart on one subject: what each part of it gave, what it read, and when it
//! turns by time alone. Every verdict is the engine's own, part by part; nothing here has a meaning
//! of its own, and what can't be taken apart is said.

mod reads;
mod turning;
mod walk;

use rhai::Dynamic;

use super::row::{Names, from_dynamic};
use super::row_error::describe;
use super::script::Functions;
use super::{Condition, Engine, RowError, Rule};
use crate::domain::{Facts, Instant, Value};
use crate::predicate::{Comparison, TimeFunction};
use walk::Weigher;

/// How many turns of its parts are looked at for the turn of a whole condition.
const STEPS: usize = 16;

/// One condition, or a part of one, on one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// As it is written, on one line.
    pub text: String,
    /// The script's line that it begins on, from 1; none where it is unknown.
    pub line: Option<u32>,
    /// What the engine made of it.
    pub weight: Weight,
    /// How its parts make it up.
    pub joint: Joint,
    /// What it is made of; empty for what stands alone.
    pub parts: Vec<Weighed>,
    /// What it read, each name once; the parts say their own.
    pub reads: Vec<Read>,
    /// What was held against what, where it is one comparison.
    pub compared: Option<Compared>,
    /// When time alone turns it, as far as that is certain.
    pub turns: Option<Turn>,
    /// Whether it is known when time turns it; without `turns`, never. Said of what stands alone.
    pub followed: bool,
    /// Whether it decided what it is a part of. The whole condition always did.
    pub decides: bool,
    /// What could not be taken apart, in words.
    pub hole: Option<String>,
}

/// What a condition came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Weight {
    /// True or false.
    Holds(bool),
    /// Something else: `Null` is an absent value.
    Gave(Value),
    /// A list or a map, in words.
    Other(String),
    /// It raised.
    Raised(RowError),
    /// What stands before it had decided already.
    NotReached,
}

/// How parts make up a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// It has no parts.
    Alone,
    /// `a && b`
    All,
    /// `a || b`
    Any,
    /// `!a`
    Not,
    /// What was asked, and the branch that was taken: `if a { b }`.
    If,
    /// A variable and what it was set to, or a function of the rule and its body.
    Named,
}

/// Something that a condition read.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// As it is written.
    pub name: String,
    /// What it gave.
    pub value: Value,
    /// What it is.
    pub kind: ReadKind,
}

/// What a condition reads.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadKind {
    /// A fact.
    Field,
    /// A constant of the rule's author.
    Constant,
    /// A variable of the script.
    Variable,
    /// Time counted from this value to the run's instant, or back.
    Time(TimeFunction, Value),
}

/// A comparison, the known side first.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// What it is.
    pub is: Value,
    /// How it is compared.
    pub how: Comparison,
    /// What it is compared with.
    pub with: Value,
}

/// When a condition turns by time alone: every fact stays what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// From this instant on.
    pub at: Instant,
    /// What it is then.
    pub to: bool,
}

impl Weighed {
    /// Whether it is true, where it is true or false.
    pub fn holds(&self) -> Option<bool> {
        match self.weight {
            Weight::Holds(holds) => Some(holds),
            _ => None,
        }
    }

    /// When the first of its parts that were reached turns; none where that is not certain.
    fn next_turn(&self) -> Option<Instant> {
        let (mut certain, mut next) = (true, None::<Instant>);
        self.visit(&mut |part| {
            let reached = part.parts.is_empty() && part.weight != Weight::NotReached;
            certain &= !reached || (part.followed && part.hole.is_none());
            if let Some(turn) = part.turns.filter(|_| reached) {
                next = Some(next.map_or(turn.at, |next| next.min(turn.at)));
            }
        });
        next.filter(|_| certain)
    }

    /// It and every part of it, from outside and from left to right.
    pub fn visit<'w>(&'w self, look: &mut dyn FnMut(&'w Weighed)) {
        look(self);
        self.parts.iter().for_each(|part| part.visit(look));
    }
}

impl Weight {
    fn of(result: &Result<Dynamic, RowError>) -> Self {
        match result {
            Err(error) => Self::Raised(error.clone()),
            Ok(value) => match from_dynamic(value) {
                Some(Value::Bool(holds)) => Self::Holds(holds),
                Some(value) => Self::Gave(value),
                None => Self::Other(describe(value)),
            },
        }
    }
}

impl Engine {
    /// A rule's `when` taken apart on one subject.
    pub fn weigh(&self, rule: &Rule, facts: &Facts, as_of: Instant) -> Weighed {
        let compiled = &rule.compiled;
        let weigher = Weigher {
            engine: self,
            names: &compiled.names,
            library: Some(&compiled.library),
            functions: &rule.written.functions,
            source: &rule.written.source,
            facts,
            as_of,
            begins: compiled.when_at,
        };
        weigher.whole(&compiled.when)
    }

    /// When time alone turns a rule's `when`, if every fact stays what it is; none where it never
    /// does, or nobody can be certain. `weighed` is the rule on these facts at the instant from which on
    /// it is looked for.
    pub fn turn(&self, rule: &Rule, facts: &Facts, weighed: &Weighed) -> Option<Turn> {
        let holds = weighed.holds()?;
        let mut weighed = weighed.clone();
        // Until one of the parts that were reached turns, the whole can't.
        for _ in 0..STEPS {
            let at = weighed.next_turn()?;
            weighed = self.weigh(rule, facts, at);
            match weighed.holds() {
                Some(to) if to != holds => return Some(Turn { at, to }),
                Some(_) => {}
                None => return None,
            }
        }
        None
    }

    /// A topic's `mute_when` taken apart on one customer.
    pub fn weigh_condition(&self, condition: &Condition, facts: &Facts, as_of: Instant) -> Weighed {
        let (body, names): (_, &std::sync::Arc<Names>) = condition.parts();
        let weigher = Weigher {
            engine: self,
            names,
            library: None,
            functions: &Functions::new(),
            source: &condition.written.source,
            facts,
            as_of,
            begins: rhai::Position::NONE,
        };
        weigher.whole(body)
    }
}
