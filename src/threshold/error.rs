//! What is wrong with a threshold, where, and what would be right.

use std::ops::Range;

use thiserror::Error;

use crate::text::{any_of, did_you_mean};

/// Why a threshold cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} ({help})")]
pub struct ThresholdError {
    /// Which of the two texts is wrong.
    pub part: Part,
    /// Where in it, in bytes. Never empty unless something is missing at the end.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

/// The two texts that a threshold is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The metric with its tags.
    Metric,
    /// The condition.
    Expression,
}

/// "did you mean `x`?" with the nearest of `known`, or all of them when none is near.
pub(super) fn nearest(word: &str, known: &[&str]) -> String {
    did_you_mean(word, known, || one_of(known))
}

/// "one of `a`, `b` or `c`".
pub(super) fn one_of(known: &[&str]) -> String {
    match known {
        [] => "it takes none".to_owned(),
        [only] => format!("it must be `{only}`"),
        several => format!("it must be one of {}", any_of(several)),
    }
}
