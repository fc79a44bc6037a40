//! One second of a run: a row of `timeline.csv`.

use serde::{Deserialize, Serialize};

use super::gauges::{Gauges, ProcessSample};
use super::generator::GeneratorSample;
use crate::plan::Planned;

/// What happened in one second. The first starts when the load does; the last may be shorter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Its start, in microseconds since the load began.
    pub start_us: u64,
    /// Its length in microseconds.
    pub length_us: u64,
    /// What the plan asks for at its end.
    #[serde(flatten)]
    pub planned: Planned,
    /// Index of the stage at its start.
    pub phase: u16,
    /// Requests answered or given up.
    pub requests: u64,
    /// Requests among them that failed.
    pub failures: u64,
    /// Requests among the failures that were answered with 429.
    pub rate_limited: u64,
    /// Iterations finished.
    pub iterations: u64,
    /// What they took together, in microseconds. Judged while the run is in memory, and not kept.
    #[serde(skip)]
    pub iteration_us: u64,
    /// Iterations among them that failed.
    pub iterations_failed: u64,
    /// Bytes of answers' bodies.
    pub bytes: u64,
    /// Percentiles of request latency in microseconds; 0 when there were no requests.
    pub p50_us: u64,
    /// 95th percentile.
    pub p95_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// Longest.
    pub max_us: u64,
    /// State at its end.
    pub gauges: Gauges,
    /// What each process used; empty where it could not be read.
    pub processes: Vec<ProcessSample>,
    /// What kept the generator from its work.
    pub generator: GeneratorSample,
}

impl Second {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        if self.length_us == 0 { 0.0 } else { self.requests as f64 * 1e6 / self.length_us as f64 }
    }

    /// Failures among requests, 0 to 1; `None` without requests.
    pub fn error_rate(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failures as f64 / self.requests as f64)
    }
}
