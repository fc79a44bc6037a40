//! What must be true of the faults and of what came of them.

use mock_server::percentage::share_schema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::config::{Period, vendors_schema};
use crate::outcome::PerVendor;

/// What must be true, by the fault timetable as executed and the vendors' own ledger; otherwise the exit code is 99.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct RawExpect {
    /// Most leads that were acknowledged and are nowhere: 0.
    pub(crate) leads_lost: Option<u64>,
    /// Most effects that a vendor has a second time for one operation: 0.
    pub(crate) duplicates: Option<u64>,
    /// Clay charges what the distinct effects cost, and nothing else.
    pub(crate) credits_match_effects: Option<bool>,
    /// Highest share of operations answered from the cache or by a guess, as in "5%" or 0.05.
    #[serde(default)]
    #[schemars(schema_with = "share_schema")]
    pub(crate) max_degraded: Option<f64>,
    /// Longest time from the last fault's end until the queue is empty.
    pub(crate) drains_within: Option<Period>,
    /// Most attempts at each vendor for each operation that reached it, on average, as in 1.5.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) max_retry_amplification: Option<f64>,
    /// After a 429 with Retry-After, nothing is sent to the same route before it is over.
    pub(crate) respects_retry_after: Option<bool>,
    #[serde(flatten)]
    #[schemars(schema_with = "breakers")]
    pub(crate) breakers: PerVendor<Option<RawExpectBreaker>>,
}

fn breakers(generator: &mut SchemaGenerator) -> Schema {
    vendors_schema::<RawExpectBreaker>(generator, |vendor| format!("What must be true of {vendor}'s circuit breaker."))
}

/// What must be true of a vendor's circuit breaker.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExpectBreaker {
    /// The faults that this is about, by name; all that can make calls of this vendor fail when left out.
    pub(crate) faults: Option<Vec<String>>,
    /// Longest time from each fault's start until the breaker is OPEN.
    pub(crate) opens_within: Option<Period>,
    /// Most calls that arrive at the vendor from each fault's start until the breaker is OPEN.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) opens_within_calls: Option<u32>,
    /// Longest time from each fault's end until the breaker is HALF_OPEN.
    pub(crate) half_open_within: Option<Period>,
    /// Longest time from each fault's end until the breaker is CLOSED.
    pub(crate) closes_within: Option<Period>,
    /// Longest time OPEN without a reason: no fault of this vendor active, nor over for less than `closes_within` (or the cool-down).
    pub(crate) max_false_open: Option<Period>,
    /// Most calls a second that arrive at the vendor while the breaker is OPEN.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) max_calls_while_open: Option<f64>,
}
