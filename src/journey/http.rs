//! One request, with checks of its status and its latency: `http` to the user's own service, and `clay.resource`.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::measured::{Call, Meter, Sent};
use super::settings::HttpJourney;
use crate::measure::{CheckId, Recorder, RecorderBuilder, RouteId};
use crate::outcome::{FailureKind, Peer};
use crate::transport::Answer;
use crate::vendor_api::{EndpointError, IDEMPOTENCY_KEY, secret_header};

/// A request that can be sent: everything that is the same for each, made once.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    /// The label of its samples.
    pub(super) name: String,
    /// Who answers it.
    pub(super) peer: Peer,
    pub(super) request: Request<Full<Bytes>>,
    pub(super) timeout: Duration,
    /// The status that is right; any from 200 to 399 when `None`. Its check has this name.
    pub(super) status: (Option<u16>, String),
    /// The bound of the latency, and the name of its check.
    pub(super) latency: Option<(Duration, String)>,
}

impl Prepared {
    pub(super) fn new(journey: &HttpJourney) -> Result<Self, EndpointError> {
        let mut request = Request::new(Full::new(Bytes::from(journey.body.clone())));
        *request.method_mut() = journey.method.clone();
        *request.uri_mut() = journey.url.clone();
        for (name, value) in &journey.headers {
            request.headers_mut().append(name.clone(), secret_header(value.expose(), "an http journey's header")?);
        }
        Ok(Self {
            name: journey.name.clone(),
            peer: Peer::Service,
            request,
            timeout: journey.timeout,
            status: (journey.expect_status, journey.status_check()),
            latency: journey.expect_latency.zip(journey.latency_check()),
        })
    }

    pub(super) fn register(self, recorder: &mut RecorderBuilder) -> Http {
        Http {
            route: recorder.route(&self.name, self.peer),
            status: recorder.check(&self.status.1),
            latency: self.latency.as_ref().map(|(bound, name)| (*bound, recorder.check(name))),
            repeats: self.request.method().is_idempotent() || self.request.headers().contains_key(IDEMPOTENCY_KEY),
            prepared: self,
        }
    }
}

/// The journey.
#[derive(Debug)]
pub(super) struct Http {
    prepared: Prepared,
    route: RouteId,
    status: CheckId,
    latency: Option<(Duration, CheckId)>,
    /// The method says so, or the request's own key.
    repeats: bool,
}

impl Http {
    pub(super) async fn run(&self, due: Duration, meter: &Meter, recorder: &Recorder) -> Option<FailureKind> {
        let Prepared { request, timeout, status: (expected, _), .. } = &self.prepared;
        let failure_of = |answer: &Answer| match expected {
            Some(expected) => (answer.status != *expected).then(|| FailureKind::of_unexpected(answer.status)),
            None => FailureKind::of_status(answer.status),
        };
        let call = Call::only(self.route, due, *timeout, self.repeats);
        let Sent { failure, took, .. } = meter.send(call, request.clone(), failure_of).await;
        recorder.check(self.status, failure.is_none());
        if let Some((bound, check)) = self.latency {
            recorder.check(check, took < bound);
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::BoxFuture;

    use super::*;
    use crate::clock::LoadClock;
    use crate::measure::{CheckCount, Observed, SampleKind};
    use crate::transport::{Body, SendError, Trace, Transport};

    /// Answers with this status.
    #[derive(Debug)]
    struct Answers(u16);

    impl Transport for Answers {
        fn send<'a>(
            &'a self,
            _: Request<Full<Bytes>>,
            _: Duration,
            _: Body,
            _: &'a Trace,
        ) -> BoxFuture<'a, Result<Answer, SendError>> {
            let answer = Answer { status: self.0, headers: Default::default(), body: Bytes::new(), body_bytes: 0 };
            Box::pin(std::future::ready(Ok(answer)))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_expected_status_decides_the_iteration_the_check_and_the_request_alike() {
        use FailureKind as F;
        for (expected, status, failure) in [
            (Some(404), 404, None),
            (Some(404), 200, Some(F::BadAnswer)),
            (Some(404), 503, Some(F::ServerError)),
            (Some(302), 302, None),
            (Some(200), 204, Some(F::BadAnswer)),
            (None, 200, None),
            (None, 302, None),
            (None, 101, Some(F::BadAnswer)),
            (None, 404, Some(F::ClientError)),
        ] {
            let clock = LoadClock::start();
            let mut builder = RecorderBuilder::new(clock, Vec::new(), Vec::new());
            let (name, request) = ("gone".to_owned(), Request::default());
            let (timeout, status_check) = (Duration::from_secs(1), (expected, "as expected".to_owned()));
            let prepared = Prepared { name, peer: Peer::Service, request, timeout, status: status_check, latency: None };
            let http = prepared.register(&mut builder);
            let (recorder, mut collector) = builder.build(1);
            let meter = Meter::new(Arc::new(Answers(status)), recorder.clone(), clock);
            assert_eq!(http.run(Duration::ZERO, &meter, &recorder).await, failure, "{expected:?} {status}");
            collector.cut(clock.now(), Observed::default());
            let totals = collector.totals();
            let failed = totals.count(SampleKind::Attempt, |labels| labels.failure == failure && labels.status == status);
            let passes = u64::from(failure.is_none());
            assert_eq!(
                (failed, totals.checks["as expected"]),
                (1, CheckCount { passes, fails: 1 - passes }),
                "{expected:?} {status}"
            );
        }
    }
}
