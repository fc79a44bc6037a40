//! Settings of the credit budget.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, without_defaults};

/// A budget of vendor credits a day, and a breaker on failures that cost them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawCredits", transform = without_defaults)]
pub struct CreditSettings {
    /// Most credits a day; 500 when left out.
    pub daily_limit: u64,
    // Reserved before sending, settled after.
    /// Credits that one lead costs; 6 when left out.
    pub per_lead: u64,
    /// Failures in a row that open its breaker; 5 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub failure_threshold: u32,
    /// How long it stays open; 15m when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub cooldown: Duration,
    // The day rolls over at midnight there.
    /// Where a day starts, in minutes from UTC; 0 when left out.
    #[schemars(range(min = -1440, max = 1440))]
    pub utc_offset_minutes: i32,
}

impl Default for CreditSettings {
    fn default() -> Self {
        Self {
            daily_limit: 500,
            per_lead: 6,
            failure_threshold: 5,
            cooldown: Duration::from_secs(15 * 60),
            utc_offset_minutes: 0,
        }
    }
}
