//! Error: a chosen status instead of the vendor's answer. The vendor does not see the request.

use bytes::Bytes;
use http::StatusCode;

use super::{Begun, Effect, Facts, FaultProblem, Moment, Verdict};
use crate::simulated::{Answer, Request, Vendor};

pub(super) const FACTS: Facts = Facts { keys: &["status", "body"], needs: &[("status", "status = 503")], ..Facts::NONE };

pub(super) fn describe(status: &u16, body: &Option<String>) -> String {
    match body {
        Some(_) => format!("status {status} with a body of its own"),
        None => format!("status {status}"),
    }
}

/// The longest body that a fault may answer with, in bytes: far beyond what the vendors send, and little enough to be kept
/// for every request under way.
const LONGEST_BODY: usize = 1024 * 1024;

pub(super) fn check(status: &u16, body: &Option<String>, problems: &mut Vec<FaultProblem>) {
    if !(400..=599).contains(status) {
        problems.push(FaultProblem::value("status", format!("{status} is not an error status"), "it must be from 400 to 599"));
    }
    if body.as_ref().is_some_and(|body| body.len() > LONGEST_BODY) {
        problems.push(FaultProblem::value("body", "the body is over 1 MiB", "give a shorter one"));
    }
}

pub(super) fn effect(status: &u16, body: &Option<String>, _: Begun<'_>) -> Box<dyn Effect> {
    // Validated before a simulation starts; anything else is a failure as well.
    let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Box::new(ErrorAnswer { status, body: body.clone().map(Bytes::from) })
}

struct ErrorAnswer {
    status: StatusCode,
    body: Option<Bytes>,
}

impl Effect for ErrorAnswer {
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
