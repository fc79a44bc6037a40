//! Fallback queue: while the vendor is away, operations wait instead of getting lost.
//!
//! An operation that fails with its caller's request is gone when the caller gives up. Here it is kept, with what was tried
//! and why that failed, and tried again with growing pauses. Two promises make a queue more than a list: operations of one
//! user leave in the order in which they came, and an entry whose lease expires becomes available again by itself.
//!
//! [`FallbackQueue`] is what the pipeline needs of any queue; [`MemoryQueue`] lives as long as its process.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::{Future, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::entry::{Attempt, Entry, Leased, Settled, StoreError};
use crate::resilience::wall::UnixMillis;

/// What the pipeline needs of a queue. Every change is durable, as far as the queue is, when its future resolves.
pub trait FallbackQueue: Send + Sync + 'static {
    /// Puts an entry at the end of its user's line, due at `due`. False when the queue is full: nothing was kept.
    fn push(&self, entry: Entry, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Takes the entry that has been due for the longest among the first of each user's line, until `lease_end`.
    fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> impl Future<Output = Result<Option<Leased>, StoreError>> + Send;

    /// When the next entry can be leased; `None` for an empty queue.
    fn next_due(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send;

    /// Ends a leased entry. A store that answers for leads keeps how; others forget it.
    fn ack(&self, id: u64, settled: Settled) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether an entry of `user` is in the queue: a later operation of the same user must not overtake it.
    fn holds(&self, user: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Gives a leased entry back, with its attempt counted and remembered, due at `due`.
    fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a leased entry back as it was, due at `due`: nothing was sent.
    fn release(&self, id: u64, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Entries in the queue, leased ones too. Cheap: it is read often.
    fn depth(&self) -> u64;
}

/// A queue in memory. It lives as long as its process.
#[derive(Debug)]
pub struct MemoryQueue {
    capacity: usize,
    lines: Mutex<Lines>,
    depth: AtomicU64,
}

#[derive(Debug, Default)]
struct Lines {
    last_id: u64,
    entries: HashMap<u64, Waiting>,
    /// Each user's entries in their order.
    users: HashMap<String, VecDeque<u64>>,
    /// The first of each line, by when it is due. A leased one is due when its lease is over.
    firsts: BTreeSet<(UnixMillis, u64)>,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    due: UnixMillis,
}

impl MemoryQueue {
    /// An empty queue for at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, lines: Mutex::default(), depth: AtomicU64::new(0) }
    }

    /// Puts an entry at the end of its user's line, unless the queue is full.
    pub(in crate::resilience) fn put(&self, entry: Entry, due: UnixMillis) -> bool {
        self.with(|lines| {
            let fits = lines.entries.len() < self.capacity;
            if fits {
                lines.push(entry, due);
            }
            fits
        })
    }

    /// Takes an entry out for good.
    pub(in crate::resilience) fn take(&self, id: u64) -> Option<Entry> {
        self.with(|lines| lines.remove(id))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Lines) -> T) -> T {
        let mut lines: MutexGuard<'_, Lines> = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut lines);
        self.depth.store(lines.entries.len() as u64, Ordering::Release);
        result
    }
}

impl Lines {
    fn push(&mut self, entry: Entry, due: UnixMillis) {
        self.last_id += 1;
        let id = self.last_id;
        let line = self.users.entry(entry.operation.user.clone()).or_default();
        line.push_back(id);
        if line.len() == 1 {
            self.firsts.insert((due, id));
        }
        self.entries.insert(id, Waiting { entry, due });
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let Waiting { entry, due } = self.entries.remove(&id)?;
        self.firsts.remove(&(due, id));
        if let Some(line) = self.users.get_mut(&entry.operation.user) {
            let was_first = line.front() == Some(&id);
            line.retain(|&other| other != id);
            match line.front() {
                None => drop(self.users.remove(&entry.operation.user)),
                Some(&next) if was_first => drop(self.firsts.insert((self.entries.get(&next).map_or(0, |w| w.due), next))),
                Some(_) => {}
            }
        }
        Some(entry)
    }

    fn lease(&mut self, now: UnixMillis, lease_end: UnixMillis) -> Option<Leased> {
        let &(due, id) = self.firsts.first()?;
        if due > now {
            return None;
        }
        self.reschedule(id, lease_end);
        self.entries.get(&id).map(|waiting| Leased { id, entry: waiting.entry.clone() })
    }

    fn reschedule(&mut self, id: u64, due: UnixMillis) {
        if let Some(waiting) = self.entries.get_mut(&id) {
            // Only the first of a line is in the set.
            if self.firsts.remove(&(waiting.due, id)) {
                self.firsts.insert((due, id));
            }
            waiting.due = due;
        }
    }
}

impl FallbackQueue for MemoryQueue {
    fn push(&self, entry: Entry, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.put(entry, due)))
    }

    fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> impl Future<Output = Result<Option<Leased>, StoreError>> + Send {
        ready(Ok(self.with(|lines| lines.lease(now, lease_end))))
    }

    fn next_due(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send {
        ready(Ok(self.with(|lines| lines.firsts.first().map(|&(due, _)| due))))
    }

    fn ack(&self, id: u64, _settled: Settled) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.take(id);
        ready(Ok(()))
    }

    fn holds(&self, user: &str) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.with(|lines| lines.users.contains_key(user))))
    }

    fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.with(|lines| {
            if let Some(waiting) = lines.entries.get_mut(&id) {
                waiting.entry.retry_count += 1;
                waiting.entry.remember(attempt);
            }
            lines.reschedule(id, due);
        });
        ready(Ok(()))
    }

    fn release(&self, id: u64, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.with(|lines| lines.reschedule(id, due));
        ready(Ok(()))
    }

    fn depth(&self) -> u64 {
        self.depth.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::outcome::FailureKind;
    use crate::resilience::operation::{Operation, OperationKind};

    use super::*;

    const WHY: Attempt = Attempt { at: 0, cause: FailureKind::ServerError, status: Some(503) };

    fn entry(user: &str, number: u32) -> Entry {
        Entry::new(Operation::new(OperationKind::Track, user, json!({ "number": number })), WHY)
    }

    async fn lease(queue: &MemoryQueue, now: UnixMillis) -> Option<(u64, String, u64)> {
        let leased = queue.lease(now, now + 1_000).await.expect("a working queue")?;
        let number = leased.entry.operation.data["number"].as_u64().expect("a number");
        Some((leased.id, leased.entry.operation.user, number))
    }

    #[tokio::test]
    async fn a_user_s_operations_leave_in_their_order_and_users_do_not_wait_for_each_other() {
        let queue = MemoryQueue::new(10);
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
        let queue = MemoryQueue::new(10);
        queue.push(entry("ada", 1), 0).await.expect("a working queue");
        assert!(lease(&queue, 5).await.is_some());
        assert_eq!(lease(&queue, 1_004).await, None);
        assert_eq!(queue.next_due().await, Ok(Some(1_005)));
        assert!(lease(&queue, 1_005).await.is_some());
    }

    #[tokio::test]
    async fn a_failed_attempt_is_counted_and_remembered_and_a_released_one_is_not() {
        let queue = MemoryQueue::new(10);
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
        let queue = MemoryQueue::new(2);
        assert_eq!(queue.push(entry("a", 1), 0).await, Ok(true));
        assert_eq!(queue.push(entry("b", 2), 0).await, Ok(true));
        assert_eq!(queue.push(entry("c", 3), 0).await, Ok(false));
        assert_eq!(queue.depth(), 2);
    }
}
