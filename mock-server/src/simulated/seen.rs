//! The memory of identities that makes a duplicate known.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// Identities of a time, at most so many.
#[derive(Debug)]
pub(in crate::simulated) struct Seen<K> {
    window: Duration,
    most: usize,
    keys: HashSet<K>,
    order: VecDeque<(Instant, K)>,
    /// Identities forgotten before their time.
    pub(in crate::simulated) forgotten: u64,
    /// Duplicates that were found.
    pub(in crate::simulated) duplicates: u64,
}

impl<K: Copy + Eq + Hash> Seen<K> {
    pub(in crate::simulated) fn new(window: Duration, most: usize) -> Self {
        Self { window, most, keys: HashSet::new(), order: VecDeque::new(), forgotten: 0, duplicates: 0 }
    }

    /// Whether the identity is new; from now on it is not.
    pub(in crate::simulated) fn is_new(&mut self, key: K, now: Instant) -> bool {
        while self.order.front().is_some_and(|(since, _)| now.saturating_duration_since(*since) >= self.window) {
            self.forget_oldest();
        }
        if self.keys.contains(&key) {
            self.duplicates += 1;
            return false;
        }
        if self.order.len() >= self.most {
            self.forget_oldest();
            self.forgotten += 1;
        }
        if self.most > 0 {
            self.keys.insert(key);
            self.order.push_back((now, key));
        }
        true
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.keys.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_oldest_goes_where_there_is_no_room() {
        let (mut seen, now) = (Seen::new(Duration::from_secs(60), 2), Instant::now());
        let news = [1, 2, 3, 1, 3].map(|key| seen.is_new(key, now));
        assert_eq!(news, [true, true, true, true, false]);
        assert_eq!((seen.forgotten, seen.duplicates, seen.keys.len()), (2, 1, 2));
    }

    proptest! {
        /// Whatever comes when, an identity is new exactly where it was not taken for new within the window before.
        #[test]
        fn an_identity_is_new_once_a_window(arrivals in proptest::collection::vec((0_u64..40, 0_u128..12), 1..300)) {
            let window = Duration::from_secs(100);
            let (mut seen, mut now) = (Seen::new(window, 1_000), Instant::now());
            let mut taken: HashMap<u128, Instant> = HashMap::new();
            for (gap, key) in arrivals {
                now += Duration::from_secs(gap);
                let expected = taken.get(&key).is_none_or(|at| now - *at >= window);
                prop_assert_eq!(seen.is_new(key, now), expected);
                if expected {
                    taken.insert(key, now);
                }
            }
        }
    }
}
