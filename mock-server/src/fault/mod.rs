//! What can be broken, where and when.
//!
//! A [`Fault`] is data: it comes from a scenario, travels to the simulator's process and appears in a report. What a kind
//! does to a request is an `Effect`, one file a kind; `README.md` beside this file says how to add one.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::latency::LatencyModel;

pub(crate) mod effect;
mod error;
mod latency;
mod outage;
mod rate_limit;
pub(crate) mod share;
mod validate;

pub use outage::Outage;
pub use rate_limit::RetryAfterStyle;
pub use validate::{FaultProblem, validate_timetable};

/// One of the simulated vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SimulatedVendor {
    /// Clay.
    Clay,
    /// Customer.io.
    CustomerIo,
}

impl SimulatedVendor {
    /// `clay` or `customer_io`, as in scenarios and route names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clay => "clay",
            Self::CustomerIo => "customer_io",
        }
    }
}

/// A fault with its time and its scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its name, unique in the timetable.
    pub name: String,
    /// Whom it hits; `None` for both vendors.
    pub vendor: Option<SimulatedVendor>,
    /// Routes that it hits, by name (`clay.webhook`); empty for all.
    pub routes: Vec<String>,
    /// Start, from the beginning of the load.
    pub at: Duration,
    /// Length.
    pub lasts: Duration,
    /// Share of the requests that it hits, 0 to 1.
    pub share: f64,
    /// What it does.
    pub kind: FaultKind,
}

/// What a fault does to a request.
///
/// Faults that overlap compose in this order: a request that one of them ends goes no further. Of two of one kind, the
/// earlier in the timetable comes first.
///
/// 1. outage: the connection is refused or closed, or the answer is 503;
/// 2. rate limit: only what got past an outage takes a token;
/// 3. error: an answer instead of the vendor's;
/// 4. latency: delays add up, and hold back whatever answer there is, another fault's included. Answers that faults make
///    are given at once otherwise; the vendor's own latency belongs to the vendor's own answers.
///
/// A fault of both vendors acts on each by itself: each has a token bucket of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The vendor is gone.
    Outage {
        /// In which way.
        how: Outage,
    },
    /// A status instead of the answer.
    Error {
        /// The status, 400 to 599.
        status: u16,
        /// The body; `None` for the vendor's own error body for that status.
        body: Option<String>,
    },
    /// 429 beyond a token bucket.
    RateLimit {
        /// Requests a second.
        rate: f64,
        /// Requests at once.
        burst: u32,
        /// How Retry-After is given.
        retry_after: RetryAfterStyle,
    },
    /// Answers come later, by a delay added to the vendor's own latency.
    Latency {
        /// The delay added.
        model: LatencyModel,
    },
}

impl Fault {
    /// When it is over, from the beginning of the load.
    pub fn ends(&self) -> Duration {
        self.at.saturating_add(self.lasts)
    }

    /// Whether it can hit requests to `vendor`.
    pub fn concerns(&self, vendor: SimulatedVendor) -> bool {
        self.vendor.is_none_or(|named| named == vendor)
    }

    /// In a few words for a report, the scope included where it is not everything: "outage (connection refused)",
    /// "429 beyond 5 requests/s (burst 5), 30 % of clay.webhook".
    pub fn describe(&self) -> String {
        let mut text = self.kind.describe();
        let scope = match self.vendor {
            _ if !self.routes.is_empty() => Some(self.routes.join(", ")),
            Some(vendor) => Some(vendor.as_str().to_owned()),
            None => None,
        };
        match (self.share < 1.0, self.routes.is_empty(), scope) {
            (true, _, Some(scope)) => text.push_str(&format!(", {} % of {scope}", percent(self.share))),
            (true, _, None) => text.push_str(&format!(", {} % of all requests", percent(self.share))),
            (false, false, Some(scope)) => text.push_str(&format!(", {scope} only")),
            (false, ..) => {}
        }
        text
    }
}

impl FaultKind {
    /// What it does, in a few words: "outage (connection refused)", "429 beyond 5 requests/s (burst 5)".
    pub fn describe(&self) -> String {
        match self {
            Self::Outage { how } => outage::describe(*how),
            Self::Error { status, body } => error::describe(*status, body.as_deref()),
            Self::RateLimit { rate, burst, retry_after } => rate_limit::describe(*rate, *burst, *retry_after),
            Self::Latency { model } => latency::describe(model),
        }
    }
}

/// A share in percent with no more digits than it needs.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

#[cfg(test)]
mod tests;
