//! Outage: the vendor is gone.
//!
//! Three ways, because clients tell them apart: a refused connection fails at once and is safe to repeat, a closed one
//! leaves open whether the request was carried out, and a 503 is an answer.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::effect::{Effect, Moment, Verdict};
use crate::vendor::{Request, Vendor};

/// Ways of being gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// Nobody listens: connections are refused, open ones closed. Only for a whole vendor and every request.
    Refuse,
    /// Connections are accepted and closed without an answer.
    Close,
    /// 503.
    Unavailable,
}

pub(super) fn describe(how: Outage) -> String {
    match how {
        Outage::Refuse => "outage (connection refused)",
        Outage::Close => "outage (connection closed)",
        Outage::Unavailable => "outage (503)",
    }
    .to_owned()
}

pub(super) struct Gone(pub(super) Outage);

impl Effect for Gone {
    fn judge(&self, vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        match self.0 {
            // The listener is closed by the edge; a request that had already been read goes with its connection.
            Outage::Refuse | Outage::Close => Verdict::Close,
            Outage::Unavailable => Verdict::Answer(vendor.error(StatusCode::SERVICE_UNAVAILABLE, "service unavailable")),
        }
    }
}
