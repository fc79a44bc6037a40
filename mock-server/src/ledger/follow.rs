//! Reading the ledger as it grows.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{Entry, Ledger};

/// Entries that a follower is given at once, at most.
const BATCH: usize = 1_000;

/// Some entries in a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// How many were forgotten before the first of them, because the follower was too slow.
    pub missed: u64,
    /// The entries, oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// The number after which the next batch begins.
    pub(crate) next: u64,
}

impl Batch {
    /// Whether there may be more already.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= BATCH
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

    /// Waits until there is something, and returns up to 1,000 entries. Dropped while it waits, it loses nothing.
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
        let batch = self.ledger.batch_after(self.after, BATCH, true);
        self.after = batch.next;
        (batch.missed > 0 || !batch.entries.is_empty()).then_some(batch)
    }
}
