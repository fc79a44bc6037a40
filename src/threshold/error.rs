//! What is wrong with a threshold, where, and what would be right.

use std::ops::Range;

use thiserror::Error;

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
    let scored = known.iter().map(|candidate| (strsim::jaro_winkler(word, candidate), candidate));
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, candidate)) if score > 0.8 => format!("did you mean `{candidate}`?"),
        _ => one_of(known),
    }
}

/// "one of `a`, `b` or `c`".
pub(super) fn one_of(known: &[&str]) -> String {
    match known {
        [] => "it takes none".to_owned(),
        [only] => format!("it must be `{only}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("it must be one of {} or `{last}`", first.join(", "))
        }
    }
}
