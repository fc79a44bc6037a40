//! What a scenario says about the work of its users: checked, and ready to run.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Secret;
use crate::measure::UserTags;
use crate::plan::Segment;
use crate::resilience::Resilience;
use crate::units::format_duration;

use super::kind::JourneyKind;
use super::table::HTTP;

/// What the users of a test plan do.
#[derive(Debug, Clone)]
pub struct WorkloadSettings {
    /// The scenarios, in the order of a user's index of its scenario.
    pub scenarios: Vec<ScenarioWork>,
    /// The leads; made up from the seed without a file.
    pub data: Option<LeadData>,
    /// The part of the data that this run uses.
    pub segment: Segment,
    /// Settings of the pipelines.
    pub resilience: Resilience,
}

/// What the users of one scenario do.
#[derive(Debug, Clone)]
pub struct ScenarioWork {
    /// The label of its samples; `None` for the default, which they need not carry.
    pub label: Option<String>,
    /// What an iteration does, drawn by weight. Never empty.
    pub journeys: Vec<WeightedJourney>,
    /// Pause after each iteration.
    pub think_time: ThinkTime,
}

impl WorkloadSettings {
    /// The journeys of all scenarios.
    pub(super) fn journeys(&self) -> impl Iterator<Item = &WeightedJourney> {
        self.scenarios.iter().flat_map(|scenario| &scenario.journeys)
    }
}

/// A journey and how often it is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedJourney {
    /// The journey.
    pub journey: Journey,
    /// Its share among the journeys' weights; at least 1.
    pub weight: u32,
    /// The tags that its samples carry.
    pub tags: UserTags,
}

/// What one iteration does.
#[derive(Debug, Clone, PartialEq)]
pub enum Journey {
    /// One that its name says everything about.
    Named(&'static JourneyKind),
    /// `http`: the user's own service.
    Http(Box<HttpJourney>),
}

impl Journey {
    /// Its row of the table.
    pub fn kind(&self) -> &'static JourneyKind {
        match self {
            Self::Named(kind) => kind,
            Self::Http(_) => &HTTP,
        }
    }

    /// The name that a scenario, tags and reports use.
    pub fn name(&self) -> &'static str {
        self.kind().name
    }

    /// What its iterations are labelled with.
    pub fn label(&self) -> &str {
        match self {
            Self::Named(kind) => kind.name,
            Self::Http(http) => &http.name,
        }
    }

    /// The labels of its requests; `to_service` when leads go to a service.
    pub fn routes(&self, to_service: bool) -> Vec<String> {
        match (self, self.kind().service) {
            (Self::Http(http), _) => vec![http.name.clone()],
            (Self::Named(_), Some(service)) if to_service => vec![service.route.to_owned()],
            (Self::Named(kind), _) => kind.routes().map(|route| route.name.to_owned()).collect(),
        }
    }

    /// The names of its checks; `to_service` when leads go to a service.
    pub fn checks(&self, to_service: bool) -> Vec<String> {
        match (self, self.kind().service) {
            (Self::Http(http), _) => std::iter::once(http.status_check()).chain(http.latency_check()).collect(),
            (Self::Named(_), Some(service)) if to_service => vec![service.check.to_owned()],
            (Self::Named(kind), _) => kind.checks.iter().map(|check| (*check).to_owned()).collect(),
        }
    }
}

/// A request to the user's own service.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpJourney {
    /// The label of its samples.
    pub name: String,
    /// The method.
    pub method: http::Method,
    /// The whole URL, http or https.
    pub url: http::Uri,
    /// Headers; values may hold secrets from the environment.
    pub headers: Vec<(http::HeaderName, Secret)>,
    /// The body; empty for none.
    pub body: String,
    /// Longest wait for the whole answer.
    pub timeout: Duration,
    /// The only status that is a success, which the check `status is N` asks for; any from 200 to 399 when `None`.
    pub expect_status: Option<u16>,
    /// The bound of the check `latency < N ms`, when there is one.
    pub expect_latency: Option<Duration>,
}

impl HttpJourney {
    /// The name of its check of the status.
    pub fn status_check(&self) -> String {
        match self.expect_status {
            Some(status) => format!("{}: status is {status}", self.name),
            None => format!("{}: status is below 400", self.name),
        }
    }

    /// The name of its check of the latency, when there is a bound.
    pub fn latency_check(&self) -> Option<String> {
        self.expect_latency.map(|bound| format!("{}: latency < {}", self.name, format_duration(bound)))
    }
}

/// Pause after an iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ThinkTime {
    /// No pause.
    None,
    /// Always the same.
    Fixed(Duration),
    /// Anything between two bounds.
    Uniform {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// Exponential with this mean, cut at ten times the mean.
    Exponential {
        /// The mean.
        mean: Duration,
    },
    /// Lognormal, given by two percentiles.
    Lognormal {
        /// The median.
        p50: Duration,
        /// The 99th percentile.
        p99: Duration,
    },
}

/// Leads from a file, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct LeadData {
    /// The file.
    pub path: PathBuf,
    /// How rows are used.
    pub usage: LeadUse,
    /// The rows, each a JSON object keyed by the file's columns. Never empty.
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
}

/// How the rows of a file are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeadUse {
    /// One after the other, and again from the first.
    Ring,
    /// Any row at any time.
    Random,
    /// Each once; the load ends when they are used up.
    Once,
}
