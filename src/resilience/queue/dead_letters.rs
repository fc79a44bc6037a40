//! Dead letters: what can't be delivered is put aside with its reason, and never dropped in silence.
//!
//! A queue that retries for ever hides broken leads among healthy ones, and one that gives up quietly loses them. Here they
//! lie until somebody mends the cause and redrives them, or exports them: each with when and why every attempt failed.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::outcome::FailureKind;

use super::entry::{Entry, StoreError};
use crate::resilience::wall::UnixMillis;

/// How often an entry may be redriven; one that failed as often needs a person.
pub const MOST_REDRIVES: u32 = 3;

/// An operation that could not be delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// What it is known by here.
    pub id: u64,
    /// The operation and its history.
    pub entry: Entry,
    /// The last failure.
    pub cause: FailureKind,
    /// When it was given up.
    pub at: UnixMillis,
}

/// What the pipeline needs of a place for dead letters.
pub trait DeadLetters: Send + Sync + 'static {
    /// Puts an operation aside. False when there is no room: nothing was kept.
    fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// At most `limit` letters with an id above `after`, by id: for export, page by page.
    fn page(&self, after: u64, limit: usize) -> impl Future<Output = Result<Vec<DeadLetter>, StoreError>> + Send;

    /// Letters by the name of their last failure.
    fn by_cause(&self) -> impl Future<Output = Result<BTreeMap<String, u64>, StoreError>> + Send;

    /// Removes a letter for good. False when there is none of that id.
    fn remove(&self, id: u64) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Letters here. Cheap: it is read often.
    fn count(&self) -> u64;
}

/// Dead letters in memory.
#[derive(Debug)]
pub struct MemoryDeadLetters {
    capacity: usize,
    letters: Mutex<(u64, BTreeMap<u64, DeadLetter>)>,
}

impl MemoryDeadLetters {
    /// Room for at most `capacity` letters.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, letters: Mutex::default() }
    }

    /// Puts down what `take` gives. It is asked only when there is room, and nobody else can take that meanwhile.
    pub(in crate::resilience) fn insert(&self, cause: FailureKind, at: UnixMillis, take: impl FnOnce() -> Option<Entry>) -> bool {
        let (last_id, letters) = &mut *self.lock();
        if letters.len() >= self.capacity {
            return false;
        }
        let Some(entry) = take() else { return false };
        *last_id += 1;
        letters.insert(*last_id, DeadLetter { id: *last_id, entry, cause, at });
        true
    }

    pub(in crate::resilience) fn get(&self, id: u64) -> Option<DeadLetter> {
        self.lock().1.get(&id).cloned()
    }

    pub(in crate::resilience) fn take(&self, id: u64) -> bool {
        self.lock().1.remove(&id).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, DeadLetter>)> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeadLetters for MemoryDeadLetters {
    fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.insert(cause, at, || Some(entry))))
    }

    fn page(&self, after: u64, limit: usize) -> impl Future<Output = Result<Vec<DeadLetter>, StoreError>> + Send {
        let page = self.lock().1.range(after.saturating_add(1)..).take(limit).map(|(_, letter)| letter.clone()).collect();
        ready(Ok(page))
    }

    fn by_cause(&self) -> impl Future<Output = Result<BTreeMap<String, u64>, StoreError>> + Send {
        let mut counts = BTreeMap::new();
        for letter in self.lock().1.values() {
            *counts.entry(letter.cause.as_str().to_owned()).or_insert(0) += 1;
        }
        ready(Ok(counts))
    }

    fn remove(&self, id: u64) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.take(id)))
    }

    fn count(&self) -> u64 {
        self.lock().1.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::resilience::operation::{Operation, OperationKind};
    use crate::resilience::queue::Attempt;

    use super::*;

    fn entry(user: &str) -> Entry {
        let operation = Operation::new(OperationKind::Enrich, user, json!({}));
        Entry::new(operation, Attempt { at: 7, cause: FailureKind::ClientError, status: Some(422) })
    }

    #[tokio::test]
    async fn letters_are_counted_by_cause_and_exported_page_by_page() {
        let letters = MemoryDeadLetters::new(10);
        for (user, cause) in [("a", FailureKind::ClientError), ("b", FailureKind::Timeout), ("c", FailureKind::ClientError)] {
            assert_eq!(letters.put(entry(user), cause, 9).await, Ok(true));
        }
        assert_eq!(letters.by_cause().await, Ok(BTreeMap::from([("client_error".to_owned(), 2), ("timeout".to_owned(), 1)])));
        let first = letters.page(0, 2).await.expect("working letters");
        assert_eq!(first.iter().map(|letter| letter.entry.operation.user.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let second = letters.page(first[1].id, 2).await.expect("working letters");
        assert_eq!(second.iter().map(|letter| letter.entry.operation.user.as_str()).collect::<Vec<_>>(), ["c"]);
        assert_eq!(letters.remove(first[0].id).await, Ok(true));
        assert_eq!(letters.remove(first[0].id).await, Ok(false));
        assert_eq!(letters.count(), 2);
    }

    #[tokio::test]
    async fn without_room_nothing_is_kept_and_it_says_so() {
        let letters = MemoryDeadLetters::new(1);
        assert_eq!(letters.put(entry("a"), FailureKind::Timeout, 9).await, Ok(true));
        assert_eq!(letters.put(entry("b"), FailureKind::Timeout, 9).await, Ok(false));
        assert_eq!(letters.count(), 1);
    }
}
