//! Which Redis, and what it must promise.

use crate::config::Secret;
use crate::store::{Bounds, Durability};

/// A Redis server as the store of several replicas of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// Where it is: `redis://[user:password@]host[:port][/database]` or `redis+unix:///path`.
    pub url: Secret,
    /// The name that the keys of this store begin with, in braces: all replicas of a service have the same, two services on
    /// one server have two. Letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What this replica is called. Each keeps what it spent under its own name, so it should have the same one after a
    /// restart. Replicas share no budget: a vendor's credits are to be divided between them.
    pub replica: String,
    /// How much the store may hold.
    pub bounds: Bounds,
    /// What the server must promise.
    pub durability: Durability,
}

impl RedisSettings {
    /// The store of that name on the server of that URL, with the usual bounds, synced.
    pub fn new(url: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url),
            name: name.into(),
            replica: String::new(),
            bounds: Bounds::default(),
            durability: Durability::default(),
        }
    }

    /// The prefix of all keys. What is in braces decides the slot in a cluster, so all are in one.
    pub(super) fn prefix(&self) -> String {
        format!("{{{}}}:", self.name)
    }

    pub(super) fn has_good_name(&self) -> bool {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !self.name.is_empty() && self.name.len() <= 100 && self.name.chars().all(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let settings = RedisSettings::new("redis://:sesame@127.0.0.1/", "plimsoll");
        assert!(!format!("{settings:?}").contains("sesame"));
    }

    #[test]
    fn a_name_stays_within_its_braces() {
        for (name, good) in
            [("plimsoll", true), ("eu-1.leads_2", true), ("", false), ("a}b", false), ("a b", false), ("ü", false)]
        {
            assert_eq!(RedisSettings::new("redis://127.0.0.1/", name).has_good_name(), good, "{name:?}");
        }
    }
}
