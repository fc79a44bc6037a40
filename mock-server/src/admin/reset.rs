//! `/reset`: forget, so that one test does not see another's.

use schemars::JsonSchema;
use serde::Deserialize;

use super::operation::{Call, Nothing, Optional};
use super::refusal::Refusal;
use super::reply::Done;
use crate::running::Reset;

/// What to forget.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    /// The parts; everything where it is left out.
    parts: Option<Vec<Part>>,
}

/// A part of what a reset forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    /// Faults that were added by hand; the timetable's own are left as they are.
    Faults,
    /// What requests have changed at the vendors: customers, rows, credits, limits.
    State,
    /// The ledger's entries; their numbers go on.
    Ledger,
    /// The counters of answers.
    Counts,
}

pub(super) async fn reset(call: Call<Nothing, Optional<Parts>>) -> Result<Done, Refusal> {
    let what = match call.body.0.parts {
        None => Reset::default(),
        Some(parts) => {
            let has = |part| parts.contains(&part);
            Reset { faults: has(Part::Faults), state: has(Part::State), ledger: has(Part::Ledger), counts: has(Part::Counts) }
        }
    };
    call.admin.simulation.reset(what).await;
    Ok(Done)
}
