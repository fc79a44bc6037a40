//! The verdict on a run: one word, the judgements behind it, and why.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::result::{Run, RunEnd};
use crate::threshold::Threshold;
use crate::units::format_count;

use super::evaluate::evaluate;
use super::evidence::Evidence;
use super::expect::ExpectationJudgement;
use super::keeping_up::shortfalls;
use super::left_undone;
use super::observed::{Observed, ThresholdJudgement, Unit};

/// How a run came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every threshold held over the whole plan.
    Passed,
    /// The whole plan was followed, and there was no threshold to judge it by.
    NotJudged,
    /// A threshold failed, or the run lost something that it needs.
    Failed,
    /// Ended by a signal before its plan.
    Interrupted,
    /// The generator could not keep up: the numbers say nothing about the service.
    Invalid,
}

impl Outcome {
    /// The word in summaries and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::NotJudged => "not judged",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Invalid => "invalid",
        }
    }
}

/// The verdict on a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// In one word.
    pub outcome: Outcome,
    /// Each threshold, in the scenario's order.
    pub thresholds: Vec<ThresholdJudgement>,
    /// Each expectation, in the order in which they are documented; those of a fault, once for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<ExpectationJudgement>,
    /// Why, in sentences. Never empty.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// The thresholds on how fast requests are answered and how many fail that no fault explains: those of a run without faults, and those
    /// that leave out what is under one.
    pub fn missed_under_load(&self, run: &Run) -> Vec<String> {
        let faultless = run.result.faults.iter().all(|fault| fault.started_us.is_none());
        let explained = |judgement: &ThresholdJudgement| {
            !faultless && !judgement.tags.iter().any(|(tag, value)| tag == "fault" && value == "false")
        };
        let of_load = |judgement: &ThresholdJudgement| {
            judgement.unit == Unit::Milliseconds || ["http_req_failed", "dropped_iterations"].contains(&judgement.metric.as_str())
        };
        let missed = self.thresholds.iter().filter(|judgement| {
            !judgement.passed && matches!(judgement.observed, Observed::Value(_)) && of_load(judgement) && !explained(judgement)
        });
        missed.map(|judgement| judgement.source.clone()).collect()
    }
}

/// What was judged of a run, as it stands in its `summary.json`. The capacity is another room's, which the gate need not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged<Capacity> {
    /// How it came out, and why.
    pub verdict: Verdict,
    /// Capacity and headroom.
    pub capacity: Capacity,
}

/// Judges a run that has ended, by its thresholds and by what came of its expectations. Only a run that followed its plan to
/// the end, with a generator that kept up, can pass.
pub fn judge(run: &Run, thresholds: &[Threshold], expectations: Vec<ExpectationJudgement>) -> Verdict {
    let evidence = Evidence::of_run(run);
    let thresholds: Vec<ThresholdJudgement> = thresholds.iter().map(|threshold| evaluate(threshold, &evidence)).collect();
    let mut reasons = Vec::new();
    let behind = shortfalls(run);
    let failed = thresholds.iter().filter(|judgement| !judgement.passed).count();
    let missed = expectations.iter().filter(|judgement| !judgement.passed).count();
    let outcome = match &run.result.end {
        RunEnd::Interrupted => {
            reasons.push("The run was interrupted before the end of its plan.".to_owned());
            Outcome::Interrupted
        }
        RunEnd::Failed { reason } => {
            reasons.push(format!("The run lost something that it needs: {reason}."));
            Outcome::Failed
        }
        RunEnd::Aborted { threshold } => {
            reasons.push(format!("The run was ended early: {threshold} failed."));
            Outcome::Failed
        }
        RunEnd::Completed if !behind.is_empty() => Outcome::Invalid,
        RunEnd::Completed if failed + missed > 0 => Outcome::Failed,
        RunEnd::Completed if thresholds.is_empty() && expectations.is_empty() => Outcome::NotJudged,
        RunEnd::Completed => Outcome::Passed,
    };
    reasons.extend(behind.into_iter().map(|why| format!("The generator could not keep up: {why}.")));
    if thresholds.is_empty() && expectations.is_empty() {
        reasons.push("The scenario has no thresholds: nothing was judged.".to_owned());
    }
    reasons.extend(counted("threshold", thresholds.len(), failed));
    reasons.extend(counted("expectation", expectations.len(), missed));
    reasons.extend(left_undone::reason(&run.result));
    reasons.extend(estimated(run));
    Verdict { outcome, thresholds, expectations, reasons }
}

/// What leads cost by the budget's estimate, beside what the vendor's own account says.
fn estimated(run: &Run) -> Option<String> {
    let (per_lead, gauges) = (run.result.credits_per_lead?, &run.seconds.last()?.gauges);
    let (used, reserved) = (gauges.credits_used?, gauges.credits_reserved);
    let difference = match used.cmp(&reserved) {
        Ordering::Less => format!("{} too many", format_count(reserved - used)),
        Ordering::Equal if used == 0 => return None,
        Ordering::Equal => "which was right".to_owned(),
        Ordering::Greater => format!("{} too few", format_count(used - reserved)),
    };
    let (used, reserved) = (format_count(used), format_count(reserved));
    Some(format!(
        "Clay charged {used} credits, rows under way included; the budget reserved {reserved} at an estimate of {per_lead} a lead, {difference}."
    ))
}

/// How many of a kind held or failed; nothing where there are none.
fn counted(kind: &str, all: usize, failed: usize) -> Option<String> {
    Some(match (all, failed) {
        (0, _) => return None,
        (1, 0) => format!("The one {kind} held."),
        (all, 0) => format!("All {all} {kind}s held."),
        (1, _) => format!("The one {kind} failed."),
        (all, failed) => format!("{failed} of {all} {kind}s failed."),
    })
}
