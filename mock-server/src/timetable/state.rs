//! How a fault stands at a moment, for lists, and that it began or ended, for subscribers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::fault::form::FaultForm;

/// Where a fault is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultPhase {
    /// It will begin.
    Scheduled,
    /// It is in force.
    Active,
    /// It has ended, or its time has passed before it could begin.
    Over,
}

/// A fault and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FaultState {
    /// The fault, as it can be added again.
    #[schemars(with = "FaultForm")]
    pub fault: Fault,
    /// Where it is in its life.
    #[serde(rename = "state")]
    pub phase: FaultPhase,
    /// It was added by hand, and is not of the timetable.
    pub by_hand: bool,
    /// Microseconds until it begins; null unless it is scheduled, and while the timetable's clock has not started.
    pub begins_in_us: Option<u64>,
    /// Microseconds until it ends; null where it is over, where that is not known yet, and where it lasts until it is removed.
    pub ends_in_us: Option<u64>,
    /// Requests and callbacks that it has hit so far, or the connections that it has dropped.
    pub hits: u64,
}

/// A fault began or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultChange {
    /// Its name.
    pub name: String,
    /// Began or ended.
    pub active: bool,
    /// Microseconds on the timetable's clock: when it began to come into force, or when nothing of it was left. 0 before the clock
    /// has started.
    pub at_us: u64,
}
