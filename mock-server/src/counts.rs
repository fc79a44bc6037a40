//! What was answered, by route and status.

use std::collections::HashMap;

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::SimulatedVendor;

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
    /// How many.
    pub count: u64,
}

/// The status under which closed connections are counted.
pub(crate) const CLOSED: u16 = 0;

/// The counters of one vendor. They grow with the kinds of answers, not with their number.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<HashMap<(&'static str, u16, bool), u64>>);

impl Counts {
    pub(crate) fn add(&self, route: &'static str, status: u16, by_fault: bool) {
        *self.0.lock().entry((route, status, by_fault)).or_insert(0) += 1;
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// All counters, in order of route and status.
    pub(crate) fn list(&self, vendor: SimulatedVendor) -> Vec<Count> {
        let counters = self.0.lock();
        let mut list: Vec<Count> = counters
            .iter()
            .map(|(&(route, status, by_fault), &count)| Count { vendor, route: route.to_owned(), status, by_fault, count })
            .collect();
        list.sort_by(|left, right| (&left.route, left.status, left.by_fault).cmp(&(&right.route, right.status, right.by_fault)));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_kind_and_listed_in_order() {
        let counts = Counts::default();
        for (route, status, by_fault) in [("b", 200, false), ("a", 503, true), ("a", 503, false), ("b", 200, false)] {
            counts.add(route, status, by_fault);
        }
        let list = counts.list(SimulatedVendor::Clay);
        let kinds: Vec<_> = list.iter().map(|count| (count.route.as_str(), count.status, count.by_fault, count.count)).collect();
        assert_eq!(kinds, [("a", 503, false, 1), ("a", 503, true, 1), ("b", 200, false, 2)]);
    }
}
