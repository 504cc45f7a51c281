//! The words of the trade, as types: who is looked at, what is asked, what was decided.
//! Nothing here does input or output, and nothing here knows Rhai, SQL or mail.

mod batch;
mod candidate;
mod column;
mod customer;
mod decision;
mod field_type;
mod history;
mod ids;
mod outreach;
mod problem;
mod rule;
mod spelling;
mod time;
mod trail;
mod value;

pub use batch::{Batch, Broken, Layout};
pub use candidate::{Ask, Asked, Candidate, Channel, Match, Template};
pub use column::{Cells, Column, Texts, day_of_text, micros_of_text};
pub use customer::{Customer, Recipient, normalise_email, normalise_phone};
pub use decision::{
    Alarm, Approval, Consent, Decided, Decision, Earlier, EpisodeChange, HeldBack, HoldLimit,
    Outcome, Refusal, RuleTally, RunReport, SuppressionCause, Totals, Withdrawal,
};
pub use field_type::{Absence, Absent, FieldType, FieldTypes, Kind, Kinds, KnownFrom};
pub use history::{Charge, Episode, History, HistoryVersion, Suppression, Volume, Waiting};
pub use ids::{CustomerId, OutreachKey, RuleId, SignalName, SubjectId};
pub use outreach::{Outreach, OutreachState, OutreachSubject};
pub use problem::{Place, Problem, Severity};
pub use rule::{About, RuleSettings};
pub use spelling::{nearest, slips};
pub use time::{Instant, Span, SpanError, format_instant, parse_instant};
pub use trail::{CapLooked, Looked, Passage, Rival, Suppressed, Trail};
pub use value::{Facts, Field, Fields, Value};
