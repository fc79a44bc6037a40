//! What can be broken, where and when.
//!
//! A [`Fault`] is data: it comes from a scenario or the admin API, travels to the simulator's process and appears in a report.
//! What a kind does is one file, and one entry in `table.rs`; `README.md` beside this file says how to add one.

mod active;
mod auth;
mod bandwidth;
mod body;
mod credits;
mod definition;
mod describe;
pub(crate) mod effect;
mod error;
mod facts;
pub mod form;
mod hang;
mod keys;
mod kind;
mod latency;
mod lost_answer;
mod malformed;
mod outage;
mod problem;
mod ramp;
mod rate_limit;
mod reset;
mod share;
mod slow_body;
mod table;
mod truncate;
mod validate;
mod webhook;
mod words;

// What the file of a kind is made of.
use effect::{Begun, Effect, Moment, Verdict};
use facts::Facts;
use keys::FaultForm;
use ramp::Ramp;
use words::{HowName, WhenName};

pub(crate) use active::{ActiveFault, ActiveFaults, CallbackFaults};
pub use definition::Fault;
pub use effect::WebhookFault;
pub use kind::FaultKind;
pub use lost_answer::LostAnswer;
pub use malformed::Malformed;
pub use outage::Outage;
pub use problem::{FaultProblem, Wrong};
pub use reset::ResetPoint;
pub use validate::validate_timetable;

pub use crate::retry_after::RetryAfterStyle;
pub use crate::simulated::SimulatedVendor;

#[cfg(test)]
pub(crate) mod tests;
