//! Auth: the key has been rotated, and requests with the old one are refused.
//!
//! A client that only retries makes no progress; one that fetches the new key does, which is what the runbook's "verify and
//! rotate the key" comes to. With a `new_key` the way out can be tried too. Routes that ask for no key (an open webhook source)
//! are hit as well where they are in scope.

use http::StatusCode;

use super::{Begun, Effect, Facts, FaultProblem, Moment, Verdict};
use crate::secret::Secret;
use crate::simulated::{Request, Vendor};

pub(super) const FACTS: Facts =
    Facts { keys: &["status", "new_key"], defaults: |form| _ = form.status.get_or_insert(401), ..Facts::NONE };

pub(super) fn describe(status: &u16, new_key: &Option<Secret>) -> String {
    let way_out = if new_key.is_some() { " without the new key" } else { "" };
    format!("key rotated ({status}{way_out})")
}

pub(super) fn check(status: &u16, new_key: &Option<Secret>, problems: &mut Vec<FaultProblem>) {
    if !matches!(status, 401 | 403) {
        let help = "it must be 401 or 403; for another status use a fault of kind `error`";
        problems.push(FaultProblem::value("status", format!("{status} does not refuse a key"), help));
    }
    if new_key.as_ref().is_some_and(|key| key.0.is_empty()) {
        problems.push(FaultProblem::value(
            "new_key",
            "the new key is empty",
            "give one, or leave it out to refuse every request",
        ));
    }
}

pub(super) fn effect(status: &u16, new_key: &Option<Secret>, _: Begun<'_>) -> Box<dyn Effect> {
    let status = if *status == 403 { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
    Box::new(KeyRotation { status, new_key: new_key.clone() })
}

struct KeyRotation {
    status: StatusCode,
    new_key: Option<Secret>,
}

impl Effect for KeyRotation {
    fn judge(&self, vendor: &dyn Vendor, request: &Request<'_>, _moment: Moment) -> Verdict {
        if self.new_key.as_ref().is_some_and(|key| vendor.carries(request, &key.0)) {
            return Verdict::Pass;
        }
        Verdict::Answer(vendor.error(self.status, self.status.canonical_reason().unwrap_or("error")))
    }

    fn new_key(&self) -> Option<&Secret> {
        self.new_key.as_ref()
    }
}
