//! Policy: who may be contacted, how often, when, about what. The one pure decision lives here.
//! Nothing here reads a database, a clock or a rule's script.

mod calendar;

pub use calendar::{Calendar, QuietHours, WorkingHours};
