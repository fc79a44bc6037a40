//! Error: a chosen status instead of the vendor's answer. The vendor does not see the request.

use bytes::Bytes;
use http::StatusCode;

use super::effect::{Effect, Moment, Verdict};
use super::validate::FaultProblem;
use crate::vendor::{Answer, Request, Vendor};

pub(super) fn describe(status: u16, body: Option<&str>) -> String {
    match body {
        Some(_) => format!("status {status} with a body of its own"),
        None => format!("status {status}"),
    }
}

pub(super) fn problem(status: u16) -> Option<FaultProblem> {
    (!(400..=599).contains(&status))
        .then(|| FaultProblem::new("status", format!("{status} is not an error status; it must be from 400 to 599")))
}

pub(super) struct Failing {
    status: StatusCode,
    body: Option<Bytes>,
}

impl Failing {
    pub(super) fn new(status: u16, body: Option<String>) -> Self {
        // Validated before a simulation starts; anything else is a failure as well.
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, body: body.map(Bytes::from) }
    }
}

impl Effect for Failing {
    fn judge(&self, vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Answer(match &self.body {
            // A body that is not JSON must not claim to be.
            Some(body) if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() => {
                Answer::text(self.status, body.clone())
            }
            Some(body) => Answer::json(self.status, body.clone()),
            None => vendor.error(self.status, self.status.canonical_reason().unwrap_or("error")),
        })
    }
}
