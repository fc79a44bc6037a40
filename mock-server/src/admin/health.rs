//! `/health` and `/ca.pem`.

use schemars::JsonSchema;
use serde::Serialize;

use super::operation::Call;
use super::reply::{Json, Pem};
use crate::duration::micros;
use crate::refusal::Refusal;

/// How the simulator is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Health {
    /// Whether everything works.
    status: Status,
    /// What does not, in words; serving goes on in any case.
    problems: Vec<String>,
    /// Whether the admin API has a token, which all of it but this and the page asks for.
    needs_token: bool,
    /// The simulator's version.
    version: &'static str,
    /// Microseconds since its start.
    since_start_us: u64,
}

/// Whether everything works.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// It does.
    Ok,
    /// It serves, and something beside it does not work.
    Degraded,
}

pub(super) async fn health(call: Call) -> Result<Json<Health>, Refusal> {
    let simulation = &call.context.simulation;
    let problems: Vec<String> = simulation.problems();
    Ok(Json(Health {
        status: if problems.is_empty() { Status::Ok } else { Status::Degraded },
        problems,
        needs_token: call.context.guard.needs_token(),
        version: env!("CARGO_PKG_VERSION"),
        since_start_us: micros(simulation.ledger.start.elapsed()),
    }))
}

pub(super) async fn ca(call: Call) -> Result<Pem, Refusal> {
    Ok(Pem(call.context.simulation.ca_pem.clone()))
}
