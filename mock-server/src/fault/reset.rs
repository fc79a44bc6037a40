//! Reset: a TCP RST before, within or after an answer.
//!
//! Clients report it as another error than a connection that is closed in order, and many treat it as safe to repeat. It is
//! only before the answer, where the vendor is not asked: within and after it, the request has been carried out.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Begun, Effect, Facts, FaultForm, FaultProblem, WhenName, body};
use crate::wire::{End, Script};

/// The point at which a connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "snake_case")]
pub enum ResetPoint {
    /// Before anything of an answer. The vendor is not asked.
    Before,
    /// Within the answer.
    Within {
        /// Bytes of the body that still come; `None` for half of it. An answer that has no more than that is not reset.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// After the whole answer.
    After,
}

pub(super) const FACTS: Facts = Facts {
    keys: &["when", "bytes"],
    defaults: |form| _ = form.when.get_or_insert(WhenName::Before),
    contradiction,
    ..Facts::NONE
};

fn contradiction(form: &FaultForm) -> Option<FaultProblem> {
    let when = form.when.filter(|when| form.bytes.is_some() && *when != WhenName::Within)?;
    let problem = format!("a reset {} the answer does not count the body's bytes", when.as_str());
    Some(FaultProblem::value("bytes", problem, "leave it out, or let `when` be \"within\""))
}

pub(super) fn describe(when: &ResetPoint) -> String {
    match when {
        ResetPoint::Before => "connection reset before the answer".to_owned(),
        ResetPoint::Within { bytes: None } => "connection reset within the answer".to_owned(),
        ResetPoint::Within { bytes: Some(bytes) } => format!("connection reset after {bytes} bytes of the body"),
        ResetPoint::After => "connection reset after the answer".to_owned(),
    }
}

pub(super) fn check(_: &ResetPoint, _: &mut Vec<FaultProblem>) {}

pub(super) fn effect(when: &ResetPoint, _: Begun<'_>) -> Box<dyn Effect> {
    Box::new(*when)
}

impl Effect for ResetPoint {
    fn asks_vendor(&self) -> bool {
        *self != Self::Before
    }

    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        let happens = match *self {
            ResetPoint::Before => return body::lose(script, End::Reset),
            ResetPoint::Within { bytes } => {
                let at = bytes.unwrap_or_else(|| script.body_length() / 2);
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
