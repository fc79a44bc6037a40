//! Settings of the memory of keys.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, without_defaults};

/// Which operations count as done already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawIdempotency", transform = without_defaults)]
pub struct IdempotencySettings {
    // The least recently used goes first.
    /// Most keys remembered; 100,000 when left out.
    #[schemars(with = "u32", range(min = 1, max = 100_000_000))]
    pub capacity: usize,
    /// How long a key is remembered, at least as long as its operation may be tried; 1h when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub ttl: Duration,
}

impl Default for IdempotencySettings {
    fn default() -> Self {
        Self { capacity: 100_000, ttl: Duration::from_secs(3_600) }
    }
}
