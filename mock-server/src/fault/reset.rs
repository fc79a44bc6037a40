//! Reset: a TCP RST before, within or after an answer.
//!
//! Clients report it as another error than a connection that is closed in order, and many treat it as safe to repeat. It is
//! only before the answer, where the vendor is not asked: within and after it, the request has been carried out.

use serde::{Deserialize, Serialize};

use super::body;
use tokio::time::Instant;

use super::effect::{Effect, Moment, Verdict};
use super::problem::FaultProblem;
use crate::simulated::{Request, Vendor};
use crate::wire::{End, Script};

/// The point at which a connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetPoint {
    /// Before anything of an answer. The vendor is not asked.
    Before,
    /// Within the answer.
    Within {
        /// Bytes of the body that still come; `None` for half of it. An answer that has no more than that is not reset.
        bytes: Option<u64>,
    },
    /// After the whole answer.
    After,
}

pub(super) fn describe(when: ResetPoint) -> String {
    match when {
        ResetPoint::Before => "connection reset before the answer".to_owned(),
        ResetPoint::Within { bytes: None } => "connection reset within the answer".to_owned(),
        ResetPoint::Within { bytes: Some(bytes) } => format!("connection reset after {bytes} bytes of the body"),
        ResetPoint::After => "connection reset after the answer".to_owned(),
    }
}

pub(super) fn problem(when: &str) -> FaultProblem {
    let help = "leave it out, or let `when` be \"within\"";
    FaultProblem::value("bytes", format!("a reset {when} the answer does not count the body's bytes"), help)
}

pub(super) struct Reset(pub(super) ResetPoint);

impl Effect for Reset {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Wire { asks_vendor: self.0 != ResetPoint::Before }
    }

    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        let happens = match self.0 {
            ResetPoint::Before => return body::lose(script, End::Reset),
            ResetPoint::Within { bytes } => {
                let at = bytes.unwrap_or_else(|| body::length(script) / 2);
                body::cut(script, at)
            }
            ResetPoint::After => !script.steps.is_empty(),
        };
        if happens {
            script.end = End::Reset;
        }
        happens
    }
}
