//! The journeys that go through the pipelines: an operation at a vendor, or several, like a whole lead.

use std::time::Duration;

use super::checks;
use super::integration::Integration;
use super::leads::Lead;
use super::submissions::{DriverJournal, of_disposition};
use super::vendor_sender::{OperationRoutes, operation_routes};
use crate::journal::Answered;
use crate::measure::{CheckId, Recorder, RecorderBuilder};
use crate::outcome::{FailureKind, OperationKind};
use crate::resilience::{Disposition, Operation};
use crate::vendor_api::operation_data;

/// Which operations an iteration asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    /// In this order.
    operations: &'static [OperationKind],
    /// The number of the journey among those that go through the pipelines.
    caller: u16,
}

/// Registers the routes of a journey's operations: `callers` are those of the journeys before it.
pub(super) fn register(
    operations: &'static [OperationKind],
    callers: &mut Vec<OperationRoutes>,
    recorder: &mut RecorderBuilder,
) -> Option<Steps> {
    let caller = u16::try_from(callers.len()).ok()?;
    callers.push(operation_routes(recorder));
    Some(Steps { operations, caller })
}

/// What a pipeline's caller can count on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    accepted: CheckId,
    answered_by_vendor: CheckId,
}

impl Ids {
    pub(super) fn register(recorder: &mut RecorderBuilder) -> Self {
        Self {
            accepted: recorder.check(checks::DELIVERED_OR_KEPT),
            answered_by_vendor: recorder.check(checks::ANSWERED_BY_VENDOR),
        }
    }
}

/// Runs the steps; the first that fails ends the iteration. Gives what was said to the lead, and why it failed.
pub(super) async fn run(
    steps: Steps,
    lead: &Lead,
    due: Duration,
    integration: &Integration,
    ids: Ids,
    recorder: &Recorder,
    journal: &DriverJournal,
) -> (Answered, Option<FailureKind>) {
    let mut due = Some(due);
    for kind in steps.operations {
        let data = operation_data(*kind, &lead.data);
        // The iteration's first request was due with it, and the others when they are sent.
        let operation = Operation { caller: steps.caller, due: due.take(), ..Operation::new(*kind, &lead.user, data) };
        let handed_in = journal.hands_in(&operation);
        let disposition = integration.call(operation).await;
        journal.disposed(handed_in, &disposition);
        let answer = of_disposition(&disposition);
        let failure = judge(disposition, ids, recorder);
        if failure.is_some() {
            return (answer, failure);
        }
    }
    (Answered::Acknowledged, None)
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
