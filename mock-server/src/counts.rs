//! What was answered, by route and status.

use std::collections::HashMap;

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::SimulatedVendor;
use crate::simulated::OwnLimit;

/// Answers of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// The vendor.
    pub vendor: SimulatedVendor,
    /// The route's name (`clay.webhook`); `none` for requests that match no route.
    pub route: String,
    /// The status; 0 where the connection was closed instead, by either side.
    pub status: u16,
    /// Whether a fault made the answer.
    pub by_fault: bool,
    /// The limit of the vendor's own that made it; left out where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<OwnLimit>,
    /// How many.
    pub count: u64,
}

/// The status under which closed connections are counted.
pub(crate) const CLOSED: u16 = 0;

/// The counters of one vendor. They grow with the kinds of answers, not with their number.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<HashMap<Kind, u64>>);

/// What answers have in common that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) by_fault: bool,
    pub(crate) limit: Option<&'static OwnLimit>,
}

impl Counts {
    pub(crate) fn add(&self, kind: Kind) {
        *self.0.lock().entry(kind).or_insert(0) += 1;
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// All counters, in order of route and status.
    pub(crate) fn list(&self, vendor: SimulatedVendor) -> Vec<Count> {
        let mut counters: Vec<_> = self.0.lock().clone().into_iter().collect();
        counters.sort_unstable();
        let of = |(Kind { route, status, by_fault, limit }, count)| Count {
            vendor,
            route: route.to_owned(),
            status,
            by_fault,
            limit: limit.cloned(),
            count,
        };
        counters.into_iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_kind_and_listed_in_order() {
        let counts = Counts::default();
        for (route, status, by_fault) in [("b", 200, false), ("a", 503, true), ("a", 503, false), ("b", 200, false)] {
            counts.add(Kind { route, status, by_fault, limit: None });
        }
        let list = counts.list(SimulatedVendor::Clay);
        let kinds: Vec<_> = list.iter().map(|count| (count.route.as_str(), count.status, count.by_fault, count.count)).collect();
        assert_eq!(kinds, [("a", 503, false, 1), ("a", 503, true, 1), ("b", 200, false, 2)]);
    }
}
