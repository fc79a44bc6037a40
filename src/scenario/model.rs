//! A valid scenario. Everything here has been checked; nothing is optional that a run needs.

use std::path::PathBuf;
use std::time::Duration;

use mock_server::fault::Fault;
use mock_server::settings::SimulationSettings;

use crate::journey::WorkloadSettings;
pub use crate::journey::{HttpJourney, Journey, LeadData, LeadUse, SERVICE_LEADS, ThinkTime, WeightedJourney};
use crate::plan::LoadPlan;
use crate::resilience::Resilience;
use crate::threshold::Threshold;

use super::expectations::Expectations;
use crate::config::{Diagnostics, Secret};

/// A scenario, ready to run.
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
    /// How much load.
    pub load: Load,
    /// What an iteration does, drawn by weight. Never empty.
    pub journeys: Vec<WeightedJourney>,
    /// Pause after each iteration.
    pub think_time: ThinkTime,
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

/// How much load.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The executor, with k6's meaning.
    pub executor: ExecutorKind,
    /// Users over time; for iteration-bound executors a constant number for at most the maximum duration.
    pub plan: LoadPlan,
    /// How long iterations under way may go on after the plan's end before they are cut off.
    pub graceful_stop: Duration,
}

/// k6's closed executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutorKind {
    /// Users follow stages.
    RampingVus,
    /// A fixed number of users for a time.
    ConstantVus,
    /// A fixed number of iterations, shared by the users.
    SharedIterations {
        /// In all.
        iterations: u64,
    },
    /// A fixed number of iterations for each user.
    PerVuIterations {
        /// Each.
        iterations: u64,
    },
}

impl ExecutorKind {
    /// The name that a scenario uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RampingVus => "ramping-vus",
            Self::ConstantVus => "constant-vus",
            Self::SharedIterations { .. } => "shared-iterations",
            Self::PerVuIterations { .. } => "per-vu-iterations",
        }
    }
}

/// Whom the load goes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The simulated vendors, started by the run.
    Simulated,
    /// A service that takes leads over HTTP and calls the vendors itself.
    Service(ServiceTarget),
    /// Real or other base URLs, with credentials from the environment.
    BaseUrls {
        /// Clay's, without a trailing slash.
        clay: Option<http::Uri>,
        /// Customer.io's, without a trailing slash.
        customer_io: Option<http::Uri>,
        /// Clay's key.
        clay_api_key: Option<Secret>,
        /// Path of the webhook source under Clay's base URL.
        clay_webhook_path: Option<String>,
        /// Token of the webhook source.
        clay_webhook_token: Option<Secret>,
        /// Customer.io's site ID.
        customer_io_site_id: Option<Secret>,
        /// Customer.io's API key.
        customer_io_api_key: Option<Secret>,
    },
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

impl TestPlan {
    /// What its users do.
    pub fn workload(&self) -> WorkloadSettings {
        WorkloadSettings {
            journeys: self.journeys.clone(),
            think_time: self.think_time,
            data: self.data.clone(),
            resilience: self.resilience.clone(),
        }
    }

    /// The service that takes the leads, when there is one.
    pub fn service(&self) -> Option<&ServiceTarget> {
        match &self.target {
            Target::Service(service) => Some(service),
            Target::Simulated | Target::BaseUrls { .. } => None,
        }
    }

    /// Whether the run starts the simulated vendors: for its own pipelines or service, and for a service of the user's where
    /// the scenario gives the ports that it calls.
    pub fn simulates_vendors(&self) -> bool {
        match &self.target {
            Target::Simulated => self.journeys.iter().any(|weighted| !matches!(weighted.journey, Journey::Http(_))),
            Target::Service(service) => service.at == ServiceAt::Started || has_ports(&self.simulation),
            Target::BaseUrls { .. } => false,
        }
    }
}

/// Whether the scenario says where a simulated vendor listens.
pub(super) fn has_ports(simulation: &SimulationSettings) -> bool {
    simulation.clay_port != 0 || simulation.customer_io_port != 0
}

/// A service-level objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slo {
    /// The percentile of request duration, 0 to 100.
    pub percentile: f64,
    /// Its bound.
    pub latency: Duration,
    /// The highest share of failed requests, 0 to 1.
    pub error_rate: f64,
}

/// What the capacity estimate knows about the deployment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// Whose CPU the estimate is about: `harness` by default, for it holds the integration.
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
