//! The journeys that go through the pipelines: enrich, identify, track, and a whole lead.

use super::integration::Integration;
use super::leads::Lead;
use super::operations;
use crate::measure::{CheckId, Recorder, RecorderBuilder};
use crate::outcome::FailureKind;
use crate::resilience::Disposition;

/// Which operations an iteration asks for, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    Enrich,
    Identify,
    Track,
    /// All three.
    Lead,
}

/// What a pipeline's caller can count on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    accepted: CheckId,
    answered_by_vendor: CheckId,
}

pub(super) fn register(recorder: &mut RecorderBuilder) -> Ids {
    Ids {
        accepted: recorder.check("operation is delivered or kept"),
        answered_by_vendor: recorder.check("operation is answered by the vendor"),
    }
}

/// Runs the steps; the first that is refused ends the iteration.
pub(super) async fn run(
    steps: Steps,
    lead: &Lead,
    integration: &Integration,
    ids: Ids,
    recorder: &Recorder,
) -> Option<FailureKind> {
    if matches!(steps, Steps::Enrich | Steps::Lead) {
        if let Some(failure) = judge(integration.clay(operations::enrich(lead)).await, ids, recorder) {
            return Some(failure);
        }
    }
    if matches!(steps, Steps::Identify | Steps::Lead) {
        if let Some(failure) = judge(integration.customer_io(operations::identify(lead)).await, ids, recorder) {
            return Some(failure);
        }
    }
    if matches!(steps, Steps::Track | Steps::Lead) {
        return judge(integration.customer_io(operations::track(lead)).await, ids, recorder);
    }
    None
}

fn judge(disposition: Disposition, ids: Ids, recorder: &Recorder) -> Option<FailureKind> {
    let (failure, by_vendor) = match disposition {
        Disposition::Delivered { .. } | Disposition::Duplicate => (None, true),
        Disposition::Fallback { .. } => (None, false),
        Disposition::DeadLettered { cause } | Disposition::Rejected { cause } => (Some(cause), false),
    };
    recorder.check(ids.accepted, failure.is_none());
    recorder.check(ids.answered_by_vendor, by_vendor);
    failure
}
