//! Faults on the load's clock, and faults by hand.
//!
//! A task of its own begins and ends faults, so that an outage ends on time even when nothing arrives. Before the load begins
//! no fault of the timetable is active; faults by hand need no load.

mod control;
mod schedule;
mod state;
mod target;

pub use control::AddError;
pub(crate) use control::Faults;
pub use state::{FaultChange, FaultPhase, FaultState};
pub(crate) use target::FaultTarget;

#[cfg(test)]
mod tests;
