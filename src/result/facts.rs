//! The facts of a run: what `summary.json` says, and what a report is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::measure::{CheckCount, GeneratorHealth, Machine, Second, Totals};
use crate::outcome::{LeadCounts, OperationCounts};
use crate::seed::Seed;

use super::fault::{FaultRecord, FaultedRequests};
use super::fault_latency::FaultLatency;

/// The version of the format that this build writes, and the only one that it reads.
pub const FORMAT: u32 = 2;

/// A whole run, in memory.
#[derive(Debug, Clone)]
pub struct Run {
    /// The facts.
    pub result: RunResult,
    /// The seconds, in order.
    pub seconds: Vec<Second>,
    /// The histograms and counts.
    pub totals: Totals,
    /// How long requests took before each fault and under it.
    pub fault_latencies: Vec<FaultLatency>,
}

/// The facts of a run, as `summary.json` holds them. No field may hold a credential.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`FORMAT`].
    pub format: u32,
    /// The program and version that wrote it: `plimsoll 0.1.0`.
    pub written_by: String,
    /// When the load began, RFC 3339, UTC. A label; nothing is measured by it.
    pub started_at: String,
    /// The scenario as it was run.
    pub scenario: ScenarioRecord,
    /// The seed of everything random.
    pub seed: Seed,
    /// The factor that the timetable was stretched by; 1 for a run as written.
    pub time_scale: f64,
    /// How it ended.
    pub end: RunEnd,
    /// Who took the leads, where that was a service: "plimsoll serve with SQLite, started by the run …".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// From the start of the load to its end, in microseconds.
    pub load_us: u64,
    /// Of it, the end in which nothing was submitted any more: the load generator came to its end, and the run waited for a
    /// service's queues to come to rest. Rates are of the time before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rest_us: u64,
    /// What it ran on.
    pub machine: Machine,
    /// How well the load generator ran.
    pub generator: GeneratorHealth,
    /// What the leads that the load submitted were answered.
    pub leads: LeadCounts,
    /// What became of their operations.
    pub operations: OperationCounts,
    /// Credits that the pipeline's budget takes a lead to cost, where nothing says what it did cost: an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits_per_lead: Option<u64>,
    /// Checks by name.
    pub checks: BTreeMap<String, CheckCount>,
    /// Iterations that were due and could not start.
    pub dropped_iterations: u64,
    /// Iterations that the end of the run cut off.
    pub interrupted_iterations: u64,
    /// Requests that the end of the run cut off: they are in no other count and in no percentile.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub interrupted_requests: u64,
    /// Transactions that panicked.
    pub panics: u64,
    /// Exact sums that the histograms cannot give, in the order of their labels: [`super::RunWriter::sums`].
    pub sums: Vec<SeriesSum>,
    /// The timeline's events, in order.
    pub events: Vec<Event>,
    /// The faults as planned and as executed.
    pub faults: Vec<FaultRecord>,
    /// The requests that the vendors' ledger attributes to each fault, where there is a ledger. What is refused a connection does
    /// not reach it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faulted_requests: Vec<FaultedRequests>,
    /// What a reader must know to trust the numbers: "simulator lost at 12 s", "clock skew 3 ms".
    pub warnings: Vec<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The scenario of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioRecord {
    /// Its name.
    pub name: String,
    /// The question that it asks.
    pub question: String,
    /// The file that it was read from, as the command line named it.
    pub path: String,
    /// The file's text, whole: a result can be run again.
    pub text: String,
    /// What is in the report's Environment row.
    pub environment: String,
    /// What is in the report's SDK Version row.
    pub version: String,
    /// Planned users at the start and at the end of each stage.
    pub ramp: Vec<u32>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum RunEnd {
    /// The plan was followed to its end.
    Completed,
    /// SIGINT or SIGTERM.
    Interrupted,
    /// A threshold with `abortOnFail` failed.
    Aborted {
        /// The threshold.
        threshold: String,
    },
    /// Something that the run needs was lost (the simulator, the disk): what was measured before stands.
    Failed {
        /// What.
        reason: String,
    },
}

/// Exact sums of one series, which a histogram rounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesSum {
    /// The series.
    pub labels: crate::measure::Labels,
    /// Samples.
    pub count: u64,
    /// Sum of durations in microseconds.
    pub sum_us: u64,
    /// Bytes of answers' bodies.
    pub bytes: u64,
}
