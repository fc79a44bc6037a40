//! Hang: the request is read, and nothing ever comes.
//!
//! Only a time-out helps a client against it. The vendor is not asked, so that a request which hung and is sent again leaves
//! one effect; for the other case there is the lost answer.

use tokio::time::Instant;

use super::effect::{Effect, Moment, Verdict};
use crate::simulated::{Request, Vendor};
use crate::wire::{End, Script};

pub(super) fn describe() -> String {
    "hang (never answered)".to_owned()
}

pub(super) struct Silent;

impl Effect for Silent {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Wire { asks_vendor: false }
    }

    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        super::body::lose(script, End::Hang)
    }
}
