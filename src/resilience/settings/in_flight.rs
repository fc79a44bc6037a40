//! Settings of the bound on attempts in flight.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, without_defaults};

/// A bound on the attempts in flight at once, as a client's pool of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawInFlight", transform = without_defaults)]
pub struct InFlightSettings {
    /// Most attempts in flight; 20 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max: u32,
    /// Longest wait for a place; 1s when left out. A call that would wait longer goes to the fallback.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub max_wait: Duration,
}

impl Default for InFlightSettings {
    fn default() -> Self {
        Self { max: 20, max_wait: Duration::from_secs(1) }
    }
}
