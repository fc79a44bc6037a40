//! The memory of identities that makes a duplicate known.
//!
//! Documented: an event whose `id`, a ULID, has been seen is ignored. For how long is not; see
//! [`deduplication_window`](crate::simulated::customer_io::settings::CustomerIoSettings::deduplication_window).

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// An identity, as a number of its 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EventKey(u128);

impl EventKey {
    /// The key of a ULID: 26 characters of Crockford's base 32, of which the first is at most 7, in either case. `None` for
    /// anything else: only "a valid ULID" is documented to be recognised.
    pub(super) fn of_ulid(text: &str) -> Option<Self> {
        if text.len() != 26 || text.as_bytes()[0] > b'7' {
            return None;
        }
        text.bytes().try_fold(0_u128, |key, byte| Some(key << 5 | u128::from(digit(byte)?))).map(Self)
    }

    /// The key of an identity of any form: a Pipelines call's `messageId`.
    pub(super) fn of_text(text: &str) -> Self {
        let hash = Sha256::digest(text.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        Self(u128::from_be_bytes(bytes))
    }
}

/// The value of a character in Crockford's base 32, without his leniencies for I, L and O: the ULID specification has none.
fn digit(byte: u8) -> Option<u8> {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    match byte.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        letter => ALPHABET[10..].binary_search(&letter).ok().map(|at| at as u8 + 10),
    }
}

/// Identities of a time, at most so many.
#[derive(Debug)]
pub(super) struct Seen {
    window: Duration,
    most: usize,
    keys: HashSet<EventKey>,
    order: VecDeque<(Instant, EventKey)>,
    /// Identities forgotten before their time.
    pub(super) forgotten: u64,
    /// Duplicates that were found.
    pub(super) duplicates: u64,
}

impl Seen {
    pub(super) fn new(window: Duration, most: usize) -> Self {
        Self { window, most, keys: HashSet::new(), order: VecDeque::new(), forgotten: 0, duplicates: 0 }
    }

    /// Whether the identity is new; from now on it is not.
    pub(super) fn is_new(&mut self, key: EventKey, now: Instant) -> bool {
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
    fn ulids_are_distinguished_from_other_texts() {
        let one = EventKey::of_ulid("01ARZ3NDEKTSV4RRFFQ69G5FAV");
        assert!(one.is_some());
        assert_eq!(one, EventKey::of_ulid("01arz3ndektsv4rrffq69g5fav"));
        assert_eq!(EventKey::of_ulid("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), Some(EventKey(u128::MAX)));
        assert_eq!(EventKey::of_ulid("00000000000000000000000001"), Some(EventKey(1)));
        for other in [
            "",
            "01ARZ3NDEKTSV4RRFFQ69G5FA",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAI",
            "é1ARZ3NDEKTSV4RRFFQ69G5FA",
        ] {
            assert_eq!(EventKey::of_ulid(other), None, "{other}");
        }
        assert_ne!(EventKey::of_text("a"), EventKey::of_text("b"));
    }

    #[test]
    fn the_oldest_goes_where_there_is_no_room() {
        let (mut seen, now) = (Seen::new(Duration::from_secs(60), 2), Instant::now());
        let news = [1, 2, 3, 1, 3].map(|key| seen.is_new(EventKey(key), now));
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
                prop_assert_eq!(seen.is_new(EventKey(key), now), expected);
                if expected {
                    taken.insert(key, now);
                }
            }
        }
    }
}
