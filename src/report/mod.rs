//! Showing a run: in the terminal, as a document, as pictures. Everything is computed from a [`Run`](crate::result::Run)
//! and what was judged of it, so a saved run can be shown again.

mod error;
#[cfg(test)]
mod fixture;
mod markdown;
mod observations;
mod plots;
mod recommendations;
mod series;
mod summary;
mod timeline;
mod view;
mod words;
mod write;

use serde::{Deserialize, Serialize};

use crate::capacity::Assessment;
use crate::gate::Verdict;

pub use error::ReportError;
pub use summary::{SummaryOptions, summary};
pub use write::write_report;

/// What was judged of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Thresholds and the outcome.
    pub verdict: Verdict,
    /// Capacity and headroom.
    pub capacity: Assessment,
}
