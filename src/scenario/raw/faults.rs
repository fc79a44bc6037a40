//! What is broken, and when.

use schemars::JsonSchema;
use serde::Deserialize;

use super::values::{Period, RawLatency};

/// One fault. Which keys it takes beside the first seven depends on its kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawFault {
    /// Its name in the report; unique.
    pub(in crate::scenario) name: String,
    /// What it does.
    pub(in crate::scenario) kind: RawFaultKind,
    /// Whom it hits; both vendors when left out.
    pub(in crate::scenario) vendor: Option<RawVendor>,
    /// The routes that it hits, like "clay.webhook"; all of them when left out.
    #[serde(default)]
    pub(in crate::scenario) routes: Vec<RawRoute>,
    /// When it begins, from the start of the load.
    pub(in crate::scenario) at: Period,
    /// How long it lasts.
    pub(in crate::scenario) lasts: Period,
    /// The share of requests that it hits, 0 to 1; all when left out.
    #[schemars(range(min = 0, max = 1))]
    pub(in crate::scenario) share: Option<f64>,
    /// `outage`: in which way the vendor is gone; `refuse` when left out.
    pub(in crate::scenario) how: Option<RawOutage>,
    /// `error`: the status.
    #[schemars(range(min = 400, max = 599))]
    pub(in crate::scenario) status: Option<u16>,
    /// `error`: the body; the vendor's own for that status when left out.
    pub(in crate::scenario) body: Option<String>,
    /// `rate_limit`: requests a second that are let through.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub(in crate::scenario) rate: Option<f64>,
    /// `rate_limit`: requests that are let through at once; 1 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) burst: Option<u32>,
    /// `rate_limit`: how the answer says when to come back; `seconds` when left out.
    pub(in crate::scenario) retry_after: Option<RawRetryAfter>,
    /// `latency`: the delay added to the vendor's own.
    pub(in crate::scenario) add: Option<RawLatency>,
}

/// What a fault does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum RawFaultKind {
    /// The vendor is gone.
    Outage,
    /// A status instead of the answer.
    Error,
    /// 429 beyond a rate.
    RateLimit,
    /// Answers come later.
    Latency,
}

/// A simulated vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum RawVendor {
    /// Clay.
    Clay,
    /// Customer.io.
    CustomerIo,
}

/// A route of a simulated vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(in crate::scenario) enum RawRoute {
    /// POST to Clay's webhook source.
    #[serde(rename = "clay.webhook")]
    ClayWebhook,
    /// POST `/v1/resource` at Clay.
    #[serde(rename = "clay.resource")]
    ClayResource,
    /// PUT of a person at Customer.io.
    #[serde(rename = "customer_io.identify")]
    CustomerIoIdentify,
    /// POST of an event at Customer.io.
    #[serde(rename = "customer_io.track")]
    CustomerIoTrack,
}

impl RawRoute {
    /// Its name.
    pub(in crate::scenario) fn as_str(self) -> &'static str {
        match self {
            Self::ClayWebhook => "clay.webhook",
            Self::ClayResource => "clay.resource",
            Self::CustomerIoIdentify => "customer_io.identify",
            Self::CustomerIoTrack => "customer_io.track",
        }
    }

    /// Whose it is.
    pub(in crate::scenario) fn vendor(self) -> RawVendor {
        match self {
            Self::ClayWebhook | Self::ClayResource => RawVendor::Clay,
            Self::CustomerIoIdentify | Self::CustomerIoTrack => RawVendor::CustomerIo,
        }
    }
}

/// Ways of being gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum RawOutage {
    /// Connections are refused. Only for a whole vendor and every request.
    Refuse,
    /// Connections are accepted and closed without an answer.
    Close,
    /// 503.
    Unavailable,
}

/// Ways to say when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum RawRetryAfter {
    /// Whole seconds.
    Seconds,
    /// An HTTP date.
    Date,
    /// Not at all.
    None,
}
