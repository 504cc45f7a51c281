//! Lookout finds customers in trouble in a company's own database, judges what it finds by rules
//! written in Rhai, and reaches out before the customer has to ask.
//!
//! Data flows one way: `signals → rules → policy → store → deliver`. The modules below stand in
//! that order, from the command line down to the clock; each may import only those beneath it.
//! `ARCHITECTURE.md` holds the invariants.

pub mod cli;
pub mod demo;
pub mod app;
pub mod rehearsal;
pub mod worker;
pub mod listen;
pub mod reports;
pub mod pipeline;
pub mod pack;
pub mod revision;
pub mod scheduler;
pub mod signals;
pub mod rules;
pub mod predicate;
pub mod policy;
pub mod templates;
pub mod store;
pub mod opt_out;
pub mod deliver;
pub mod config;
pub mod document;
pub mod domain;
pub mod clock;
pub mod fault;
