//! Error: a chosen answer instead of the vendor's. The vendor does not see the request.
//!
//! Any status and any body: gateways and captive portals answer for a vendor with redirects, with pages in HTML, with 200.

use bytes::Bytes;
use http::StatusCode;

use super::{Begun, Effect, Facts, FaultProblem, Moment, Verdict};
use crate::simulated::{Answer, Request, Vendor};
use crate::wire::has_body;

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
    let known = StatusCode::from_u16(*status).ok().filter(|status| status.as_u16() <= 599);
    if known.is_none() {
        problems.push(FaultProblem::value("status", format!("{status} is not an HTTP status"), "it must be from 100 to 599"));
    }
    if known.is_some_and(|status| !has_body(status)) && body.as_ref().is_some_and(|body| !body.is_empty()) {
        problems.push(FaultProblem::value("body", format!("an answer with status {status} has no body"), "leave it out"));
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
        let is_error = self.status.is_client_error() || self.status.is_server_error();
        Verdict::Answer(match &self.body {
            Some(body) => Answer::of_look(self.status, body.clone()),
            None if is_error => vendor.error(self.status, self.status.canonical_reason().unwrap_or("error")),
            None => Answer::text(self.status, Bytes::new()),
        })
    }
}
