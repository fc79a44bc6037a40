//! `/faults`: what is broken, and breaking it by hand.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::operation::{Call, Nothing, Required};
use super::reply::{Created, Done, Json};
use super::unknown::not_found;
use crate::fault::FaultProblem;
use crate::fault::form::{FaultForm, HowName, KindName};
use crate::refusal::{Problem, Refusal};
use crate::running::Simulation;
use crate::timetable::{AddError, FaultPhase, FaultState};

/// A fault and how it stands.
#[derive(Serialize, JsonSchema)]
pub(super) struct FaultView {
    #[serde(flatten)]
    state: FaultState,
    /// What it does, in words.
    description: String,
}

/// A kind of fault, and what can be said of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct KindView {
    /// Its name.
    kind: KindName,
    /// The fields that it takes beside those that every fault takes.
    keys: &'static [&'static str],
    /// Those of them that it needs.
    required: Vec<&'static str>,
    /// What `how` can be.
    ways: &'static [HowName],
}

pub(super) async fn list(call: Call) -> Result<Json<Vec<FaultView>>, Refusal> {
    Ok(Json(call.context.simulation.faults.list().into_iter().map(FaultView::from).collect()))
}

pub(super) async fn kinds(_: Call) -> Result<Json<Vec<KindView>>, Refusal> {
    let view = |kind: KindName| KindView { kind, keys: kind.keys(), required: kind.needed().collect(), ways: kind.ways() };
    Ok(Json(KindName::ALL.into_iter().map(view).collect()))
}

pub(super) async fn add(call: Call<Nothing, Required<FaultForm>>) -> Result<Created<FaultView>, Refusal> {
    let simulation = &call.context.simulation;
    let fault = call.body.0.check().map_err(unprocessable)?;
    let name = fault.name.clone();
    simulation.faults.add(fault).await.map_err(refused)?;
    match living(simulation, &name) {
        Some(state) => Ok(Created(state.into())),
        // It is over already, or was removed at once.
        None => Err(Refusal::new(StatusCode::CONFLICT, Problem::of("name", format!("`{name}` has been removed again")))),
    }
}

pub(super) async fn remove(call: Call) -> Result<Done, Refusal> {
    let [name] = call.path();
    let faults = &call.context.simulation.faults;
    if faults.remove(name).await {
        return Ok(Done);
    }
    let states = faults.list();
    let known: Vec<&str> =
        states.iter().filter(|state| state.phase != FaultPhase::Over).map(|state| state.fault.name.as_str()).collect();
    Err(not_found("living fault", name, &known))
}

pub(super) async fn clear(call: Call) -> Result<Done, Refusal> {
    call.context.simulation.faults.clear().await;
    Ok(Done)
}

impl From<FaultState> for FaultView {
    fn from(state: FaultState) -> Self {
        Self { description: state.fault.describe(), state }
    }
}

fn living(simulation: &Simulation, name: &str) -> Option<FaultState> {
    // The latest of that name: an earlier one may be over.
    simulation.faults.list().into_iter().rev().find(|state| state.fault.name == name)
}

fn unprocessable(problems: Vec<FaultProblem>) -> Refusal {
    let in_json = |problem: FaultProblem| {
        // The example of a missing key is written as in a scenario; here it is JSON.
        let (toml, json) = (format!("`{} = ", problem.field), format!("`\"{}\": ", problem.field));
        Problem::of(problem.field, problem.problem).help(problem.help.replacen(&toml, &json, 1))
    };
    Refusal::unprocessable(problems.into_iter().map(in_json).collect())
}

fn refused(error: AddError) -> Refusal {
    let message = error.to_string();
    match error {
        AddError::Invalid { problems, .. } => unprocessable(problems),
        AddError::NameTaken { .. } => Refusal::new(StatusCode::CONFLICT, Problem::of("name", message)),
        AddError::TooMany => Refusal::new(StatusCode::CONFLICT, Problem::new(message)),
        AddError::Ended => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Problem::new(message)),
    }
}
