//! Configuration files: TOML with the position of each value, all mistakes in one report, and a JSON Schema from the same types.
//!
//! ```text
//! text ─► document (TOML with key paths) ─► structure (against the schema) ─► raw types ─► checker (meaning) ─► settings
//! ```
//!
//! Each step reports what is wrong and hands on what is right. The rooms that own the settings hold their raw types and checks.

mod checker;
mod diagnostics;
mod document;
mod file_kind;
mod read;
mod schema;
mod secret;
mod structure;
mod values;

pub(crate) use checker::Checker;
pub use diagnostics::{ConfigErrors, Diagnostics, Problem, Severity};
pub(crate) use document::KeyPath;
pub(crate) use file_kind::{SCENARIO, SERVICE};
pub(crate) use read::{read_as, text_of};
pub use schema::schema_of;
pub(crate) use schema::{table_schema, vendors_schema, without_defaults};
pub use secret::Secret;
pub(crate) use values::{EnvVar, Percentiles, Period, Switch, VendorSecret, period, some_period};
