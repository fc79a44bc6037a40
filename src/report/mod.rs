//! Showing a run: in the terminal, as a document, as pictures. Everything is computed from a [`Run`] and what was judged of it, so a
//! saved run can be shown again.

use serde::{Deserialize, Serialize};

use crate::capacity::Assessment;
use crate::gate::Verdict;
#[cfg(doc)]
use crate::result::Run;

/// What was judged of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Thresholds and the outcome.
    pub verdict: Verdict,
    /// Capacity and headroom.
    pub capacity: Assessment,
}
