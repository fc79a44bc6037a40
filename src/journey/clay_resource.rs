//! `clay.resource`: the load-scale document's k6 script, request for request.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;

use super::checks;
use super::measured::{Meter, Sent};
use crate::measure::{CheckId, Recorder, RecorderBuilder, RouteId};
use crate::outcome::{FailureKind, Vendor};
use crate::transport::Body;
use crate::vendor_api::Endpoints;

/// The bound of its second check.
const LATENCY: Duration = Duration::from_millis(500);
/// Longest wait: k6's default.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The journey.
#[derive(Debug)]
pub(super) struct ClayResource {
    uri: Uri,
    authorization: Option<HeaderValue>,
    route: RouteId,
    status_is_200: CheckId,
    latency_below_500_ms: CheckId,
}

/// The journey; `None` where Clay is not named, which validation refuses.
pub(super) fn register(endpoints: &Endpoints, recorder: &mut RecorderBuilder) -> Option<ClayResource> {
    Some(ClayResource {
        uri: endpoints.clay_resource.clone()?,
        authorization: endpoints.clay_authorization.clone(),
        route: recorder.route("clay.resource", Vendor::Clay),
        status_is_200: recorder.check(checks::STATUS_IS_200),
        latency_below_500_ms: recorder.check(checks::LATENCY_BELOW_500_MS),
    })
}

impl ClayResource {
    pub(super) async fn run(&self, due: Duration, meter: &Meter, recorder: &Recorder) -> Option<FailureKind> {
        let mut request = Request::new(Full::new(Bytes::from_static(br#"{"test":true}"#)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        let Sent { failure, answer, took } = meter.send(self.route, 1, Some(due), request, TIMEOUT, Body::Count).await;
        recorder.check(self.status_is_200, answer.is_some_and(|answer| answer.status == 200));
        recorder.check(self.latency_below_500_ms, took < LATENCY);
        failure
    }
}
