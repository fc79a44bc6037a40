//! Bounds of what a service takes in.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, without_defaults};

/// Bounds of what is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawLimits", transform = without_defaults)]
pub struct Limits {
    /// Most bytes of a request's body; 1,048,576 when left out.
    #[schemars(with = "u32", range(min = 1024, max = 1_073_741_824))]
    pub body_bytes: usize,
    /// Most leads in one batch; 1,000 when left out.
    #[schemars(with = "u32", range(min = 1, max = 100_000))]
    pub batch_leads: usize,
    /// Most connections at one time; further ones wait. 1,024 when left out.
    #[schemars(with = "u32", range(min = 1, max = 65_535))]
    pub connections: usize,
    /// How long a request's head may take to come, and a connection be idle; 30s when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub header_timeout: Duration,
    /// How long a request's body may take to come, and an answer may wait until anything of it is taken; 30s when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            batch_leads: 1_000,
            connections: 1_024,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
        }
    }
}
