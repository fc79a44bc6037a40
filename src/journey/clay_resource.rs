//! `clay.resource`: the load-scale document's k6 script, request for request.

use std::time::Duration;

use super::checks;
use super::http::Prepared;
use crate::outcome::CLAY_RESOURCE;
use crate::vendor_api::Endpoints;

/// The bound of its second check.
const LATENCY: Duration = Duration::from_millis(500);
/// Longest wait: k6's default.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What it sends.
const BODY: &[u8] = br#"{"test":true}"#;

/// The journey; `None` where Clay is not named, which validation refuses.
pub(super) fn prepared(endpoints: &Endpoints) -> Option<Prepared> {
    Some(Prepared {
        name: CLAY_RESOURCE.name.to_owned(),
        peer: CLAY_RESOURCE.vendor.into(),
        request: endpoints.request(CLAY_RESOURCE, "", BODY)?,
        timeout: TIMEOUT,
        status: (CLAY_RESOURCE.success.first().copied(), checks::STATUS_IS_200.to_owned()),
        latency: Some((LATENCY, checks::LATENCY_BELOW_500_MS.to_owned())),
    })
}
