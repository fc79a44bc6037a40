//! `http`: one request to the user's own service.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::Full;

use super::measured::{Meter, Sent};
use super::settings::HttpJourney;
use crate::measure::{CheckId, Recorder, RecorderBuilder, RouteId};
use crate::outcome::{FailureKind, Peer};
use crate::transport::Body;
use crate::vendor_api::EndpointError;

/// A request that can be sent: everything that is the same for each, made once.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    name: String,
    method: http::Method,
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
    timeout: Duration,
    expect_status: Option<u16>,
    expect_latency: Option<Duration>,
    status_check: String,
    latency_check: Option<String>,
}

impl Prepared {
    pub(super) fn new(journey: &HttpJourney) -> Result<Self, EndpointError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &journey.headers {
            let value = HeaderValue::from_str(value.expose());
            let mut value = value.map_err(|_| EndpointError::BadCredential("an http journey's header"))?;
            value.set_sensitive(true);
            headers.append(name.clone(), value);
        }
        Ok(Self {
            name: journey.name.clone(),
            method: journey.method.clone(),
            uri: journey.url.clone(),
            headers,
            body: Bytes::from(journey.body.clone()),
            timeout: journey.timeout,
            expect_status: journey.expect_status,
            expect_latency: journey.expect_latency,
            status_check: journey.status_check(),
            latency_check: journey.latency_check(),
        })
    }

    pub(super) fn register(self, recorder: &mut RecorderBuilder) -> Http {
        let name = &self.name;
        Http {
            route: recorder.route(name, Peer::Service),
            status: recorder.check(&self.status_check),
            latency: self.latency_check.as_deref().map(|name| recorder.check(name)),
            request: self,
        }
    }
}

/// The journey.
#[derive(Debug)]
pub(super) struct Http {
    request: Prepared,
    route: RouteId,
    status: CheckId,
    latency: Option<CheckId>,
}

impl Http {
    pub(super) async fn run(&self, due: Duration, meter: &Meter, recorder: &Recorder) -> Option<FailureKind> {
        let mut request = Request::new(Full::new(self.request.body.clone()));
        *request.method_mut() = self.request.method.clone();
        *request.uri_mut() = self.request.uri.clone();
        *request.headers_mut() = self.request.headers.clone();
        let Sent { failure, answer, took } =
            meter.send(self.route, 1, Some(due), request, self.request.timeout, Body::Count).await;
        let as_expected = match (self.request.expect_status, &answer) {
            (Some(status), Some(answer)) => answer.status == status,
            (None, _) => failure.is_none(),
            (Some(_), None) => false,
        };
        recorder.check(self.status, as_expected);
        if let (Some(check), Some(bound)) = (self.latency, self.request.expect_latency) {
            recorder.check(check, took < bound);
        }
        failure
    }
}
