//! The pipeline in front of each vendor.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::config::{Period, Switch, vendors_schema};
use crate::outcome::PerVendor;
use crate::resilience::{
    BreakerSettings, CreditSettings, FallbackSettings, FallbackStep, HealthSettings, IdempotencySettings, InFlightSettings,
    RetrySettings, ThrottleSettings,
};

/// The pipelines.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct RawResilience {
    #[serde(flatten)]
    #[schemars(schema_with = "pipelines")]
    pub(crate) pipelines: PerVendor<Option<RawPipeline>>,
}

fn pipelines(generator: &mut SchemaGenerator) -> Schema {
    vendors_schema::<RawPipeline>(generator, |vendor| format!("The one in front of {vendor}."))
}

/// One vendor's pipeline. What is left out keeps its default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPipeline {
    /// Duplicates are not sent.
    pub(crate) idempotency: Option<Switch<IdempotencySettings>>,
    /// A budget of vendor credits a day.
    pub(crate) credits: Option<Switch<CreditSettings>>,
    /// A client-side rate limit; none when left out.
    pub(crate) limiter: Option<Switch<RawLimiter>>,
    /// A bound on the attempts in flight at once; none when left out.
    pub(crate) in_flight: Option<Switch<InFlightSettings>>,
    /// Calls are rejected here, at random, while the vendor accepts too few; none is when left out.
    pub(crate) throttle: Option<Switch<ThrottleSettings>>,
    /// Failures are tried again.
    pub(crate) retry: Option<Switch<RetrySettings>>,
    /// A vendor that fails is left alone for a while.
    pub(crate) breaker: Option<Switch<BreakerSettings>>,
    /// The longest wait for one attempt's answer; 10s when left out.
    pub(crate) timeout: Option<Period>,
    /// How to go on without the vendor, in this order: "cache", "queue", "local", "drop". Past the last, the dead letters.
    pub(crate) fallback: Option<Vec<FallbackStep>>,
    /// The fallback queue.
    pub(crate) queue: Option<FallbackSettings>,
    /// How the share of successes is graded.
    pub(crate) health: Option<HealthSettings>,
}

/// A client-side rate limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLimiter {
    /// Requests a second.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub(crate) rate: f64,
    /// Requests that may go at once; 1 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) burst: Option<u32>,
    /// Longest wait for a turn; 1s when left out. A call that would wait longer goes to the fallback.
    pub(crate) max_wait: Option<Period>,
}
