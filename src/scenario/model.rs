//! A valid test plan. Everything here has been checked; nothing is optional that a run needs.

use std::path::PathBuf;
use std::time::Duration;

use mock_server::fault::Fault;
use mock_server::percentage::share_schema;
use mock_server::settings::SimulationSettings;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::executor::{Load, ScenarioLoad};
pub use crate::journey::{HttpJourney, Journey, LeadData, LeadUse, SERVICE_LEADS, ThinkTime, WeightedJourney};
use crate::journey::{ScenarioWork, WorkloadSettings};
use crate::measure::DEFAULT_SCENARIO;
use crate::plan::Segment;
use crate::resilience::Resilience;
use crate::threshold::Threshold;
use crate::vendor_api::VendorAccess;

use super::expectations::Expectations;
use crate::config::{Diagnostics, Period, Secret};

/// A test plan, ready to run.
#[derive(Debug, Clone)]
pub struct TestPlan {
    /// Its name; it becomes part of the run's directory.
    pub name: String,
    /// The question that it answers.
    pub question: String,
    /// The file that it came from.
    pub path: PathBuf,
    /// The file's text.
    pub text: String,
    /// The seed that the file asks for; the command line may override it.
    pub seed: Option<u64>,
    /// Its scenarios, which share the load's clock, the data and the pipelines. Never empty.
    pub scenarios: Vec<Scenario>,
    /// The share of the load that this process plays.
    pub segment: Segment,
    /// The leads, when a journey needs them. Without a file, leads are made up from the seed.
    pub data: Option<LeadData>,
    /// Whom the load goes to.
    pub target: Target,
    /// Settings of the pipelines.
    pub resilience: Resilience,
    /// The simulated vendors: latencies and limits. Faults and seed are filled in by the run.
    pub simulation: SimulationSettings,
    /// The fault timetable, in order of its starts.
    pub faults: Vec<Fault>,
    /// What must hold.
    pub thresholds: Vec<Threshold>,
    /// What must be true of the faults and of what came of them.
    pub expectations: Expectations,
    /// The objective that capacity is planned for.
    pub slo: Option<Slo>,
    /// What the capacity estimate knows about the deployment.
    pub capacity: Capacity,
    /// What the report is labelled with.
    pub labels: Labels,
    /// What was found that may not be as meant, and does not keep it from running.
    pub warnings: Diagnostics,
}

/// One workload of a test plan.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name; [`DEFAULT_SCENARIO`] where the file has no `[scenarios]`.
    pub name: String,
    /// How much load, and when.
    pub load: ScenarioLoad,
    /// What an iteration does, drawn by weight. Never empty.
    pub journeys: Vec<WeightedJourney>,
    /// Pause after each iteration.
    pub think_time: ThinkTime,
}

/// Whom the load goes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The simulated vendors, started by the run.
    Simulated,
    /// A service that takes leads over HTTP and calls the vendors itself.
    Service(ServiceTarget),
    /// Real or other base URLs, with credentials from the environment.
    BaseUrls(VendorAccess),
}

/// A service that takes leads over HTTP, `POST /leads`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceTarget {
    /// Where it is.
    pub at: ServiceAt,
    /// The bearer token that it asks for.
    pub token: Option<Secret>,
    /// Longest wait for its whole answer.
    pub timeout: Duration,
}

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceAt {
    /// The run starts `plimsoll serve`, in front of the simulated vendors and with the scenario's own `[resilience]`.
    Started,
    /// The user's own, at this base URL, without a trailing slash.
    Url(http::Uri),
}

impl Scenario {
    /// The label of its samples; `None` for the default, which they need not carry.
    pub fn label(&self) -> Option<&str> {
        (self.name != DEFAULT_SCENARIO).then_some(&self.name)
    }
}

impl TestPlan {
    /// The load of all scenarios.
    pub fn total_load(&self) -> Load {
        Load { scenarios: self.scenarios.iter().map(|scenario| scenario.load.clone()).collect(), segment: self.segment }
    }

    /// The journeys of all scenarios.
    pub fn journeys(&self) -> impl Iterator<Item = &WeightedJourney> {
        self.scenarios.iter().flat_map(|scenario| &scenario.journeys)
    }

    /// Whether it names scenarios or gives tags, which samples then carry.
    pub fn is_tagged(&self) -> bool {
        self.scenarios.iter().any(|scenario| scenario.label().is_some())
            || self.journeys().any(|journey| !journey.tags.is_empty())
    }

    /// What its users do.
    pub fn workload(&self) -> WorkloadSettings {
        let work = |scenario: &Scenario| ScenarioWork {
            label: scenario.label().map(str::to_owned),
            journeys: scenario.journeys.clone(),
            think_time: scenario.think_time,
        };
        WorkloadSettings {
            scenarios: self.scenarios.iter().map(work).collect(),
            data: self.data.clone(),
            segment: self.segment,
            resilience: self.resilience.clone(),
        }
    }

    /// The service that takes the leads, when there is one.
    pub fn service(&self) -> Option<&ServiceTarget> {
        match &self.target {
            Target::Service(service) => Some(service),
            Target::Simulated | Target::BaseUrls(_) => None,
        }
    }

    /// Whether the run starts the simulated vendors: for its own pipelines or service, and for a service of the user's where
    /// the scenario gives the ports that it calls.
    pub fn simulates_vendors(&self) -> bool {
        match &self.target {
            Target::Simulated => self.journeys().any(|weighted| !matches!(weighted.journey, Journey::Http(_))),
            Target::Service(service) => service.at == ServiceAt::Started || has_ports(&self.simulation),
            Target::BaseUrls(_) => false,
        }
    }
}

/// Whether the scenario says where a simulated vendor listens.
pub(super) fn has_ports(simulation: &SimulationSettings) -> bool {
    simulation.clay_port != 0 || simulation.customer_io_port != 0
}

/// A service-level objective.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RawSlo")]
pub struct Slo {
    /// The percentile of request latency, like 95.
    #[schemars(range(min = 0, max = 100), extend("x-is" = "percentile"))]
    pub percentile: f64,
    /// Its bound.
    pub latency: Period,
    /// The highest share of failed requests: "1%" or 0.01 for one in a hundred.
    #[schemars(schema_with = "share_schema")]
    pub error_rate: f64,
}

/// What the capacity estimate knows about the deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RawCapacity")]
pub struct Capacity {
    /// Cores that one replica has.
    #[schemars(range(min = 0.01, max = 4096))]
    pub cores: Option<f64>,
}

/// What the report is labelled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Environment: "staging".
    pub environment: String,
    /// Version of what was tested.
    pub version: String,
}
