//! A test plan: read, checked whole, and turned into what the rest of the program works with.
//!
//! ```text
//! text ─► document (TOML with places) ─► structure (against the schema) ─► raw types ─► check (meaning) ─► model
//! ```
//!
//! Each step reports what is wrong and hands on what is right, so that one check reports every mistake in a file.

mod check;
mod expectations;
mod leads;
mod model;
mod raw;
mod read;
mod scale;
mod schema;
mod template;
#[cfg(test)]
mod tests;

pub use expectations::{BreakerExpectations, Expectations};
pub use model::{
    Capacity, HttpJourney, Journey, Labels, LeadData, LeadUse, SERVICE_LEADS, Scenario, ServiceAt, ServiceTarget, Slo, Target,
    TestPlan, ThinkTime, WeightedJourney,
};
pub use schema::json_schema;
pub use template::{NameError, new_scenario};
