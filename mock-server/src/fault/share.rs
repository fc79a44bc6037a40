//! Which requests a fault with a share hits.
//!
//! Chosen by order of arrival, the same seed would hit other requests in every run, as soon as two clients race. Chosen by
//! a hash of the request alone, a share of equal requests (`{"test":true}`, a thousand times) would be all or nothing. So
//! the choice is a hash of the seed, the fault, the request's identity (method, path, body) and how often that identity has
//! been seen since the fault began: of m equal requests the same number is hit whatever the concurrency.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::seed::{Hash, Seed};
use crate::simulated::Request;

/// Identities whose occurrences are counted; about 9 MB at most. Beyond them, a new identity counts as seen for the first
/// time: exact for requests that differ, and still the configured share overall.
const COUNTED_IDENTITIES: usize = 1 << 18;

/// The choice for one fault, from its start to its end.
pub(crate) struct Share {
    share: f64,
    base: Hash,
    seen: Mutex<HashMap<u64, u32>>,
}

impl Share {
    pub(crate) fn new(share: f64, seed: Seed, fault: &str) -> Self {
        Self { share, base: seed.hash("share").part(fault.as_bytes()), seen: Mutex::default() }
    }

    /// Whether the fault hits this request, where its share is reduced to `strength` of itself, 0 to 1. What is hit at one
    /// strength is hit at every greater one.
    pub(crate) fn hits(&self, request: &Request<'_>, strength: f64) -> bool {
        self.chooses(strength, |base| {
            base.part(request.method.as_str().as_bytes())
                .part(request.path.as_bytes())
                .part(request.query.unwrap_or_default().as_bytes())
                .part(request.body)
        })
    }

    /// As [`Share::hits`], for something that is no request.
    pub(crate) fn hits_identity(&self, identity: &[u8], strength: f64) -> bool {
        self.chooses(strength, |base| base.part(identity))
    }

    fn chooses(&self, strength: f64, identify: impl FnOnce(Hash) -> Hash) -> bool {
        let share = self.share * strength;
        if share >= 1.0 {
            return true;
        }
        if share <= 0.0 {
            return false;
        }
        let identity = identify(self.base);
        identity.with(&self.occurrence(identity.finish()).to_le_bytes()).unit() < share
    }

    fn occurrence(&self, identity: u64) -> u32 {
        let mut seen = self.seen.lock();
        if seen.len() >= COUNTED_IDENTITIES && !seen.contains_key(&identity) {
            return 1;
        }
        let count = seen.entry(identity).or_insert(0);
        *count = count.wrapping_add(1);
        *count
    }
}
