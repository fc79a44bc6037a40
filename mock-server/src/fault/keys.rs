//! The keys of a fault as it is written.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::words::{HowName, KindName, WhenName};
use crate::duration::Period;
use crate::latency::LatencyForm;
use crate::percentage::{share_schema, some_share};
use crate::retry_after::RetryAfterStyle;
use crate::secret::Secret;
use crate::simulated::{SimulatedVendor, routes};

/// A fault as it is written. Which keys it takes beside the first eleven depends on its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultForm {
    /// Its name in lists and reports; unique.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it does.
    pub kind: KindName,
    /// Whom it hits; both vendors when left out.
    pub vendor: Option<SimulatedVendor>,
    /// The routes that it hits, like "clay.webhook"; all of them when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "list_of_routes")]
    pub routes: Vec<String>,
    /// Whose requests it hits: customers' identifiers, or leads' e-mail addresses (in any case) at Clay; everybody's when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<String>,
    /// When it begins, from the start of the load, or from now for a fault added by hand; at once when left out.
    pub at: Option<Period>,
    /// How long it lasts; until it is removed when left out.
    pub lasts: Option<Period>,
    /// The share of requests that it hits, "5%" or 0.05; all when left out.
    #[serde(default, deserialize_with = "some_share")]
    #[schemars(schema_with = "share_schema")]
    pub share: Option<f64>,
    /// It hits every nth request, counted by arrival; not beside `share`.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub every: Option<u32>,
    /// How long it takes to grow to its full strength; no time when left out. `latency` and `bandwidth` grow in size, all
    /// others in their share of requests.
    pub ramp_up: Option<Period>,
    /// How long it takes to shrink to nothing at its end; no time when left out.
    pub ramp_down: Option<Period>,
    /// `outage`: in which way the vendor is gone; `refuse` when left out. `lost_answer`: how the client notices; `close` when
    /// left out. `malformed`: what is wrong; `json` when left out. `webhook`: what happens to callbacks.
    pub how: Option<HowName>,
    /// `error`: the status. `auth`: 401 or 403; 401 when left out.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// `error`: the body; when left out, the vendor's own for that status, and none below 400.
    pub body: Option<String>,
    /// `rate_limit`: requests a second that are let through.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub rate: Option<f64>,
    /// `rate_limit`: requests that are let through at once; 1 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: Option<u32>,
    /// `rate_limit`: how the answer says when to come back; `seconds` when left out.
    pub retry_after: Option<RetryAfterStyle>,
    /// `latency`: the delay added to the vendor's own.
    pub add: Option<LatencyForm>,
    /// `latency`: what the delay varies by, either way; nothing when left out.
    pub jitter: Option<Period>,
    /// `reset`: at which point; `before` the answer when left out.
    pub when: Option<WhenName>,
    /// `truncate` and `reset` within the answer: bytes of the body that still come. Of a reset, half when left out.
    pub bytes: Option<u64>,
    /// `slow_body`: bytes of a piece; 1 when left out.
    #[schemars(range(min = 1))]
    pub chunk: Option<u64>,
    /// `slow_body`: the pause between pieces.
    pub pause: Option<Period>,
    /// `bandwidth`: bytes of the body a second.
    #[schemars(range(min = 1))]
    pub bytes_per_second: Option<u64>,
    /// `auth`: the key that is right while the fault is active; none is when left out. It is simulated: no place for a real one.
    #[schemars(with = "Option<String>")]
    pub new_key: Option<Secret>,
    /// `webhook`, callbacks that are `late`: by how much.
    pub by: Option<Period>,
}

/// Names of routes; of the simulated vendors as they are, so that editors complete them.
fn list_of_routes(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = routes().map(|route| route.name).collect();
    json_schema!({ "type": "array", "items": { "type": "string", "enum": names } })
}
