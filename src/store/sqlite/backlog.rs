//! The queue and the dead letters of one vendor in the file, as the pipeline sees them.

use std::collections::BTreeMap;

use crate::outcome::{FailureKind, Vendor};
use crate::resilience::{
    Attempt, Backlog, CreditState, DeadLetter, DeadLetters, Entry, FallbackQueue, HeldNote, Leased, Settled, StoreError,
    UnixMillis,
};

use super::checksum::set;
use super::leads::follow_up;
use super::read;
use super::row::{NewEntry, json, line, vendor_number};
use super::store::SqliteStore;
use super::window::{Known, Window};
use super::writer::{Change, Request};

/// The backlog of one vendor. Clones share it.
#[derive(Debug, Clone)]
pub struct SqliteBacklog {
    store: SqliteStore,
    vendor: usize,
}

impl SqliteBacklog {
    pub(super) fn new(store: SqliteStore, vendor: Vendor) -> Self {
        Self { store, vendor: vendor_number(vendor) }
    }

    /// Asks the window, reading ahead where it does not know.
    async fn ask<T>(&self, mut question: impl FnMut(&mut Window) -> Known<T>) -> Result<T, StoreError> {
        // What is sent cannot be written down in a file that is not there.
        if self.store.shared.presence.check().is_err() {
            // The writer may be able to mend it; otherwise it says what is wrong.
            self.store.write(Change::Other, |_| Ok(())).await?;
        }
        loop {
            let (known, low) = {
                let mut window = self.store.shared.windows[self.vendor].lock();
                (question(&mut window), window.runs_low())
            };
            match known {
                Known::Yes(answer) => {
                    if low {
                        self.store.send(Request::ReadAhead { vendor: self.vendor, answer: None }).await?;
                    }
                    return Ok(answer);
                }
                Known::ReadMore => self.store.read_ahead(self.vendor).await?,
            }
        }
    }
}

impl Backlog for SqliteBacklog {
    async fn bury(&self, id: u64, attempt: Attempt) -> Result<bool, StoreError> {
        self.store.write(Change::Bury, move |transaction| transaction.bury(id, attempt)).await
    }

    async fn redrive(&self, letter: u64, due: UnixMillis) -> Result<bool, StoreError> {
        let vendor = self.vendor;
        self.store.write(Change::Redrive, move |transaction| transaction.redrive(vendor, letter, due)).await
    }

    fn counts(&self) -> (u64, u64) {
        let window = self.store.shared.windows[self.vendor].lock();
        (window.queued, window.dead)
    }

    async fn credits(&self) -> Result<Option<CreditState>, StoreError> {
        let vendor = self.vendor;
        self.store.read(move |connection| read::credits(connection, vendor)).await
    }

    async fn keep_credits(&self, state: CreditState) -> Result<(), StoreError> {
        let (vendor, state) = (self.vendor as i64, json(&state));
        self.store
            .write(Change::Other, move |transaction| {
                let sql = concat!("UPDATE backlogs SET ", set!("credits" = "?2"), " WHERE vendor = ?1");
                transaction.connection.prepare_cached(sql)?.execute((vendor, state)).map(drop)
            })
            .await
    }

    async fn keep_held(&self, note: &HeldNote) -> Result<(), StoreError> {
        let kept = self.store.threads.with(|running| running.lock.keep_held(self.vendor, note))?;
        kept.map_err(|error| StoreError(error.to_string()))
    }
}

impl FallbackQueue for SqliteBacklog {
    async fn push(&self, entry: Entry, due: UnixMillis) -> Result<bool, StoreError> {
        let new = NewEntry::new(self.vendor, entry);
        self.store.write(Change::Enqueue, move |transaction| transaction.push(new, due)).await
    }

    async fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> Result<Option<Leased>, StoreError> {
        self.ask(|window| window.lease(now, lease_end)).await
    }

    async fn next_due(&self) -> Result<Option<UnixMillis>, StoreError> {
        self.ask(|window| window.next_due()).await
    }

    async fn ack(&self, id: u64, mut settled: Settled) -> Result<(), StoreError> {
        let follow_up = follow_up(std::mem::take(&mut settled.follow_up), settled.at);
        self.store.write(Change::Ack, move |transaction| transaction.ack(id, &settled, follow_up)).await
    }

    async fn holds(&self, user: &str) -> Result<bool, StoreError> {
        let line = line(self.vendor, user);
        self.store.read(move |connection| read::line_is_taken(connection, line)).await
    }

    async fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> Result<(), StoreError> {
        // A caller without a lease that reports the last attempt again missed the answer that it is written.
        let again = self.store.shared.windows[self.vendor].lock().lease_end(id).is_none();
        self.store.write(Change::Other, move |transaction| transaction.end_lease(id, Some((attempt, again)), due)).await
    }

    async fn release(&self, id: u64, due: UnixMillis) -> Result<(), StoreError> {
        self.store.write(Change::Other, move |transaction| transaction.end_lease(id, None, due)).await
    }
}

impl DeadLetters for SqliteBacklog {
    async fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> Result<bool, StoreError> {
        let new = NewEntry::new(self.vendor, entry);
        self.store.write(Change::Bury, move |transaction| transaction.put_letter(new, cause, at)).await
    }

    async fn page(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let vendor = self.vendor;
        let (letters, unreadable) = self.store.read(move |connection| read::letters(connection, vendor, after, limit)).await?;
        self.store.set_aside(unreadable).await;
        Ok(letters)
    }

    async fn by_cause(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let vendor = self.vendor;
        self.store.read(move |connection| read::by_cause(connection, vendor)).await
    }

    async fn remove(&self, id: u64) -> Result<bool, StoreError> {
        let vendor = self.vendor;
        self.store.write(Change::Other, move |transaction| transaction.remove_letter(vendor, id)).await
    }
}
