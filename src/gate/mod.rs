//! From what was measured to a verdict and an exit code.
//!
//! A gate that passes for want of data is worse than none: it is trusted. So a threshold whose metric has no data fails
//! and says so, a run that was cut short never passes, and a generator that fell behind makes the run invalid.

mod breaker_time;
mod evaluate;
mod evidence;
mod expect;
mod keeping_up;
mod left_undone;
mod observed;
mod verdict;

pub use breaker_time::{BreakerSpan, breaker_spans, open_seconds};
pub use evaluate::{abort_due, evaluate};
pub use evidence::Evidence;
pub use expect::{
    AuditFigures, ExpectationInput, ExpectationJudgement, FactsError, Faulted, LedgerClock, OneVendor, VendorFacts,
    judge_expectations,
};
pub use keeping_up::STANDSTILL;
pub use left_undone::left_undone;
pub(crate) use observed::without_zeros;
pub use observed::{Observed, ThresholdJudgement, Unit};
pub use verdict::{Judged, Outcome, Verdict, judge};

#[cfg(test)]
mod tests;
