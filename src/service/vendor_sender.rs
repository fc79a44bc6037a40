//! Sends operations to their vendors, each attempt counted.

use std::sync::Arc;

use tokio::time::Instant;

use super::metrics::Metrics;
use crate::outcome::FailureKind;
use crate::resilience::{Operation, Reply, Sender};
use crate::transport::{Body, Trace, Transport};
use crate::vendor_api::{Endpoints, LONGEST_ANSWER_KEPT, failure_of, reply, request};

/// Sends over a transport.
pub(super) struct VendorSender {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) endpoints: Endpoints,
    pub(super) metrics: Arc<Metrics>,
}

impl Sender for VendorSender {
    async fn send(&self, operation: &Operation, _attempt: u32, deadline: Instant) -> Reply {
        let Some(request) = request(&self.endpoints, operation) else {
            // A base URL and a percent-encoded user always make a URL; should they not, the vendor can't be asked.
            return Reply { failure: Some(FailureKind::ClientError), ..Reply::default() };
        };
        let sent = Instant::now();
        let mut attempt = Attempt { sender: self, operation, sent, deadline, ended: None };
        let timeout = deadline.saturating_duration_since(sent);
        let trace = Trace::new(sent);
        let result = self.transport.send(request, timeout, Body::Keep(LONGEST_ANSWER_KEPT), &trace).await;
        let (failure, answer) = match result {
            Ok(answer) => (failure_of(operation.kind.route(), &answer), Some(answer)),
            Err(error) => (Some(error.kind()), None),
        };
        attempt.ended = Some((answer.as_ref().map_or(0, |answer| answer.status), failure));
        reply(failure, answer.as_ref())
    }
}

/// An attempt in flight; it is counted when it is dropped, answered or not.
struct Attempt<'a> {
    sender: &'a VendorSender,
    operation: &'a Operation,
    sent: Instant,
    deadline: Instant,
    /// Status and failure, once they are known.
    ended: Option<(u16, Option<FailureKind>)>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.sent);
        let cut_off = if now >= self.deadline { FailureKind::Timeout } else { FailureKind::Interrupted };
        let (status, failure) = self.ended.unwrap_or((0, Some(cut_off)));
        self.sender.metrics.attempt(self.operation.kind.route(), status, failure, took);
    }
}
