//! The bound of what waits to be written.
//!
//! A caller waits for its answer, so there are never more requests than callers; but a caller may go away while the disk
//! stalls, and its request stays. So the changes that wait are bounded by their size. Questions are small, and those whose
//! callers went away are skipped.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most that waiting changes may hold, in KiB: 64 MiB. Each counts as at least one.
const CAPACITY_KIB: usize = 64 << 10;

/// The bytes of the changes that wait to be written.
#[derive(Debug)]
pub(super) struct WriteBacklog(Arc<Semaphore>);

impl Default for WriteBacklog {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CAPACITY_KIB)))
    }
}

impl WriteBacklog {
    /// Reserves room for this many bytes, in the order of the calls; a change larger than the whole takes the whole.
    pub(super) async fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from((bytes / 1_024 + 1).min(CAPACITY_KIB)).unwrap_or(u32::MAX);
        // There is room unless the disk stalls; without a wait the caller keeps its turn.
        match Arc::clone(&self.0).try_acquire_many_owned(kib) {
            Ok(room) => Some(room),
            Err(_) => Arc::clone(&self.0).acquire_many_owned(kib).await.ok(),
        }
    }
}
