//! Faults as a run's result holds them: when they were in force, and what they did.

use serde::{Deserialize, Serialize};

use crate::outcome::{Peer, Vendor};

/// A fault, as planned and as executed, in microseconds since the load began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Its name in the scenario.
    pub name: String,
    /// Whom it hit: `clay`, `customer_io`, or both.
    pub vendors: Vec<Vendor>,
    /// The routes that it hit, by name; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// What it did: "429 beyond 5 requests/s".
    pub what: String,
    /// Start in the timetable.
    pub planned_start_us: u64,
    /// End in the timetable.
    pub planned_end_us: u64,
    /// When the simulator began it; `None` if it never did.
    pub started_us: Option<u64>,
    /// When the simulator ended it.
    pub ended_us: Option<u64>,
}

impl FaultRecord {
    /// Whether it can hit requests of this route that `peer` answers: any, where that is a service that calls the vendors.
    pub(super) fn hits(&self, peer: Peer, route: &str) -> bool {
        let is_route = self.routes.is_empty() || self.routes.iter().any(|hit| hit == route);
        peer == Peer::Service || is_route && self.vendors.iter().any(|vendor| peer == *vendor)
    }
}

/// What the vendors' ledger attributes to a fault: requests that it did something to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultedRequests {
    /// Its name in the scenario.
    pub fault: String,
    /// Whom they were sent to.
    pub vendor: Vendor,
    /// How many.
    pub requests: u64,
    /// Those that got no whole answer, or a status from 400.
    pub failed: u64,
}
