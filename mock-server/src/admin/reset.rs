//! `/reset`: forget, so that one test does not see another's.

use schemars::JsonSchema;
use serde::Deserialize;

use super::operation::{Call, Nothing, Optional};
use super::reply::Done;
use crate::refusal::Refusal;
use crate::running::ResetPart;

/// What to forget.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    /// The parts; everything where it is left out.
    parts: Option<Vec<ResetPart>>,
}

pub(super) async fn reset(call: Call<Nothing, Optional<Parts>>) -> Result<Done, Refusal> {
    let parts = call.body.0.parts.unwrap_or_else(|| ResetPart::ALL.to_vec());
    call.context.simulation.reset(&parts).await;
    Ok(Done)
}
