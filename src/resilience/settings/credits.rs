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
    /// Credits that one lead is taken to cost, an estimate; 6 when left out. Where callbacks say what it did cost, `max_per_lead` takes its place.
    pub per_lead: u64,
    // Reserved for each attempt, and settled by the callback of its row.
    /// The most credits that one lead can cost, for a service that gets callbacks; 12 when left out.
    #[schemars(range(min = 1))]
    pub max_per_lead: u64,
    /// Callbacks say what each attempt did cost. No file says so: whoever takes them does.
    #[serde(skip)]
    pub by_callback: bool,
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

impl CreditSettings {
    /// What has to be left for one more attempt.
    pub(crate) fn needed(&self) -> u64 {
        if self.by_callback { self.max_per_lead } else { self.per_lead }
    }

    /// What is reserved for an operation, however often it is tried: nothing where each attempt has its own.
    pub(crate) fn per_operation(&self) -> u64 {
        if self.by_callback { 0 } else { self.per_lead }
    }
}

impl Default for CreditSettings {
    fn default() -> Self {
        Self {
            daily_limit: 500,
            per_lead: 6,
            max_per_lead: 12,
            by_callback: false,
            failure_threshold: 5,
            cooldown: Duration::from_secs(15 * 60),
            utc_offset_minutes: 0,
        }
    }
}
