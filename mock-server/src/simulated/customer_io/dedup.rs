//! The identities by which a duplicate is known.
//!
//! Documented: an event whose `id`, a ULID, has been seen is ignored. For how long is not; see
//! [`deduplication_window`](crate::simulated::customer_io::settings::CustomerIoSettings::deduplication_window).

use sha2::{Digest, Sha256};

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

#[cfg(test)]
mod tests {
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
}
