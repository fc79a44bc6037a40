//! A test plan as it is written: what serde reads, and what the JSON Schema is generated from.
//!
//! Nothing here has been judged beyond its structure. Names are k6's where k6 has one, so `startVUs` and `gracefulStop`
//! stand beside TOML's usual snake case.

mod expect;
mod faults;
mod journeys;
mod load;
mod simulation;

use std::collections::BTreeMap;

use crate::config::Period;
use crate::executor::{ExecutorKeys, ExecutorName};
use crate::resilience::RawResilience;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use expect::{RawExpect, RawExpectBreaker};
pub(super) use faults::RawFault;
pub(super) use journeys::{RawHeader, RawJourney, RawTarget};
pub(super) use load::{RawData, RawThinkTime, RawThinkTimeModel, RawUse};
pub(super) use simulation::RawSimulation;

use super::model::{Capacity, Slo};

/// A Plimsoll test plan: one question, the load that answers it, and what must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Plimsoll test plan", extend("additionalProperties" = false))]
pub(super) struct RawTestPlan {
    /// Its name, which becomes part of the directory of its results: letters, digits, `-` and `_`.
    #[schemars(required)]
    pub(super) name: Option<String>,
    /// The question that the run answers. The report begins with it.
    #[schemars(required)]
    pub(super) question: Option<String>,
    /// The seed of everything random. Drawn anew for each run when left out; `--seed` overrides it.
    pub(super) seed: Option<u64>,
    /// Several scenarios at once, each under its name, instead of one whose keys stand beside these.
    pub(super) scenarios: Option<BTreeMap<String, RawScenario>>,
    /// The one scenario of a file without `[scenarios]`.
    #[serde(flatten)]
    pub(super) only: RawScenario,
    /// Leads from a CSV file. Made up from the seed when left out.
    pub(super) data: Option<RawData>,
    /// Base URLs, or a service, to send to instead of the simulated vendors.
    pub(super) target: Option<RawTarget>,
    /// The pipeline in front of each vendor.
    pub(super) resilience: Option<RawResilience>,
    /// How the simulated vendors behave while nothing is broken.
    pub(super) simulation: Option<RawSimulation>,
    /// What is broken, and when.
    pub(super) faults: Option<Vec<RawFault>>,
    /// What must hold: conditions by metric, with k6's grammar. `med` and `p(N)` are measured values, where k6 interpolates between two.
    pub(super) thresholds: Option<BTreeMap<String, Vec<RawThreshold>>>,
    /// What must be true of the faults and of what came of them.
    pub(super) expect: Option<RawExpect>,
    /// The objective that capacity is planned for.
    pub(super) slo: Option<Slo>,
    /// What the capacity estimate knows about the deployment.
    pub(super) capacity: Option<Capacity>,
    /// What the report is labelled with.
    pub(super) labels: Option<RawLabels>,
}

/// One workload of a test plan. Its executor's keys stand beside these.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(super) struct RawScenario {
    /// How the load is shaped.
    #[schemars(required)]
    pub(super) executor: Option<ExecutorName>,
    #[serde(flatten)]
    pub(super) keys: ExecutorKeys,
    /// When it begins, from the start of the load; at once when left out.
    #[serde(rename = "startTime")]
    pub(super) start_time: Option<Period>,
    /// How long iterations under way may go on after the end; 30s when left out.
    #[serde(rename = "gracefulStop")]
    pub(super) graceful_stop: Option<Period>,
    /// The pause of a user after each iteration; none when left out.
    pub(super) think_time: Option<RawThinkTime>,
    /// What an iteration does, drawn by weight.
    #[schemars(required)]
    pub(super) journeys: Option<Vec<RawJourney>>,
    /// Tags that every sample carries, for thresholds to select by: `http_req_duration{team:growth}`.
    pub(super) tags: Option<BTreeMap<String, String>>,
}

/// A condition, alone or with what happens when it fails.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RawThreshold {
    /// A condition like `p(95)<500`.
    Plain(String),
    /// A condition that may end the run.
    Full(RawFullThreshold),
}

/// A condition that may end the run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFullThreshold {
    /// The condition, like `p(95)<500`.
    pub(super) threshold: String,
    /// Ends the run as soon as the condition fails.
    #[serde(default, rename = "abortOnFail")]
    pub(super) abort_on_fail: bool,
    /// How long into the run before it may end it.
    #[serde(rename = "delayAbortEval")]
    pub(super) delay_abort_eval: Option<Period>,
}

/// What the report is labelled with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLabels {
    /// The environment, like "staging".
    pub(super) environment: Option<String>,
    /// The version of what is tested.
    pub(super) version: Option<String>,
}
