//! The demo company: Northwind, and what Northwind lacks.
//! Nothing here is read by the rest of the program as anything but a database.

mod folder;
mod generated;
mod northwind;

pub use folder::unpack;
pub use generated::{Dialect, generated_sql};
pub use northwind::{DemoError, northwind_sqlite};
