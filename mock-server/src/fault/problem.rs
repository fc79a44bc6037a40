//! What is wrong with a fault, and how to correct it.

use std::time::Duration;

use super::words::KindName;
use crate::duration::format_duration;
use crate::latency::LONGEST_DELAY;

/// One thing wrong with a fault, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}; {help}")]
pub struct FaultProblem {
    /// The field at fault, as it is written: `share`, `routes[1]`, `add.lognormal.p99`.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub help: String,
    /// Whether it is the field's value that is wrong, or that the field is there or is not there.
    pub wrong: Wrong,
}

/// What about a field is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Its value.
    Value,
    /// It is there, and the fault's kind does not take it.
    Superfluous,
    /// It is not there, and the fault's kind needs it.
    Missing,
}

impl FaultProblem {
    /// A delay that is longer than the simulator waits; `None` where it is not.
    pub(super) fn too_long(field: &str, delay: Duration) -> Option<Self> {
        (delay > LONGEST_DELAY).then(|| {
            let problem = format!("the simulator does not wait for {}", format_duration(delay));
            Self::value(field, problem, format!("give at most {}", format_duration(LONGEST_DELAY)))
        })
    }

    /// A key that is missing, with an example of it.
    pub(super) fn missing(kind: KindName, key: &str, example: &str) -> Self {
        let problem = format!("a fault of kind `{}` needs `{key}`", kind.as_str());
        Self { field: key.to_owned(), problem, help: format!("add `{example}`"), wrong: Wrong::Missing }
    }

    /// A value that is wrong.
    pub(super) fn value(field: impl Into<String>, problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), help: help.into(), wrong: Wrong::Value }
    }
}
