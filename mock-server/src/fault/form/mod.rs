//! How a fault is written, in a scenario (TOML) or to the admin API (JSON): one flat table of keys.
//!
//! Which keys there are beside the common ones depends on the kind. [`FaultForm::check`] tells everything that is wrong at
//! once, with the key at fault; a [`Fault`] that has been made from a form is valid.

mod build;
mod words;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::problem::Wrong;
use super::{Fault, FaultProblem, RetryAfterStyle, SimulatedVendor};
use crate::duration::Period;
use crate::latency::LatencyForm;
use crate::settings::Secret;
use crate::simulated::routes;

pub use words::{HowName, KindName, WhenName};

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<SimulatedVendor>,
    /// The routes that it hits, like "clay.webhook"; all of them when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "list_of_routes")]
    pub routes: Vec<String>,
    /// Whose requests it hits: customers' identifiers, or leads' e-mail addresses at Clay; everybody's when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<String>,
    /// When it begins, from the start of the load, or from now for a fault added by hand; at once when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Period>,
    /// How long it lasts; until it is removed when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Period>,
    /// The share of requests that it hits, 0 to 1; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub share: Option<f64>,
    /// It hits every nth request, counted by arrival; not beside `share`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub every: Option<u32>,
    /// How long it takes to grow to its full strength; no time when left out. `latency` and `bandwidth` grow in size, all
    /// others in their share of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp_up: Option<Period>,
    /// How long it takes to shrink to nothing at its end; no time when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp_down: Option<Period>,
    /// `outage`: in which way the vendor is gone; `refuse` when left out. `lost_answer`: how the client notices; `close` when
    /// left out. `malformed`: what is wrong; `json` when left out. `webhook`: what happens to callbacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<HowName>,
    /// `error`: the status. `auth`: 401 or 403; 401 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 400, max = 599))]
    pub status: Option<u16>,
    /// `error`: the body; the vendor's own for that status when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// `rate_limit`: requests a second that are let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub rate: Option<f64>,
    /// `rate_limit`: requests that are let through at once; 1 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: Option<u32>,
    /// `rate_limit`: how the answer says when to come back; `seconds` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfterStyle>,
    /// `latency`: the delay added to the vendor's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add: Option<LatencyForm>,
    /// `latency`: what the delay varies by, either way; nothing when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Period>,
    /// `reset`: at which point; `before` the answer when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<WhenName>,
    /// `truncate` and `reset` within the answer: bytes of the body that still come. Of a reset, half when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// `slow_body`: bytes of a piece; 1 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub chunk: Option<u64>,
    /// `slow_body`: the pause between pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Period>,
    /// `bandwidth`: bytes of the body a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub bytes_per_second: Option<u64>,
    /// `auth`: the key that is right while the fault is active; none is when left out. It is simulated: no place for a real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub new_key: Option<Secret>,
    /// `webhook`, callbacks that are `late`: by how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Period>,
}

/// Names of routes; of the simulated vendors as they are, so that editors complete them.
fn list_of_routes(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = routes().map(|route| route.name).collect();
    json_schema!({ "type": "array", "items": { "type": "string", "enum": names } })
}

impl FaultForm {
    /// A form without anything but a name and a kind.
    pub fn new(name: impl Into<String>, kind: KindName) -> Self {
        Self {
            name: name.into(),
            kind,
            vendor: None,
            routes: Vec::new(),
            customers: Vec::new(),
            at: None,
            lasts: None,
            share: None,
            every: None,
            ramp_up: None,
            ramp_down: None,
            how: None,
            status: None,
            body: None,
            rate: None,
            burst: None,
            retry_after: None,
            add: None,
            jitter: None,
            when: None,
            bytes: None,
            chunk: None,
            pause: None,
            bytes_per_second: None,
            new_key: None,
            by: None,
        }
    }

    /// The fault that is meant.
    ///
    /// # Errors
    ///
    /// Everything that is wrong: keys that the kind needs or does not take, and values that make no sense.
    pub fn check(&self) -> Result<Fault, Vec<FaultProblem>> {
        let mut problems = self.superfluous();
        let kind = self.fault_kind(&mut problems);
        // Where the kind cannot be made, another stands in for it, so that the rest is judged too.
        let fault = self.fault(kind.unwrap_or(super::FaultKind::Hang));
        problems.extend(fault.validate().err().into_iter().flatten());
        if problems.is_empty() { Ok(fault) } else { Err(problems) }
    }

    fn fault(&self, kind: super::FaultKind) -> Fault {
        let time = |period: Option<Period>| period.map(|period| period.0).unwrap_or_default();
        Fault {
            name: self.name.clone(),
            vendor: self.vendor.or(kind.only_of()),
            routes: self.routes.clone(),
            customers: self.customers.clone(),
            at: time(self.at),
            lasts: self.lasts.map(|lasts| lasts.0),
            share: self.share.unwrap_or(1.0),
            every: self.every,
            ramp_up: time(self.ramp_up),
            ramp_down: time(self.ramp_down),
            kind,
        }
    }

    /// Keys that are there and that the kind does not take.
    fn superfluous(&self) -> Vec<FaultProblem> {
        let present = [
            ("how", self.how.is_some()),
            ("status", self.status.is_some()),
            ("body", self.body.is_some()),
            ("rate", self.rate.is_some()),
            ("burst", self.burst.is_some()),
            ("retry_after", self.retry_after.is_some()),
            ("add", self.add.is_some()),
            ("jitter", self.jitter.is_some()),
            ("when", self.when.is_some()),
            ("bytes", self.bytes.is_some()),
            ("chunk", self.chunk.is_some()),
            ("pause", self.pause.is_some()),
            ("bytes_per_second", self.bytes_per_second.is_some()),
            ("new_key", self.new_key.is_some()),
            ("by", self.by.is_some()),
        ];
        let (kind, keys) = (self.kind.as_str(), self.kind.keys());
        let takes = if keys.is_empty() {
            "no keys of its own".to_owned()
        } else {
            keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
        };
        let superfluous = |key: &str| FaultProblem {
            field: key.to_owned(),
            problem: format!("`{key}` does not belong to a fault of kind `{kind}`"),
            help: format!("leave it out: a fault of kind `{kind}` takes {takes}"),
            wrong: Wrong::Superfluous,
        };
        present.iter().filter(|(key, is_there)| *is_there && !keys.contains(key)).map(|(key, _)| superfluous(key)).collect()
    }
}

#[cfg(test)]
mod tests;
