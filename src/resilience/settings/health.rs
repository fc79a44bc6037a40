//! Settings of the health grading.

use std::time::Duration;

use mock_server::percentage::percent_schema;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, without_defaults};

/// How the share of successes is graded.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawHealth", transform = without_defaults)]
pub struct HealthSettings {
    /// The sliding window; 5m when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub window: Duration,
    /// Above this percentage: healthy; "95%" when left out.
    #[schemars(schema_with = "percent_schema")]
    pub healthy_above: f64,
    /// Above this percentage: degraded, else unhealthy; "80%" when left out.
    #[schemars(schema_with = "percent_schema")]
    pub degraded_above: f64,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self { window: Duration::from_secs(300), healthy_above: 95.0, degraded_above: 80.0 }
    }
}
