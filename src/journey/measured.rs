//! Sends a request and records it as an attempt, whatever becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;

use crate::clock::LoadClock;
use crate::measure::{AttemptSample, Recorder, RouteId};
use crate::outcome::FailureKind;
use crate::transport::{Answer, Body, Trace, Transport};

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

    /// Sends the request; `failure_of` says why an answer is no success. A future that is dropped while it waits counts as timed out from `deadline` on. Before that the end of
    /// the run has cut it off: then it is counted as that, and is no sample.
    pub(super) async fn send(
        &self,
        call: Call,
        request: Request<Full<Bytes>>,
        failure_of: impl Fn(&Answer) -> Option<FailureKind>,
    ) -> Sent {
        let mut sample = Unfinished::new(self, call);
        let Call { deadline, body, .. } = call;
        let result = self.transport.send(request, deadline.saturating_duration_since(Instant::now()), body, &sample.trace).await;
        let (failure, answer) = match result {
            Ok(answer) => (failure_of(&answer), Some(answer)),
            Err(error) => (Some(error.kind()), None),
        };
        sample.status = answer.as_ref().map_or(0, |answer| answer.status);
        sample.bytes = answer.as_ref().map_or(0, |answer| answer.body_bytes);
        let done = self.clock.now();
        sample.outcome = Some((failure, done));
        let took = done.saturating_sub(sample.sent);
        Sent { failure, answer, took: took.checked_sub(sample.trace.steps().handed).unwrap_or(took) }
    }
}

/// A request to be sent: everything but itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) route: RouteId,
    /// The number of the attempt, from 1.
    pub(super) attempt: u32,
    /// When it is due, unless that is when it is sent.
    pub(super) due: Option<Duration>,
    pub(super) deadline: Instant,
    pub(super) body: Body,
    /// It has the same effect when it is processed twice.
    pub(super) repeats: bool,
}

impl Call {
    /// An iteration's only request: there is no second attempt, and its answer's body is only counted.
    pub(super) fn only(route: RouteId, due: Duration, timeout: Duration, repeats: bool) -> Self {
        Self { route, attempt: 1, due: Some(due), deadline: Instant::now() + timeout, body: Body::Count, repeats }
    }
}

/// What became of a request.
pub(super) struct Sent {
    /// Why it failed; `None` for a success.
    pub(super) failure: Option<FailureKind>,
    /// The answer, when a whole one came.
    pub(super) answer: Option<Answer>,
    /// From handing it to a connection, or without one from sending it, to the last byte of the answer, or to giving up.
    pub(super) took: Duration,
}

/// A sample that is recorded when it goes out of scope.
struct Unfinished<'a> {
    meter: &'a Meter,
    call: Call,
    sent: Duration,
    trace: Trace,
    status: u16,
    bytes: u64,
    /// What came of it and when; `None` until it is known.
    outcome: Option<(Option<FailureKind>, Duration)>,
}

impl<'a> Unfinished<'a> {
    fn new(meter: &'a Meter, call: Call) -> Self {
        meter.in_flight.fetch_add(1, Ordering::Relaxed);
        let sent = meter.clock.now();
        let trace = Trace::new(meter.clock.instant(sent)).repeating(call.repeats);
        Self { meter, call, sent, trace, status: 0, bytes: 0, outcome: None }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.meter.in_flight.fetch_sub(1, Ordering::Relaxed);
        let given_up = || (Instant::now() >= self.call.deadline).then(|| (Some(FailureKind::Timeout), self.meter.clock.now()));
        let known = self.outcome.or_else(given_up);
        let (failure, done) = known.unwrap_or_else(|| (Some(FailureKind::Interrupted), self.meter.clock.now()));
        let sample = AttemptSample {
            route: self.call.route,
            due: self.call.due.unwrap_or(self.sent),
            sent: self.sent,
            done,
            steps: self.trace.steps(),
            bytes: self.bytes,
            status: self.status,
            failure,
            attempt: self.call.attempt,
        };
        match known {
            Some(_) => self.meter.recorder.attempt(sample),
            None => self.meter.recorder.request_interrupted(sample),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::measure::{Observed, RecorderBuilder, SampleKind};
    use crate::outcome::Peer;
    use crate::transport::SendError;

    /// Never answers.
    #[derive(Debug)]
    struct Silent;

    impl Transport for Silent {
        fn send<'a>(
            &'a self,
            _request: Request<Full<Bytes>>,
            _timeout: Duration,
            _body: Body,
            _trace: &'a Trace,
        ) -> BoxFuture<'a, Result<Answer, SendError>> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_run_cuts_off_is_no_failure_and_what_a_pipeline_gives_up_is_one() {
        let clock = LoadClock::start();
        let mut builder = RecorderBuilder::new(clock, Vec::new(), Vec::new());
        let route = builder.route("service", Peer::Service);
        let (recorder, mut collector) = builder.build(1);
        let meter = Meter::new(Arc::new(Silent), recorder, clock);
        for dropped_after in [1, 5] {
            let call = Call::only(route, clock.now(), Duration::from_secs(5), false);
            let sending = meter.send(call, Request::default(), |answer| FailureKind::of_status(answer.status));
            let dropped = tokio::time::timeout(Duration::from_secs(dropped_after), sending).await;
            assert!(dropped.is_err());
        }
        collector.cut(clock.now(), Observed::default());
        let totals = collector.totals();
        let timed_out = totals.count(SampleKind::Attempt, |labels| labels.failure == Some(FailureKind::Timeout));
        assert_eq!((totals.interrupted_requests, timed_out), (1, 1));
        assert_eq!((totals.count(SampleKind::Attempt, |_| true), meter.in_flight()), (1, 0));
    }
}
