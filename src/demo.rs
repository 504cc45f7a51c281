//! The demo companies: Northwind, with what Northwind lacks, and a small one for a new pack.
//! Nothing here is read by the rest of the program as anything but a database.

mod company;
mod folder;
mod generated;
mod northwind;

pub use company::company_sqlite;
pub use folder::unpack;
pub use generated::{Dialect, generated_sql};
pub use northwind::{DemoError, northwind_sqlite};
