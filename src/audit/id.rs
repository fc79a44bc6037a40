//! Keys, small: a million leads of 64 hex digits each, and their users' names, would be most of an audit's memory.

use sha2::{Digest, Sha256};

use crate::text::cut;

/// Bytes of a key that count: the vendors' ledger keeps no more.
const COUNTS: usize = mock_server::ledger::LONGEST_KEY;

/// A digest of a key or a user's name: 128 bits, so that among a million of them a collision has a chance of one in 10²⁶.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id([u8; 16]);

impl Id {
    /// Of a text. Hashed, even where the text looks like a hash: a counter of 64 digits looks like one too.
    pub(super) fn of(text: &str) -> Self {
        Self::half(Sha256::digest(cut(text, COUNTS)).into())
    }

    /// Of a user's name. Vendors take an e-mail address in any case for the same.
    pub(super) fn of_user(name: &str) -> Self {
        if name.contains('@') { Self::of(&name.to_lowercase()) } else { Self::of(name) }
    }

    /// Of a key as it is, however long, and of whom it is about.
    pub(super) fn of_whole(key: &str, user: &str) -> Self {
        let digest = Sha256::new().chain_update((key.len() as u64).to_be_bytes()).chain_update(key).chain_update(user);
        Self::half(digest.finalize().into())
    }

    fn half(digest: [u8; 32]) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_have_ids_that_differ() {
        let hash = "a".repeat(64);
        assert_eq!(Id::of(&hash), Id::of(&hash));
        assert_ne!(Id::of(&hash), Id::of(&hash[..63]));
        assert_ne!(Id::of(&hash), Id::of(&hash.to_uppercase()));
        assert_ne!(Id::of(&format!("{:064x}", 1)), Id::of(&format!("{:064x}", 2)));
        assert_ne!(Id::of("ada"), Id::of("Ada"));
        assert_ne!(Id::of(""), Id::of("0"));
    }

    #[test]
    fn a_key_that_the_vendors_cut_is_still_the_same() {
        let long = "é".repeat(200);
        assert_eq!(Id::of(&long), Id::of(&"é".repeat(64)));
    }
}
