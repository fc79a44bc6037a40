//! Sends operations to their vendors, each attempt a sample.

use std::sync::Arc;

use tokio::time::Instant;

use super::measured::{Call, Meter};
use crate::measure::{RecorderBuilder, RouteId};
use crate::outcome::{FailureKind, OperationKind};
use crate::resilience::{Operation, Reply, Sender};
use crate::transport::Body;
use crate::vendor_api::{Endpoints, LONGEST_ANSWER_KEPT, failure_of, reply, request};

/// The routes of the operations, by the numbers of their kinds.
pub(super) type OperationRoutes = [RouteId; OperationKind::COUNT];

/// The routes of the operations of one journey.
pub(super) fn operation_routes(recorder: &mut RecorderBuilder) -> OperationRoutes {
    OperationKind::ALL.map(|kind| recorder.route(kind.route().name, kind.vendor()))
}

/// Sends operations to their vendors.
#[derive(Debug, Clone)]
pub(super) struct VendorSender {
    pub(super) meter: Meter,
    pub(super) endpoints: Endpoints,
    /// By the number of the operation's caller.
    pub(super) routes: Arc<[OperationRoutes]>,
}

impl Sender for VendorSender {
    async fn send(&self, operation: &Operation, attempt: u32, deadline: Instant) -> Reply {
        let Some(request) = request(&self.endpoints, operation) else {
            // Nothing can be sent to an endpoint that the scenario does not name; validation refuses such scenarios.
            return Reply { failure: Some(FailureKind::ConnectionRefused), ..Reply::default() };
        };
        // What a pipeline waits for before the first attempt is latency; a retry is due when it is sent.
        let due = operation.due.filter(|_| attempt == 1);
        let body = Body::Keep(LONGEST_ANSWER_KEPT);
        let route = self.routes[usize::from(operation.caller)][operation.kind as usize];
        // The pipeline repeats, and counts it.
        let call = Call { route, attempt, due, deadline, body, repeats: false };
        let sent = self.meter.send(call, request, |answer| failure_of(operation.kind.route(), answer)).await;
        reply(sent.failure, sent.answer.as_ref())
    }
}
