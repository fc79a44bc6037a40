//! Sends operations to their vendors, each attempt a sample.

use std::sync::Arc;
use std::time::Duration;

use super::measured::Meter;
use crate::measure::{RecorderBuilder, RouteId};
use crate::outcome::{FailureKind, Vendor};
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
    pub(super) fn register(recorder: &mut RecorderBuilder) -> Self {
        Self {
            webhook: recorder.route(Route::Webhook.as_str(), Vendor::Clay),
            identify: recorder.route(Route::Identify.as_str(), Vendor::CustomerIo),
            track: recorder.route(Route::Track.as_str(), Vendor::CustomerIo),
        }
    }

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
    /// By the number of the operation's caller.
    pub(super) routes: Arc<[OperationRoutes]>,
    pub(super) timeout: Duration,
}

impl Sender for VendorSender {
    async fn send(&self, operation: &Operation, attempt: u32) -> Reply {
        let Some(request) = request(&self.endpoints, operation) else {
            // Nothing can be sent to an endpoint that the scenario does not name; validation refuses such scenarios.
            return Reply { failure: Some(FailureKind::ConnectionRefused), ..Reply::default() };
        };
        // What a pipeline waits for before the first attempt is latency; a retry is due when it is sent.
        let due = operation.due.filter(|_| attempt == 1);
        let body = Body::Keep(LONGEST_ANSWER_KEPT);
        let routes = self.routes[usize::from(operation.caller)];
        let sent = self.meter.send(routes.of(operation), attempt, due, request, self.timeout, body).await;
        reply(sent.failure, sent.answer.as_ref())
    }
}
