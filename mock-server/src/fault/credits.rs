//! Credits: Clay's are used up, whatever the simulated workspace still has.
//!
//! No waiting helps against it before the month is over, so a client should stop asking and put its work aside: a retry is
//! wrong here, where it is right for a 429.

use http::StatusCode;

use super::effect::{Effect, Moment, Verdict};
use crate::simulated::{Request, Vendor};

pub(super) fn describe() -> String {
    "credits used up (402)".to_owned()
}

pub(super) struct UsedUp;

impl Effect for UsedUp {
    fn judge(&self, vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        // The status is documented, the message is not: it says what the documentation says of the status.
        Verdict::Answer(vendor.error(StatusCode::PAYMENT_REQUIRED, "credits exhausted"))
    }
}
