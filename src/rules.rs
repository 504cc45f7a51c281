//! Rules: loaded, checked and evaluated. The only place that knows Rhai.
//! Nothing here reads a clock, a database or a policy: a rule sees the facts and the `as_of` it is given.

pub mod cases;
pub mod check;
pub mod coverage;
mod dates;
pub mod definitions;
mod engine;
mod load;
mod lower;
mod panel;
mod reading;
mod row;
mod row_error;
mod sandbox;
mod script;
mod settings;
mod source;
mod syntax;
mod verbs;
mod weighing;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::{Ask, Field, Place, RuleSettings, Value};
use crate::predicate::Expr;

pub use engine::{Condition, Engine};
pub use load::CheckAbout;
pub use panel::Panel;
pub use row_error::RowError;
pub use sandbox::TEXT_BYTES;
pub use weighing::{Compared, Joint, Read, ReadKind, Turn, Weighed, Weight};

/// A rule of the pack, checked and ready to be evaluated by the [`Engine`] that loaded it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its metadata.
    pub settings: RuleSettings,
    /// Where each metadata constant that it declares stands, by the constant's name.
    pub setting_places: BTreeMap<&'static str, Place>,
    /// Its script.
    pub file: PathBuf,
    /// Its folder.
    pub folder: PathBuf,
    /// The author's own constants.
    pub constants: BTreeMap<String, Value>,
    /// What the script calls the row of the keyed signal; none for a rule about customers.
    pub subject_name: Option<String>,
    /// Every field that `when`, `then`, `resolved` and the functions they call read.
    pub reads: BTreeSet<Field>,
    /// Where each of those is first read.
    pub places: BTreeMap<Field, Place>,
    /// The typed form of `when`.
    pub condition: Expr,
    /// What `then` and `resolved` may ask for, as far as it is written out, in the script's order.
    pub asks: Vec<StaticAsk>,
    /// Where each of the author's own constants stands.
    pub constant_places: BTreeMap<String, Place>,
    /// Whether `asks` is everything that they may ask for: no channel and no template is worked out.
    pub asks_are_written: bool,
    /// Where `when` is named.
    pub when_place: Place,
    compiled: script::Compiled,
    written: Arc<check::Written>,
}

impl Rule {
    /// Whether it has a last word to those who were told: `resolved`.
    pub fn has_last_word(&self) -> bool {
        self.compiled.resolved.is_some()
    }

    /// Every field that `when` and the functions it calls read.
    pub fn when_reads(&self) -> impl Iterator<Item = &Field> {
        let slots = &self.compiled.names.slots[..self.compiled.when_slots];
        slots.iter().filter_map(row::Slot::field)
    }
}

/// A verb in `then` or `resolved` whose channel and template are written out.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticAsk {
    /// What it asks for.
    pub ask: Ask,
    /// The names in the map of extra values that its template sees.
    pub values: BTreeSet<String>,
    /// Whether that map is written out; one that is worked out may hold more.
    pub values_are_written: bool,
    /// Whether `then` asks for it whatever it reads: nothing decides, and nothing ends it before.
    pub certain: bool,
    /// Where it stands.
    pub place: Place,
}

/// What became of the rows of one batch. A row is in neither list where `when` is false.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// The rows that match, in order.
    pub matched: Vec<usize>,
    /// The rows on which `when` raised, in order.
    pub errors: Vec<(usize, RowError)>,
}

/// What `then` may know of the episode that it speaks in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpisodeSoFar {
    /// How often the episode has contacted the customer.
    pub contacts: u32,
    /// Whole days since its first run.
    pub days: i64,
}
