//! Reading the ledger as it grows.

use std::sync::Arc;

use super::store::{Batch, Ledger};

/// Entries that a follower is given at once, at most.
const BATCH: usize = 1_000;
/// Bytes that they may take, about; a larger one comes alone.
const BATCH_BYTES: usize = 1024 * 1024;

impl Ledger {
    /// Entries from now on. A follower that falls so far behind that they are forgotten learns how many it has missed.
    pub fn follow(self: &Arc<Self>) -> Follower {
        self.follow_after(self.written())
    }

    /// Entries after number `after`, as far as they are kept, and then as they come.
    pub(crate) fn follow_after(self: &Arc<Self>, after: u64) -> Follower {
        Follower { ledger: self.clone(), after }
    }
}

impl Batch {
    /// Leaves entries that would take more than so many bytes to the next batch, all but the first.
    fn cut(&mut self, bytes: usize) {
        let sizes = self.entries.iter().scan(0, |sum, entry| {
            *sum += entry.bytes();
            Some(*sum)
        });
        let fitting = sizes.take_while(|sum| *sum <= bytes).count().max(1);
        if let Some(left @ 1..) = self.entries.len().checked_sub(fitting) {
            self.entries.truncate(fitting);
            self.next -= left as u64;
            self.has_more = true;
        }
    }
}

/// Reads the ledger from where it left off.
pub struct Follower {
    ledger: Arc<Ledger>,
    after: u64,
}

impl Follower {
    /// Waits until there is something, and returns up to 1,000 entries, fewer where they are large. Dropped while it waits, it
    /// loses nothing.
    pub async fn next(&mut self) -> Batch {
        let news = self.ledger.news.clone();
        loop {
            let mut written = std::pin::pin!(news.notified());
            written.as_mut().enable();
            if let Some(batch) = self.ready() {
                return batch;
            }
            written.await;
        }
    }

    /// What there is already, or `None` where there is nothing.
    pub fn ready(&mut self) -> Option<Batch> {
        let mut batch = self.ledger.batch_after(self.after, BATCH, true);
        batch.cut(BATCH_BYTES);
        self.after = batch.next;
        (batch.missed > 0 || !batch.entries.is_empty()).then_some(batch)
    }
}
