//! Sends operations to their vendors, each attempt a sample.

use std::time::Duration;

use super::measured::Meter;
use crate::measure::RouteId;
use crate::outcome::FailureKind;
use crate::resilience::{Operation, Reply, Sender};
use crate::transport::Body;
use crate::vendor_api::{Endpoints, LONGEST_ANSWER_KEPT, Route, reply, request};

/// The routes of the operations.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperationRoutes {
    pub(super) webhook: RouteId,
    pub(super) identify: RouteId,
    pub(super) track: RouteId,
}

impl OperationRoutes {
    fn of(self, operation: &Operation) -> RouteId {
        match Route::of(operation.kind) {
            Route::Webhook => self.webhook,
            Route::Identify => self.identify,
            Route::Track => self.track,
        }
    }
}

/// Sends operations to Clay and to Customer.io.
#[derive(Debug, Clone)]
pub(super) struct VendorSender {
    pub(super) meter: Meter,
    pub(super) endpoints: Endpoints,
    pub(super) routes: OperationRoutes,
    pub(super) timeout: Duration,
}

impl Sender for VendorSender {
    async fn send(&self, operation: &Operation, attempt: u32) -> Reply {
        let Some(request) = request(&self.endpoints, operation) else {
            // Nothing can be sent to an endpoint that the scenario does not name; validation refuses such scenarios.
            return Reply { failure: Some(FailureKind::ConnectionRefused), ..Reply::default() };
        };
        let body = Body::Keep(LONGEST_ANSWER_KEPT);
        let sent = self.meter.send(self.routes.of(operation), attempt, request, self.timeout, body).await;
        reply(sent.failure, sent.answer.as_ref())
    }
}
