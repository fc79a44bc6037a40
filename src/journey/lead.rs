//! The journeys that go through the pipelines: enrich, identify, track, and a whole lead.

use super::integration::Integration;
use super::leads::Lead;
use super::operations;
use super::submissions::DriverJournal;
use crate::measure::{CheckId, Recorder, RecorderBuilder};
use crate::outcome::FailureKind;
use crate::resilience::{Disposition, OperationKind};
use crate::scenario::checks;

/// Which operations an iteration asks for, in this order.
pub(super) type Steps = &'static [OperationKind];

/// A whole lead: enrich it, then make it known to Customer.io.
pub(super) const LEAD: Steps = &[OperationKind::Enrich, OperationKind::Identify, OperationKind::Track];

/// What a pipeline's caller can count on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    accepted: CheckId,
    answered_by_vendor: CheckId,
}

pub(super) fn register(recorder: &mut RecorderBuilder) -> Ids {
    Ids { accepted: recorder.check(checks::DELIVERED_OR_KEPT), answered_by_vendor: recorder.check(checks::ANSWERED_BY_VENDOR) }
}

/// Runs the steps; the first that is refused ends the iteration.
pub(super) async fn run(
    steps: Steps,
    caller: u16,
    lead: &Lead,
    integration: &Integration,
    ids: Ids,
    recorder: &Recorder,
    journal: &DriverJournal,
) -> Option<FailureKind> {
    for kind in steps {
        let operation = operations::of(*kind, lead, caller);
        let handed_in = journal.hands_in(&operation);
        let disposition = integration.call(operation).await;
        journal.disposed(handed_in, &disposition);
        let failure = judge(disposition, ids, recorder);
        if failure.is_some() {
            return failure;
        }
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
