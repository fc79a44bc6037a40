//! Sends a request and records it as an attempt, whatever becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::clock::LoadClock;
use crate::measure::{AttemptSample, Recorder, RouteId};
use crate::outcome::FailureKind;
use crate::transport::{Answer, Body, Transport};

/// A transport whose every request is a sample.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    transport: Arc<dyn Transport>,
    recorder: Recorder,
    clock: LoadClock,
    in_flight: Arc<AtomicU64>,
}

impl Meter {
    pub(super) fn new(transport: Arc<dyn Transport>, recorder: Recorder, clock: LoadClock) -> Self {
        Self { transport, recorder, clock, in_flight: Arc::default() }
    }

    /// Requests sent and not yet answered.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Sends the request; an answer below 400 is a success. `attempt` counts from 1. A future that is dropped while it
    /// waits counts as timed out when `timeout` has passed, else as interrupted.
    pub(super) async fn send(
        &self,
        route: RouteId,
        attempt: u32,
        request: Request<Full<Bytes>>,
        timeout: Duration,
        body: Body,
    ) -> Sent {
        let mut sample = Unfinished::new(self, route, attempt, timeout);
        let result = self.transport.send(request, timeout, body).await;
        let (failure, answer) = match result {
            Ok(answer) => (FailureKind::of_status(answer.status), Some(answer)),
            Err(error) => (Some(error.kind()), None),
        };
        sample.status = answer.as_ref().map_or(0, |answer| answer.status);
        sample.bytes = answer.as_ref().map_or(0, |answer| answer.body_bytes);
        let done = self.clock.now();
        sample.outcome = Some((failure, done));
        Sent { failure, answer, took: done.saturating_sub(sample.sent) }
    }
}

/// What became of a request.
pub(super) struct Sent {
    /// Why it failed; `None` for a success.
    pub(super) failure: Option<FailureKind>,
    /// The answer, when a whole one came.
    pub(super) answer: Option<Answer>,
    /// From sending it to the last byte of the answer, or to giving up.
    pub(super) took: Duration,
}

/// A sample that is recorded when it goes out of scope.
struct Unfinished<'a> {
    meter: &'a Meter,
    route: RouteId,
    attempt: u32,
    sent: Duration,
    timeout: Duration,
    status: u16,
    bytes: u64,
    /// What came of it and when; `None` until it is known.
    outcome: Option<(Option<FailureKind>, Duration)>,
}

impl<'a> Unfinished<'a> {
    fn new(meter: &'a Meter, route: RouteId, attempt: u32, timeout: Duration) -> Self {
        meter.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { meter, route, attempt, sent: meter.clock.now(), timeout, status: 0, bytes: 0, outcome: None }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let (failure, done) = self.outcome.unwrap_or_else(|| {
            let now = self.meter.clock.now();
            let waited = now.saturating_sub(self.sent);
            (Some(if waited >= self.timeout { FailureKind::Timeout } else { FailureKind::Interrupted }), now)
        });
        self.meter.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.meter.recorder.attempt(AttemptSample {
            route: self.route,
            // Users send when they are ready: a request is due when it is sent.
            due: self.sent,
            sent: self.sent,
            done,
            bytes: self.bytes,
            status: self.status,
            failure,
            attempt: self.attempt,
        });
    }
}
