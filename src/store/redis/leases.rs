//! The leases of this replica, so that a late worker can't release an entry that another worker has by now.
//!
//! An entry whose lease expired may be in flight from another replica. Released or buried by the first worker, it would be
//! leased a third time while the second still sends it. So each lease has a number of its own, and the server compares it.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::resilience::UnixMillis;

/// How long after its end a lease that was neither finished nor released is remembered: 1 h, in milliseconds.
const REMEMBERED: UnixMillis = 3_600_000;

/// By the entry's id: the lease's number and when it ends.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<HashMap<u64, (String, UnixMillis)>>);

impl Leases {
    pub(super) fn begin(&self, id: u64, lease: String, now: UnixMillis, end: UnixMillis) {
        self.with(|leases| {
            // As many as there are workers, but for those that were cut off.
            leases.retain(|_, (_, end)| end.saturating_add(REMEMBERED) > now);
            leases.insert(id, (lease, end));
        });
    }

    /// The number of the lease; `None` when this replica has none on the entry.
    pub(super) fn of(&self, id: u64) -> Option<String> {
        self.with(|leases| leases.get(&id).map(|(lease, _)| lease.clone()))
    }

    pub(super) fn end(&self, id: u64) {
        self.with(|leases| leases.remove(&id));
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<u64, (String, UnixMillis)>) -> T) -> T {
        work(&mut self.0.lock())
    }
}
