//! Auth: the key has been rotated, and requests with the old one are refused.
//!
//! A client that only retries makes no progress; one that fetches the new key does, which is what the runbook's "verify and
//! rotate the key" comes to. With a `new_key` the way out can be tried too. Routes that ask for no key (an open webhook source)
//! are hit as well where they are in scope.

use http::StatusCode;

use super::effect::{Effect, Moment, Verdict};
use super::problem::FaultProblem;
use crate::settings::Secret;
use crate::simulated::{Request, Vendor};

pub(super) fn describe(status: u16, has_new_key: bool) -> String {
    let way_out = if has_new_key { " without the new key" } else { "" };
    format!("key rotated ({status}{way_out})")
}

pub(super) fn problems(status: u16, new_key: Option<&Secret>, problems: &mut Vec<FaultProblem>) {
    if !matches!(status, 401 | 403) {
        let help = "it must be 401 or 403; for another status use a fault of kind `error`";
        problems.push(FaultProblem::value("status", format!("{status} does not refuse a key"), help));
    }
    if new_key.is_some_and(|key| key.0.is_empty()) {
        problems.push(FaultProblem::value(
            "new_key",
            "the new key is empty",
            "give one, or leave it out to refuse every request",
        ));
    }
}

pub(super) struct Rotated {
    status: StatusCode,
    new_key: Option<Secret>,
}

impl Rotated {
    pub(super) fn new(status: u16, new_key: Option<Secret>) -> Self {
        let status = if status == 403 { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
        Self { status, new_key }
    }
}

impl Effect for Rotated {
    fn judge(&self, vendor: &dyn Vendor, request: &Request<'_>, _moment: Moment) -> Verdict {
        if self.new_key.as_ref().is_some_and(|key| vendor.carries(request, &key.0)) {
            return Verdict::Pass;
        }
        Verdict::Answer(vendor.error(self.status, self.status.canonical_reason().unwrap_or("error")))
    }
}
