//! What enrichment may cost: plans and their credits.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Period;

/// The credits of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreditSettings {
    /// The plan.
    pub plan: Plan,
    /// From one renewal to the next. Clay renews on the day of the month of the subscription; 30 days were chosen, because
    /// the simulation begins on no particular day.
    #[serde(with = "crate::duration::text")]
    #[schemars(with = "Period")]
    pub month: Duration,
    /// What a webhook source does without credits. Not publicly documented.
    pub when_exhausted: WhenExhausted,
}

/// A plan, by its data credits a month (as published in August 2026). Unused ones stay, up to twice a month's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// As many as are needed.
    Unlimited,
    /// 100 a month.
    Free,
    /// 3,000 a month.
    Launch,
    /// 6,000 a month.
    Growth,
    /// As many a month as you say.
    Credits(u32),
}

/// What a webhook source does with a submission while no provider can be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenExhausted {
    /// It takes the row, which is not enriched. Importing is free on every plan, so the row has no reason to be refused.
    TakeRows,
    /// It answers 402.
    Refuse,
}

impl Plan {
    /// Data credits a month; `None` for as many as are needed.
    pub fn monthly(self) -> Option<u32> {
        match self {
            Self::Unlimited => None,
            Self::Free => Some(100),
            Self::Launch => Some(3_000),
            Self::Growth => Some(6_000),
            Self::Credits(credits) => Some(credits),
        }
    }
}

impl CreditSettings {
    /// What is wrong with the length of a month.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.month.is_zero() { Err("is 0; a month must have some length".to_owned()) } else { Ok(()) }
    }
}

impl Default for CreditSettings {
    fn default() -> Self {
        let month = Duration::from_secs(30 * 24 * 3600);
        Self { plan: Plan::Unlimited, month, when_exhausted: WhenExhausted::TakeRows }
    }
}
