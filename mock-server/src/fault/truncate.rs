//! Truncate: the answer breaks off after so many bytes of its body.
//!
//! The head promises more than comes, and the connection is closed in order, as by a proxy that gives up. A client must not
//! take the part for the whole. How the connection ends is left to a reset, where one hits the same answer.

use super::body;
use tokio::time::Instant;

use super::effect::{Effect, Moment, Verdict};
use crate::simulated::{Request, Vendor};
use crate::wire::Script;

pub(super) fn describe(bytes: u64) -> String {
    format!("answer cut after {bytes} bytes of the body")
}

pub(super) struct Cut(pub(super) u64);

impl Effect for Cut {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Wire { asks_vendor: true }
    }

    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        body::cut(script, self.0)
    }
}
