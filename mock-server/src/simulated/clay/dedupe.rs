//! Which values of the auto-dedupe column a table has.
//!
//! A client that got no answer sends its row again, and without auto-dedupe it is enriched and paid for twice. Clay tables can
//! remove rows that have the same value in one column; this is the memory of those values.
//!
//! Memory is bounded: of more values than a table of Clay holds, the oldest are forgotten, and their rows could come again.

use std::collections::{HashSet, VecDeque};

use crate::seed::Seed;

/// Values that are remembered: ten times what a webhook source takes in its life. About 15 MB.
const MOST: usize = 500_000;

/// Hashes of values that are in the tables. Of half a million values, two share a hash with a probability of one in a hundred
/// million.
#[derive(Default)]
pub(super) struct Seen {
    hashes: HashSet<u64>,
    in_order: VecDeque<u64>,
}

impl Seen {
    /// Whether the source's table does not have `value` yet; from now on it does.
    pub(super) fn is_new(&mut self, seed: Seed, source: usize, value: &str) -> bool {
        let hash = seed.hash("dedupe").part(&source.to_le_bytes()).part(value.as_bytes()).finish();
        if !self.hashes.insert(hash) {
            return false;
        }
        if self.in_order.len() >= MOST
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.hashes.remove(&oldest);
        }
        self.in_order.push_back(hash);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_has_its_own_values() {
        let mut seen = Seen::default();
        assert!(seen.is_new(Seed(1), 0, "a") && seen.is_new(Seed(1), 1, "a") && seen.is_new(Seed(1), 0, "b"));
        assert!(!seen.is_new(Seed(1), 0, "a") && !seen.is_new(Seed(1), 1, "a"));
    }

    #[test]
    fn memory_ends_with_the_oldest() {
        let mut seen = Seen::default();
        for value in 0..=MOST {
            assert!(seen.is_new(Seed(1), 0, &value.to_string()));
        }
        assert_eq!((seen.hashes.len(), seen.in_order.len()), (MOST, MOST));
        assert!(!seen.is_new(Seed(1), 0, "1"));
        assert!(seen.is_new(Seed(1), 0, "0"));
    }
}
