//! The queue and the dead letters in memory. They live as long as their process.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::backlog::{Backlog, CreditState};
use super::dead_letters::{DeadLetter, DeadLetters};
use super::entry::{Attempt, Entry, Leased, Settled, StoreError};
use super::fallback_queue::FallbackQueue;
use super::lines::Lines;
use crate::outcome::{FailureKind, RestingState};
use crate::resilience::settings::FallbackSettings;
use crate::resilience::wall::UnixMillis;

/// Hears of an entry, and of where it came to rest.
type Report = Box<dyn Fn(&Entry, RestingState) + Send + Sync>;

/// A backlog in memory.
pub struct MemoryBacklog {
    queue_capacity: usize,
    letter_capacity: usize,
    state: Mutex<State>,
    /// Entries in the queue: read with each operation, so without the lock.
    depth: AtomicU64,
    report: Option<Report>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    lines: Lines,
    letters: BTreeMap<u64, DeadLetter>,
    credits: Option<CreditState>,
}

impl MemoryBacklog {
    /// An empty backlog with the bounds that the settings give.
    pub fn new(settings: &FallbackSettings) -> Self {
        Self {
            queue_capacity: settings.queue_capacity,
            letter_capacity: settings.dead_letter_capacity,
            state: Mutex::default(),
            depth: AtomicU64::new(0),
            report: None,
        }
    }

    /// Reports each entry that leaves the queue, as it was there. The dead letters are no way out.
    #[must_use]
    pub fn reporting(self, report: impl Fn(&Entry, RestingState) + Send + Sync + 'static) -> Self {
        Self { report: Some(Box::new(report)), ..self }
    }

    /// Reports what is in the queue and among the dead letters. To be called when nothing moves any more.
    pub fn report_rest(&self) {
        let Some(report) = &self.report else { return };
        let state = self.state.lock();
        state.lines.entries().into_iter().for_each(|entry| report(entry, RestingState::Queued));
        state.letters.values().for_each(|letter| report(&letter.entry, RestingState::DeadLettered));
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = work(&mut state);
        self.depth.store(state.lines.len() as u64, Ordering::Release);
        result
    }

    fn move_to_letters(&self, state: &mut State, id: u64, attempt: Attempt) -> bool {
        if state.letters.len() >= self.letter_capacity {
            return false;
        }
        let Some(mut entry) = state.lines.remove(id) else { return false };
        entry.retry_count += 1;
        entry.remember(attempt);
        state.put_letter(entry, attempt.cause, attempt.at)
    }

    fn move_to_queue(&self, state: &mut State, letter: u64, due: UnixMillis) -> bool {
        if state.lines.len() >= self.queue_capacity {
            return false;
        }
        let Some(DeadLetter { mut entry, .. }) = state.letters.remove(&letter) else { return false };
        entry.retry_count = 0;
        entry.redrives += 1;
        state.push(entry, due)
    }
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn push(&mut self, entry: Entry, due: UnixMillis) -> bool {
        let id = self.next_id();
        self.lines.push(id, entry, due);
        true
    }

    fn put_letter(&mut self, entry: Entry, cause: FailureKind, at: UnixMillis) -> bool {
        let id = self.next_id();
        self.letters.insert(id, DeadLetter { id, entry, cause, at });
        true
    }
}

impl Backlog for MemoryBacklog {
    fn bury(&self, id: u64, attempt: Attempt) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.with(|state| self.move_to_letters(state, id, attempt))))
    }

    fn redrive(&self, letter: u64, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.with(|state| self.move_to_queue(state, letter, due))))
    }

    fn counts(&self) -> (u64, u64) {
        self.with(|state| (state.lines.len() as u64, state.letters.len() as u64))
    }

    fn depth(&self) -> u64 {
        self.depth.load(Ordering::Acquire)
    }

    fn credits(&self) -> impl Future<Output = Result<Option<CreditState>, StoreError>> + Send {
        ready(Ok(self.with(|state| state.credits)))
    }

    fn keep_credits(&self, credits: CreditState) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.with(|state| state.credits = Some(credits));
        ready(Ok(()))
    }
}

impl FallbackQueue for MemoryBacklog {
    fn push(&self, entry: Entry, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.with(|state| state.lines.len() < self.queue_capacity && state.push(entry, due))))
    }

    fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> impl Future<Output = Result<Option<Leased>, StoreError>> + Send {
        ready(Ok(self.with(|state| state.lines.lease(now, lease_end))))
    }

    fn next_due(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send {
        ready(Ok(self.with(|state| state.lines.next_due())))
    }

    fn ack(&self, id: u64, settled: Settled) -> impl Future<Output = Result<(), StoreError>> + Send {
        let left = self.with(|state| state.lines.remove(id));
        if let (Some(report), Some(entry)) = (&self.report, left) {
            report(&entry, settled.place);
        }
        ready(Ok(()))
    }

    fn holds(&self, user: &str) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.with(|state| state.lines.holds(user))))
    }

    fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.with(|state| state.lines.fail(id, attempt, due));
        ready(Ok(()))
    }

    fn release(&self, id: u64, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.with(|state| state.lines.reschedule(id, due));
        ready(Ok(()))
    }
}

impl DeadLetters for MemoryBacklog {
    fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.with(|state| state.letters.len() < self.letter_capacity && state.put_letter(entry, cause, at))))
    }

    fn page(&self, after: u64, limit: usize) -> impl Future<Output = Result<Vec<DeadLetter>, StoreError>> + Send {
        let page = |state: &mut State| {
            state.letters.range(after.saturating_add(1)..).take(limit).map(|(_, letter)| letter.clone()).collect()
        };
        ready(Ok(self.with(page)))
    }

    fn by_cause(&self) -> impl Future<Output = Result<BTreeMap<String, u64>, StoreError>> + Send {
        let mut counts = BTreeMap::new();
        self.with(|state| {
            for letter in state.letters.values() {
                *counts.entry(letter.cause.as_str().to_owned()).or_insert(0) += 1;
            }
        });
        ready(Ok(counts))
    }

    fn remove(&self, id: u64) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.with(|state| state.letters.remove(&id).is_some())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use futures_util::FutureExt;
    use serde_json::json;

    use crate::resilience::operation::{Operation, OperationKind};

    use super::*;

    fn with_capacities(queue_capacity: usize, dead_letter_capacity: usize) -> MemoryBacklog {
        MemoryBacklog::new(&FallbackSettings { queue_capacity, dead_letter_capacity, ..FallbackSettings::default() })
    }

    /// A queue with room for as many entries.
    fn queue(capacity: usize) -> MemoryBacklog {
        with_capacities(capacity, 0)
    }

    /// Dead letters with as much room.
    fn letters(capacity: usize) -> MemoryBacklog {
        with_capacities(0, capacity)
    }

    fn of_user(user: &str) -> Entry {
        entry(user, 0)
    }

    const WHY: Attempt = Attempt { at: 0, cause: FailureKind::ServerError, status: Some(503) };

    fn entry(user: &str, number: u32) -> Entry {
        Entry::new(Operation::new(OperationKind::Track, user, json!({ "number": number })), WHY)
    }

    async fn lease(queue: &MemoryBacklog, now: UnixMillis) -> Option<(u64, String, u64)> {
        let leased = queue.lease(now, now + 1_000).await.expect("a working queue")?;
        let number = leased.entry.operation.data.field("number").expect("a number").get().parse::<u64>().expect("a number");
        Some((leased.id, leased.entry.operation.user, number))
    }

    #[tokio::test]
    async fn a_user_s_operations_leave_in_their_order_and_users_do_not_wait_for_each_other() {
        let queue = queue(10);
        for (user, number, due) in [("ada", 1, 50), ("ada", 2, 0), ("bob", 3, 10)] {
            assert!(queue.push(entry(user, number), due).await.expect("a working queue"));
        }
        let (bob, ..) = lease(&queue, 10).await.expect("bob's is due");
        assert_eq!(lease(&queue, 49).await, None, "ada's second must wait for her first");
        queue.ack(bob, Settled::delivered(10, Some(200))).await.expect("a working queue");
        let (first, user, number) = lease(&queue, 50).await.expect("ada's first");
        assert_eq!((user.as_str(), number), ("ada", 1));
        assert_eq!(lease(&queue, 50).await, None);
        queue.ack(first, Settled::delivered(50, Some(200))).await.expect("a working queue");
        assert_eq!(lease(&queue, 50).await.map(|(_, user, number)| (user, number)), Some(("ada".to_owned(), 2)));
        assert_eq!(queue.depth(), 1);
    }

    #[tokio::test]
    async fn a_lease_that_is_never_finished_comes_back() {
        let queue = queue(10);
        queue.push(entry("ada", 1), 0).await.expect("a working queue");
        assert!(lease(&queue, 5).await.is_some());
        assert_eq!(lease(&queue, 1_004).await, None);
        assert_eq!(queue.next_due().await, Ok(Some(1_005)));
        assert!(lease(&queue, 1_005).await.is_some());
    }

    #[tokio::test]
    async fn a_failed_attempt_is_counted_and_remembered_and_a_released_one_is_not() {
        let queue = queue(10);
        queue.push(entry("ada", 1), 0).await.expect("a working queue");
        let (id, ..) = lease(&queue, 0).await.expect("due");
        queue.release(id, 100).await.expect("a working queue");
        assert_eq!(lease(&queue, 99).await, None);
        let leased = queue.lease(100, 200).await.expect("a working queue").expect("due");
        assert_eq!((leased.entry.retry_count, leased.entry.attempts.len()), (0, 1));
        let why = Attempt { at: 150, cause: FailureKind::Timeout, status: None };
        queue.fail(id, why, 300).await.expect("a working queue");
        let leased = queue.lease(300, 400).await.expect("a working queue").expect("due");
        assert_eq!(leased.entry.retry_count, 1);
        assert_eq!(leased.entry.attempts, [WHY, why]);
    }

    #[tokio::test]
    async fn a_full_queue_says_so_and_keeps_nothing() {
        let queue = queue(2);
        assert_eq!(queue.push(entry("a", 1), 0).await, Ok(true));
        assert_eq!(queue.push(entry("b", 2), 0).await, Ok(true));
        assert_eq!(queue.push(entry("c", 3), 0).await, Ok(false));
        assert_eq!(queue.depth(), 2);
    }

    #[tokio::test]
    async fn letters_are_counted_by_cause_and_exported_page_by_page() {
        let letters = letters(10);
        for (user, cause) in [("a", FailureKind::ClientError), ("b", FailureKind::Timeout), ("c", FailureKind::ClientError)] {
            assert_eq!(letters.put(of_user(user), cause, 9).await, Ok(true));
        }
        assert_eq!(letters.by_cause().await, Ok(BTreeMap::from([("client_error".to_owned(), 2), ("timeout".to_owned(), 1)])));
        let first = letters.page(0, 2).await.expect("working letters");
        assert_eq!(first.iter().map(|letter| letter.entry.operation.user.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let second = letters.page(first[1].id, 2).await.expect("working letters");
        assert_eq!(second.iter().map(|letter| letter.entry.operation.user.as_str()).collect::<Vec<_>>(), ["c"]);
        assert_eq!(letters.remove(first[0].id).await, Ok(true));
        assert_eq!(letters.remove(first[0].id).await, Ok(false));
        assert_eq!(letters.counts().1, 2);
    }

    #[tokio::test]
    async fn without_room_nothing_is_kept_and_it_says_so() {
        let letters = letters(1);
        assert_eq!(letters.put(of_user("a"), FailureKind::Timeout, 9).await, Ok(true));
        assert_eq!(letters.put(of_user("b"), FailureKind::Timeout, 9).await, Ok(false));
        assert_eq!(letters.counts().1, 1);
    }

    #[test]
    fn of_two_that_want_the_last_place_among_the_letters_none_is_lost() {
        for round in 0..5_000 {
            let backlog = with_capacities(1, 1);
            assert!(backlog.push(of_user("queued"), 0).now_or_never() == Some(Ok(true)));
            let both = Barrier::new(2);
            let put = std::thread::scope(|scope| {
                let put = scope.spawn(|| {
                    both.wait();
                    backlog.put(of_user("direct"), FailureKind::ClientError, 1).now_or_never()
                });
                both.wait();
                let _ = backlog.bury(1, WHY).now_or_never();
                put.join().expect("no panic") == Some(Ok(true))
            });
            let (queued, letters) = backlog.counts();
            assert_eq!(queued + letters, 1 + u64::from(put), "round {round}: {queued} queued, {letters} letters");
        }
    }
}
