//! What a sample is about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::outcome::{FailureKind, Vendor};

/// The two things that are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleKind {
    /// One HTTP request, from when it was due to the last byte of its answer's body.
    Attempt,
    /// One whole journey, retries and waits included, think time not.
    Iteration,
}

impl SampleKind {
    /// The name used in tags and results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Iteration => "iteration",
        }
    }
}

/// Everything that sets one series of samples apart from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Labels {
    /// A request or an iteration.
    pub kind: SampleKind,
    /// Whom it went to; for an iteration, the vendor it is mainly about.
    pub vendor: Vendor,
    /// The route of a request (`clay.webhook`) or the journey of an iteration (`lead`).
    pub name: String,
    /// The HTTP status; 0 where there was no answer, and for iterations.
    pub status: u16,
    /// Why it failed; `None` for a success.
    pub failure: Option<FailureKind>,
    /// Index of the stage of the load plan that it was due in.
    pub phase: u16,
    /// Whether a fault was active for its vendor when it started.
    pub under_fault: bool,
    /// Whether it was a second or later attempt.
    pub retry: bool,
}

impl Labels {
    /// The labels as tags, in the words that thresholds and the interval log use.
    pub fn tags(&self) -> BTreeMap<&'static str, String> {
        let mut tags = BTreeMap::from([
            ("vendor", self.vendor.to_string()),
            ("name", self.name.clone()),
            ("phase", self.phase.to_string()),
            ("fault", self.under_fault.to_string()),
            ("retry", self.retry.to_string()),
            ("expected_response", self.failure.is_none().to_string()),
        ]);
        if self.status != 0 {
            tags.insert("status", self.status.to_string());
        }
        if let Some(failure) = self.failure {
            tags.insert("failure", failure.to_string());
        }
        tags
    }
}

/// The tags that a threshold may select by.
pub const TAGS: [&str; 8] = ["vendor", "name", "status", "phase", "fault", "retry", "failure", "expected_response"];
