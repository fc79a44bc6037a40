//! Reading the ledger as it grows.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{Entry, Ledger};

/// Entries that a follower is given at once, at most.
const BATCH: usize = 1_000;
/// Bytes that they may take, about; a larger one comes alone.
const BATCH_BYTES: usize = 1024 * 1024;

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
    news: Arc<Notify>,
    after: u64,
}

impl Follower {
    pub(super) fn new(ledger: Arc<Ledger>, news: Arc<Notify>, after: u64) -> Self {
        Self { ledger, news, after }
    }

    /// Waits until there is something, and returns up to 1,000 entries, fewer where they are large. Dropped while it waits, it loses nothing.
    pub async fn next(&mut self) -> Batch {
        let news = self.news.clone();
        loop {
            let mut told = std::pin::pin!(news.notified());
            told.as_mut().enable();
            if let Some(batch) = self.ready() {
                return batch;
            }
            told.await;
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
