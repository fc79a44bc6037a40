//! A run on disk: everything that came out, enough to judge and to render it again.
//!
//! A run is a directory: `summary.json` ([`RunResult`] and the verdict), `latency.hlog` (histograms), `timeline.csv` (one row a
//! second). Reports and plots beside them are made from these three. `summary.json` is written last, so a directory that has
//! one is whole; while the load runs the others end in `.partial`.

mod atomic;
mod facts;
mod fault;
mod fault_latency;
mod read;
mod run_dir;
mod run_writer;
#[cfg(test)]
pub(crate) mod samples;
mod summary;
mod timeline;

pub use crate::measure::Machine;
pub use atomic::write_atomically;
pub use facts::{FORMAT, Run, RunEnd, RunResult, ScenarioRecord, SeriesSum};
pub use fault::{FaultRecord, FaultedRequests};
pub use fault_latency::{BEFORE_US, FaultLatencies, FaultLatency};
pub use read::{ReadError, fault_latencies, read_run, read_verdict};
pub use run_dir::{RunDir, RunDirError};
pub use run_writer::{RunWriter, WriteError};
pub use timeline::{TimelineError, TimelineWriter, read_timeline};

/// The facts and the verdict.
pub const SUMMARY: &str = "summary.json";
/// The histograms.
pub const LATENCY_LOG: &str = "latency.hlog";
/// The seconds.
pub const TIMELINE: &str = "timeline.csv";
/// Every sample, when asked for.
pub const SAMPLES: &str = "samples.csv";
