//! Which Redis, and what it must promise.

use std::time::Duration;

use crate::config::Secret;
use crate::resilience::UnixMillis;
use crate::store::{Bounds, Durability};

/// The layout of the keys that this build reads and writes.
pub(super) const LAYOUT: &str = "1";

/// A Redis server as the store of several replicas of a service.
#[derive(Debug, Clone)]
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
    /// How far this machine's clock may be from the server's.
    pub longest_skew: Duration,
    /// This machine's clock.
    pub clock: fn() -> UnixMillis,
    /// Whose clock ends leases.
    pub lease_clock: LeaseClock,
}

/// Whose clock ends leases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LeaseClock {
    /// The server's: all replicas have it in common.
    #[default]
    Server,
    /// That of the one who takes the lease, for tests in virtual time.
    Callers,
}

/// How far a replica's clock may be from the server's: a quarter of the minute by which a lease is longer than its longest
/// attempt.
const LONGEST_SKEW: Duration = Duration::from_secs(15);

fn machine_clock() -> UnixMillis {
    crate::clock::wall_clock().timestamp_millis().max(0) as u64
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
            longest_skew: LONGEST_SKEW,
            clock: machine_clock,
            lease_clock: LeaseClock::default(),
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
