//! Settings of client-side throttling.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, without_defaults};

// The rule of Site Reliability Engineering, chapter "Handling Overload".
/// Client-side throttling: rejects with probability max(0, (requests - ratio * accepts) / (requests + 1)).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawThrottle", transform = without_defaults)]
pub struct ThrottleSettings {
    /// Requests made for one that the vendor accepts; 2 when left out. Smaller rejects sooner.
    #[schemars(range(min = 1, max = 1000))]
    pub ratio: f64,
    /// The span over which both are counted; 2m when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub window: Duration,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        Self { ratio: 2.0, window: Duration::from_secs(120) }
    }
}
