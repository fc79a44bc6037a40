//! A fault as data: what it does, where and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::{Begun, Effect};
use super::kind::FaultKind;
use super::ramp::Ramp;
use crate::seed::Seed;
use crate::simulated::SimulatedVendor;

/// A fault with its time and its scope.
///
/// A fault of both vendors acts on each by itself: each has a token bucket and a count of requests of its own.
///
/// ```
/// # use std::time::Duration;
/// use mock_server::fault::{Fault, FaultKind, SimulatedVendor};
///
/// let storm = Fault {
///     vendor: Some(SimulatedVendor::Clay),
///     share: 0.3,
///     at: Duration::from_secs(10),
///     lasts: Some(Duration::from_secs(5)),
///     ..Fault::new("storm", FaultKind::Error { status: 503, body: None })
/// };
/// assert_eq!(storm.describe(), "status 503, 30 % of clay");
/// assert!(storm.validate().is_ok());
/// ```
///
/// It is read and written as the keys of a [`FaultForm`](super::form::FaultForm), without being checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Its name, unique in the timetable and among the faults that are alive.
    pub name: String,
    /// Whom it hits; `None` for both vendors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<SimulatedVendor>,
    /// Routes that it hits, by name (`clay.webhook`); empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// Whose requests it hits: customers' identifiers at Customer.io, leads' e-mail addresses at Clay; empty for every request.
    /// An address means the same customer in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<String>,
    /// Start, from the beginning of the load; of a fault by hand, from the moment at which it is added.
    #[serde(default, with = "crate::duration::text", skip_serializing_if = "Duration::is_zero")]
    pub at: Duration,
    /// Length; `None` until it is removed.
    #[serde(default, with = "crate::duration::text", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Duration>,
    /// Share of the requests in its scope that it hits, 0 to 1.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub share: f64,
    /// It hits every nth request in its scope, counted by arrival from its start; `None` for no counting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
    /// How long it takes at its start to grow from nothing to its full strength.
    #[serde(default, with = "crate::duration::text", skip_serializing_if = "Duration::is_zero")]
    pub ramp_up: Duration,
    /// How long it takes at its end to shrink from its full strength to nothing.
    #[serde(default, with = "crate::duration::text", skip_serializing_if = "Duration::is_zero")]
    pub ramp_down: Duration,
    /// What it does.
    #[serde(flatten)]
    pub kind: FaultKind,
}

const fn whole() -> f64 {
    1.0
}

fn is_whole(share: &f64) -> bool {
    *share >= 1.0
}

impl Fault {
    /// A fault of both vendors and every request, at once and until it is removed.
    pub fn new(name: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            name: name.into(),
            vendor: None,
            routes: Vec::new(),
            customers: Vec::new(),
            at: Duration::ZERO,
            lasts: None,
            share: 1.0,
            every: None,
            ramp_up: Duration::ZERO,
            ramp_down: Duration::ZERO,
            kind,
        }
    }

    /// When it is over, from the beginning of the load; `None` for one that lasts until it is removed.
    pub fn ends(&self) -> Option<Duration> {
        self.lasts.map(|lasts| self.at.saturating_add(lasts))
    }

    /// Whether it can hit requests to `vendor`, or its callbacks.
    pub fn concerns(&self, vendor: SimulatedVendor) -> bool {
        self.vendor.is_none_or(|named| named == vendor) && self.kind.only_of().is_none_or(|only| only == vendor)
    }

    /// How its strength changes over time, where it began at `began`.
    pub(super) fn ramp(&self, began: Instant) -> Ramp {
        Ramp::new(began, self.lasts, self.ramp_up, self.ramp_down)
    }

    /// Its effect on one vendor, where it began at `began`.
    pub(super) fn effect(&self, seed: Seed, vendor: SimulatedVendor, began: Instant) -> Box<dyn Effect> {
        self.kind.effect(Begun { name: &self.name, vendor, seed, at: began, ramp: self.ramp(began) })
    }
}
