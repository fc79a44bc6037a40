//! One request, with checks of its status and its latency: `http` to the user's own service, and `clay.resource`.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;

use super::measured::{Meter, Sent};
use super::settings::HttpJourney;
use crate::measure::{CheckId, Recorder, RecorderBuilder, RouteId};
use crate::outcome::{FailureKind, Peer};
use crate::transport::Body;
use crate::vendor_api::{EndpointError, secret_header};

/// A request that can be sent: everything that is the same for each, made once.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    /// The label of its samples.
    pub(super) name: String,
    /// Who answers it.
    pub(super) peer: Peer,
    pub(super) request: Request<Full<Bytes>>,
    pub(super) timeout: Duration,
    /// The status that is right; any below 400 when `None`. Its check has this name.
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
}

impl Http {
    pub(super) async fn run(&self, due: Duration, meter: &Meter, recorder: &Recorder) -> Option<FailureKind> {
        let Prepared { request, timeout, status: (expected, _), .. } = &self.prepared;
        let Sent { failure, answer, took } =
            meter.send(self.route, 1, Some(due), request.clone(), Instant::now() + *timeout, Body::Count).await;
        let as_expected = match (expected, &answer) {
            (Some(status), Some(answer)) => answer.status == *status,
            (None, _) => failure.is_none(),
            (Some(_), None) => false,
        };
        recorder.check(self.status, as_expected);
        if let Some((bound, check)) = self.latency {
            recorder.check(check, took < bound);
        }
        failure
    }
}
