//! The latest entries in memory.
//!
//! One ring serves readers of the past, tests that wait for an entry, and followers, which read it from where they left off. A
//! follower that is slower than the ring learns how many entries it has missed; no reader can delay a request.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Entry, KEPT, KEPT_BYTES};

/// Every request's entry: the latest ones in memory, all of them for followers.
pub struct Ledger {
    pub(crate) start: Instant,
    requests: AtomicU64,
    kept: Mutex<Kept>,
    /// Notified of every entry.
    pub(super) news: Arc<Notify>,
}

/// Some entries in a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// How many were forgotten before the first of them, because the follower was too slow.
    pub missed: u64,
    /// The entries, oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// The number after which the next batch begins.
    pub(crate) next: u64,
    /// There is more already.
    pub(crate) has_more: bool,
}

#[derive(Default)]
struct Kept {
    entries: VecDeque<Arc<Entry>>,
    /// Bytes that they take, about.
    bytes: usize,
    /// The number of the last entry written.
    written: u64,
    /// The number of the last entry that a reset has taken out of sight. Followers still read it: a file must not have a gap
    /// because of a reset.
    cleared: u64,
}

impl Kept {
    /// Takes the oldest entry out, where there must be one less before another of so many bytes comes.
    fn make_room(&mut self, bytes: usize) -> Option<Arc<Entry>> {
        if self.entries.len() < KEPT && self.bytes + bytes <= KEPT_BYTES {
            return None;
        }
        let oldest = self.entries.pop_front()?;
        self.bytes -= oldest.bytes();
        Some(oldest)
    }

    /// The index of the first entry after number `after`.
    fn index_after(&self, after: u64) -> usize {
        let forgotten = self.written - self.entries.len() as u64;
        // At most the ring's length, which is a usize.
        (after.saturating_sub(forgotten) as usize).min(self.entries.len())
    }
}

impl Ledger {
    /// An empty ledger whose clock starts now.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), requests: AtomicU64::new(0), kept: Mutex::default(), news: Arc::default() }
    }

    /// The number of the next request.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes down a request that is over, and gives the entry its number.
    pub(crate) fn write(&self, mut entry: Entry) {
        let bytes = entry.bytes();
        let (forgotten, more) = {
            let mut kept = self.kept.lock();
            // One goes for one that comes, unless it is larger.
            let forgotten = kept.make_room(bytes);
            let more: Vec<_> = std::iter::from_fn(|| kept.make_room(bytes)).collect();
            kept.written += 1;
            kept.bytes += bytes;
            entry.entry = kept.written;
            kept.entries.push_back(Arc::new(entry));
            (forgotten, more)
        };
        // Not under the lock: it may be the last who holds them.
        drop((forgotten, more));
        self.news.notify_waiters();
    }

    /// How many requests have arrived, the ones that are not over included.
    pub fn arrived(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How many entries have been written, the forgotten ones included.
    pub fn written(&self) -> u64 {
        self.kept.lock().written
    }

    /// How many entries are kept in memory, the ones before the last reset included.
    pub(crate) fn entries_kept(&self) -> u64 {
        self.kept.lock().entries.len() as u64
    }

    /// Waits until every request that has arrived is over and written down.
    pub(crate) async fn settled(&self) {
        loop {
            let mut news = std::pin::pin!(self.news.notified());
            news.as_mut().enable();
            if self.written() >= self.arrived() {
                return;
            }
            news.await;
        }
    }

    /// The entries that are still kept, oldest first: the last [`KEPT`] since the last reset, or fewer where they are large.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.entries_where(|_| true)
    }

    /// Those of them that `wanted` wants.
    pub fn entries_where(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Entry>> {
        let kept = self.kept.lock();
        kept.entries.range(kept.index_after(kept.cleared)..).filter(|entry| wanted(entry)).cloned().collect()
    }

    /// Up to `limit` entries after number `after`, and how many of those after it are forgotten. A reset hides what came
    /// before it, unless `even_cleared`.
    pub(crate) fn batch_after(&self, after: u64, limit: usize, even_cleared: bool) -> Batch {
        let kept = self.kept.lock();
        let after = if even_cleared { after } else { after.max(kept.cleared) };
        let forgotten = kept.written - kept.entries.len() as u64;
        let from = kept.index_after(after);
        let to = from.saturating_add(limit).min(kept.entries.len());
        Batch {
            missed: forgotten.saturating_sub(after),
            entries: kept.entries.range(from..to).cloned().collect(),
            next: after.max(forgotten + to as u64),
            has_more: to < kept.entries.len(),
        }
    }

    /// Waits until `count` entries that `wanted` wants are kept, and returns all of those: a test's way to wait for requests
    /// that it did not make itself. Does not return before, so give it a time limit of your own.
    pub async fn wait_for(&self, count: usize, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Entry>> {
        loop {
            let mut news = std::pin::pin!(self.news.notified());
            // From here on nothing is missed, though it is written while the entries are looked through.
            news.as_mut().enable();
            let found = self.entries_where(&wanted);
            if found.len() >= count {
                return found;
            }
            news.await;
        }
    }

    /// Takes every entry out of sight; numbers go on, and followers miss nothing.
    pub(crate) fn clear(&self) {
        let mut kept = self.kept.lock();
        kept.cleared = kept.written;
    }
}
