//! A run's own queue and dead letters, with a journal of where each operation that entered them came to rest.
//!
//! A pipeline's caller hears that an operation waits in the queue, and never again of it. An auditor must know where it is in
//! the end: the queue writes down what leaves it, and at the end of the run what is still in it, and among the dead letters.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use crate::journal::{JournalSender, RestingEntry};
use crate::outcome::{FailureKind, RestingState};
use crate::resilience::settings::FallbackSettings;
use crate::resilience::{
    Attempt, Backlog, CreditState, DeadLetter, DeadLetters, Entry, FallbackQueue, Leased, MemoryBacklog, Settled, StoreError,
    UnixMillis,
};

/// Letters that are read at a time.
const PAGE: usize = 1_000;

/// A backlog in memory that writes down places, where there is a journal for them.
pub(super) struct JournaledBacklog {
    inner: MemoryBacklog,
    journal: Option<JournalSender<RestingEntry>>,
    /// What is in the queue, by key: as much as the queue may hold. Ordered, for it is written down in this order.
    waiting: Mutex<BTreeMap<String, RestingEntry>>,
    /// The keys of entries that are leased.
    leased: Mutex<HashMap<u64, String>>,
}

impl JournaledBacklog {
    pub(super) fn new(settings: &FallbackSettings, journal: Option<JournalSender<RestingEntry>>) -> Self {
        Self { inner: MemoryBacklog::new(settings), journal, waiting: Mutex::default(), leased: Mutex::default() }
    }

    /// Writes down what is in the queue and among the dead letters. To be called when nothing moves any more.
    pub(super) async fn at_rest(&self) -> Result<(), StoreError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        std::mem::take(&mut *self.waiting.lock()).into_values().for_each(|place| journal.write(place));
        let mut after = 0;
        loop {
            let page = self.page(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            page.iter().for_each(|letter| journal.write(place_of(&letter.entry, RestingState::DeadLettered)));
        }
    }

    /// A leased entry has left the queue; gives what was known of it.
    fn left(&self, id: u64) -> Option<RestingEntry> {
        let key = self.leased.lock().remove(&id)?;
        self.waiting.lock().remove(&key)
    }
}

fn place_of(entry: &Entry, place: RestingState) -> RestingEntry {
    let operation = &entry.operation;
    RestingEntry {
        key: operation.key.clone(),
        lead: operation.lead.clone().unwrap_or_else(|| operation.key.clone()),
        user: operation.user.clone(),
        operation: operation.kind.as_str().to_owned(),
        place,
        attempts: entry.attempts.len() as u32,
        redrives: entry.redrives,
    }
}

impl FallbackQueue for JournaledBacklog {
    async fn push(&self, entry: Entry, due: UnixMillis) -> Result<bool, StoreError> {
        if self.journal.is_none() {
            return self.inner.push(entry, due).await;
        }
        let place = place_of(&entry, RestingState::Queued);
        let key = place.key.clone();
        // Known before it can be leased.
        self.waiting.lock().insert(key.clone(), place);
        let pushed = self.inner.push(entry, due).await;
        if !matches!(pushed, Ok(true)) {
            self.waiting.lock().remove(&key);
        }
        pushed
    }

    async fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> Result<Option<Leased>, StoreError> {
        let leased = self.inner.lease(now, lease_end).await?;
        if let Some(leased) = leased.as_ref().filter(|_| self.journal.is_some()) {
            self.leased.lock().insert(leased.id, leased.entry.operation.key.clone());
        }
        Ok(leased)
    }

    async fn next_due(&self) -> Result<Option<UnixMillis>, StoreError> {
        self.inner.next_due().await
    }

    async fn ack(&self, id: u64, settled: Settled) -> Result<(), StoreError> {
        let place = settled.place;
        self.inner.ack(id, settled).await?;
        if let (Some(journal), Some(known)) = (&self.journal, self.left(id)) {
            // The attempt that succeeded is none of those that failed.
            let attempts = known.attempts + u32::from(place == RestingState::Delivered);
            journal.write(RestingEntry { place, attempts, ..known });
        }
        Ok(())
    }

    async fn holds(&self, user: &str) -> Result<bool, StoreError> {
        self.inner.holds(user).await
    }

    async fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> Result<(), StoreError> {
        self.inner.fail(id, attempt, due).await?;
        let Some(key) = self.leased.lock().remove(&id) else { return Ok(()) };
        if let Some(known) = self.waiting.lock().get_mut(&key) {
            known.attempts += 1;
        }
        Ok(())
    }

    async fn release(&self, id: u64, due: UnixMillis) -> Result<(), StoreError> {
        self.inner.release(id, due).await?;
        self.leased.lock().remove(&id);
        Ok(())
    }
}

impl DeadLetters for JournaledBacklog {
    async fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> Result<bool, StoreError> {
        self.inner.put(entry, cause, at).await
    }

    async fn page(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.inner.page(after, limit).await
    }

    async fn by_cause(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.inner.by_cause().await
    }

    async fn remove(&self, id: u64) -> Result<bool, StoreError> {
        self.inner.remove(id).await
    }
}

impl Backlog for JournaledBacklog {
    async fn bury(&self, id: u64, attempt: Attempt) -> Result<bool, StoreError> {
        let buried = self.inner.bury(id, attempt).await?;
        if buried {
            self.left(id);
        }
        Ok(buried)
    }

    async fn redrive(&self, letter: u64, due: UnixMillis) -> Result<bool, StoreError> {
        let page = self.page(letter.saturating_sub(1), 1).await?;
        let known = page.into_iter().find(|known: &DeadLetter| known.id == letter);
        let redriven = self.inner.redrive(letter, due).await?;
        if let Some(known) = known.filter(|_| redriven && self.journal.is_some()) {
            let place = place_of(&known.entry, RestingState::Queued);
            self.waiting.lock().insert(place.key.clone(), RestingEntry { redrives: place.redrives + 1, ..place });
        }
        Ok(redriven)
    }

    fn counts(&self) -> (u64, u64) {
        self.inner.counts()
    }

    fn depth(&self) -> u64 {
        self.inner.depth()
    }

    async fn credits(&self) -> Result<Option<CreditState>, StoreError> {
        self.inner.credits().await
    }

    async fn keep_credits(&self, state: CreditState) -> Result<(), StoreError> {
        self.inner.keep_credits(state).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::journal::{Journal, JournalReader, Line};
    use crate::resilience::{Operation, OperationKind};

    fn attempt() -> Attempt {
        Attempt { at: 1, cause: FailureKind::ServerError, status: Some(503) }
    }

    fn entry(user: &str) -> Entry {
        Entry::new(Operation::new(OperationKind::Enrich, user, json!({})), attempt())
    }

    /// Users and places, as the journal has them.
    async fn places(
        journal: Journal<RestingEntry>,
        backlog: &JournaledBacklog,
        path: &std::path::Path,
    ) -> Vec<(String, RestingState, u32)> {
        backlog.at_rest().await.unwrap();
        assert_eq!(journal.finish().missed, 0);
        let lines = JournalReader::<RestingEntry, _>::open(path).unwrap();
        let mut places: Vec<_> = lines
            .map(|line| match line.unwrap().1 {
                Line::Entry(place) => (place.user, place.place, place.attempts),
                Line::Missed(_) => panic!("nothing is missing"),
            })
            .collect();
        places.sort();
        places
    }

    #[tokio::test]
    async fn each_operation_is_written_down_once_where_it_came_to_rest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("places.ndjson");
        let journal = Journal::create(&path).unwrap();
        let backlog = JournaledBacklog::new(&FallbackSettings::default(), Some(journal.sender()));
        let queue = &backlog;
        for user in ["acked", "buried", "failed", "released", "waiting"] {
            assert!(queue.push(entry(user), 0).await.unwrap());
        }
        for _ in 0..4 {
            let Leased { id, entry } = queue.lease(1, 100).await.unwrap().unwrap();
            match entry.operation.user.as_str() {
                "acked" => queue.ack(id, Settled::delivered(1, Some(200))).await.unwrap(),
                "buried" => assert!(backlog.bury(id, attempt()).await.unwrap()),
                "failed" => queue.fail(id, attempt(), 1_000).await.unwrap(),
                "released" => queue.release(id, 1_000).await.unwrap(),
                other => panic!("{other} was not the first"),
            }
        }
        let expected = [
            ("acked", RestingState::Delivered, 2),
            ("buried", RestingState::DeadLettered, 2),
            ("failed", RestingState::Queued, 2),
            ("released", RestingState::Queued, 1),
            ("waiting", RestingState::Queued, 1),
        ];
        assert_eq!(
            places(journal, &backlog, &path).await,
            expected.map(|(user, place, attempts)| (user.to_owned(), place, attempts))
        );
    }

    #[tokio::test]
    async fn what_is_redriven_is_queued_again_and_what_finds_no_room_is_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("places.ndjson");
        let journal = Journal::create(&path).unwrap();
        let settings = FallbackSettings { queue_capacity: 1, ..FallbackSettings::default() };
        let backlog = JournaledBacklog::new(&settings, Some(journal.sender()));
        assert!(backlog.push(entry("ada"), 0).await.unwrap());
        assert!(!backlog.push(entry("full"), 0).await.unwrap());
        let leased = backlog.lease(1, 100).await.unwrap().unwrap();
        assert!(backlog.bury(leased.id, attempt()).await.unwrap());
        let letter = backlog.page(0, 1).await.unwrap().remove(0);
        assert!(backlog.redrive(letter.id, 0).await.unwrap());
        assert_eq!(places(journal, &backlog, &path).await, [("ada".to_owned(), RestingState::Queued, 2)]);
    }
}
