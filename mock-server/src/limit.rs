//! A rate limit of requests a second and a burst, as it is written: `{ rate = 10, burst = 20 }`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A vendor's own rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LimitForm")]
pub struct RateLimit {
    /// Requests a second.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub rate: f64,
    /// Requests at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: u32,
}

impl RateLimit {
    /// Checks that a limit lets something through.
    pub(crate) fn check(self) -> Result<(), String> {
        match self {
            Self { rate, .. } if !(rate.is_finite() && rate > 0.0) => {
                Err(format!("{rate} is not a rate; it must be above 0, in requests a second"))
            }
            Self { burst: 0, .. } => Err("the burst is 0; it must be at least 1".to_owned()),
            _ => Ok(()),
        }
    }
}
