//! Outage: the vendor is gone.
//!
//! Four ways, because clients distinguish them: a refused connection fails at once and is safe to repeat, one that is accepted
//! and dropped fails before anything could be sent, a request whose connection is closed leaves open whether it was carried
//! out, and a 503 is an answer.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Begun, Effect, Facts, FaultProblem, HowName, Moment, Verdict};
use crate::simulated::{Request, Vendor};

/// Ways of being gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// The port does not listen: connections are refused, open ones closed. Only for a whole vendor and every request.
    Refuse,
    /// Connections are accepted and closed at once, before anything is read. Only for a whole vendor and every request.
    Drop,
    /// Requests are read, and their connections closed without an answer.
    Close,
    /// 503.
    Unavailable,
}

pub(super) const FACTS: Facts =
    Facts { keys: &["how"], ways: &[HowName::Refuse, HowName::Drop, HowName::Close, HowName::Unavailable], ..Facts::NONE };

pub(super) fn describe(how: &Outage) -> String {
    match how {
        Outage::Refuse => "outage (connection refused)",
        Outage::Drop => "outage (connection dropped)",
        Outage::Close => "outage (connection closed)",
        Outage::Unavailable => "outage (503)",
    }
    .to_owned()
}

pub(super) fn check(_: &Outage, _: &mut Vec<FaultProblem>) {}

pub(super) fn effect(how: &Outage, _: Begun<'_>) -> Box<dyn Effect> {
    Box::new(*how)
}

/// What choosing among requests comes to where connections go.
pub(super) fn hits_everything(how: &Outage) -> String {
    let connections = if *how == Outage::Drop { "drops" } else { "refuses" };
    format!("a vendor that {connections} connections {connections} every request")
}

/// The way out of [`hits_everything`].
pub(super) const HIT_A_PART: &str = "leave it out, or use `how = \"close\"`, which can hit a part of the requests";

impl Effect for Outage {
    fn judge(&self, vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        match *self {
            // Connections are the edge's; a request on one that was open before goes with it.
            Outage::Refuse | Outage::Drop | Outage::Close => Verdict::Close,
            Outage::Unavailable => Verdict::Answer(vendor.error(StatusCode::SERVICE_UNAVAILABLE, "service unavailable")),
        }
    }
}
