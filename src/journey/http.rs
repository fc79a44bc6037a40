//! `http`: one request to the user's own service.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::Full;

use super::endpoints::EndpointError;
use super::measured::Meter;
use crate::clock::LoadClock;
use crate::measure::{CheckId, Recorder, RecorderBuilder, RouteId};
use crate::outcome::{FailureKind, Vendor};
use crate::scenario::HttpJourney;
use crate::transport::Body;
use crate::units::format_duration;

/// The journey, with everything that is the same for each request made once.
#[derive(Debug)]
pub(super) struct Http {
    method: http::Method,
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
    timeout: Duration,
    expect_status: Option<u16>,
    expect_latency: Option<Duration>,
    ids: Ids,
}

/// What it registers before the load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    route: RouteId,
    status: CheckId,
    latency: Option<CheckId>,
}

pub(super) fn register(journey: &HttpJourney, recorder: &mut RecorderBuilder) -> Ids {
    let status = match journey.expect_status {
        Some(status) => format!("{}: status is {status}", journey.name),
        None => format!("{}: status is below 400", journey.name),
    };
    let latency = journey.expect_latency.map(|bound| format!("{}: latency < {}", journey.name, format_duration(bound)));
    Ids {
        route: recorder.route(&journey.name, Vendor::Service),
        status: recorder.check(&status),
        latency: latency.map(|name| recorder.check(&name)),
    }
}

impl Http {
    pub(super) fn new(ids: Ids, journey: &HttpJourney) -> Result<Self, EndpointError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &journey.headers {
            let mut value =
                HeaderValue::from_str(value.expose()).map_err(|_| EndpointError::BadCredential("an http journey's header"))?;
            value.set_sensitive(true);
            headers.append(name.clone(), value);
        }
        Ok(Self {
            method: journey.method.clone(),
            uri: journey.url.clone(),
            headers,
            body: Bytes::from(journey.body.clone()),
            timeout: journey.timeout,
            expect_status: journey.expect_status,
            expect_latency: journey.expect_latency,
            ids,
        })
    }

    pub(super) async fn run(&self, meter: &Meter, recorder: &Recorder, clock: &LoadClock) -> Option<FailureKind> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let sent = clock.now();
        let (failure, answer) = meter.send(self.ids.route, 1, request, self.timeout, Body::Count).await;
        let as_expected = match (self.expect_status, &answer) {
            (Some(status), Some(answer)) => answer.status == status,
            (None, _) => failure.is_none(),
            (Some(_), None) => false,
        };
        recorder.check(self.ids.status, as_expected);
        if let (Some(check), Some(bound)) = (self.ids.latency, self.expect_latency) {
            recorder.check(check, clock.now().saturating_sub(sent) < bound);
        }
        failure
    }
}
