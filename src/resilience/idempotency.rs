//! Idempotency: the same operation, submitted twice, reaches the vendor once.
//!
//! A caller that timed out submits again; a webhook comes twice. Without memory of what was done, each copy costs credits
//! and sends a message to a person. A memory that is written after the operation lets two concurrent copies through. So a key
//! is marked *before* the operation, concurrent copies wait for the first one's result, and a failure forgets the mark.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;

use super::key::packed;
use super::settings::IdempotencySettings;

/// Which operations are in flight, queued, or done.
#[derive(Debug)]
pub struct Idempotency {
    ttl: Duration,
    marks: Mutex<Marks>,
}

/// A key in 32 bytes: marks take no allocation of their own.
type Key = [u8; 32];

#[derive(Debug)]
struct Marks {
    /// Never evicted: as many as there are operations in flight or in the queue, and those are bounded elsewhere.
    kept: HashMap<Key, Mark>,
    claims: u64,
    /// Delivered, until when they are remembered.
    done: LruCache<Key, Instant>,
}

#[derive(Debug)]
enum Mark {
    /// The first copy is in flight; later ones wait on the channel, which is made for the first of them.
    UnderWay { claim: u64, waiters: Option<watch::Sender<()>> },
    /// In the fallback queue.
    Queued,
}

/// The result of claiming an operation.
#[derive(Debug)]
pub enum Claim<'a> {
    /// It is the first: do it. Dropping the claim without a result forgets it.
    First(FirstClaim<'a>),
    /// It has been delivered, or it is in the queue and will be.
    Duplicate,
}

/// The right and duty to do an operation.
#[derive(Debug)]
pub struct FirstClaim<'a> {
    /// `None` once the result is known.
    idempotency: Option<&'a Idempotency>,
    key: Key,
    claim: u64,
}

impl Idempotency {
    /// An empty memory.
    pub fn new(settings: IdempotencySettings) -> Self {
        let capacity = NonZeroUsize::new(settings.capacity).unwrap_or(NonZeroUsize::MIN);
        let marks = Marks { kept: HashMap::new(), claims: 0, done: LruCache::new(capacity) };
        Self { ttl: settings.ttl, marks: Mutex::new(marks) }
    }

    /// Claims an operation, after waiting for the result of a copy that is in flight.
    pub async fn claim(&self, key: &str) -> Claim<'_> {
        let key = short_key(key);
        loop {
            let mut first = match self.claim_or_wait(key) {
                Ok(claim) => return claim,
                Err(first) => first,
            };
            // An error means that the first copy has its result: look again.
            let _ = first.changed().await;
        }
    }

    /// Claims an operation at once; `None` when a copy is in flight.
    pub fn try_claim(&self, key: &str) -> Option<Claim<'_>> {
        self.claim_or_wait(short_key(key)).ok()
    }

    /// Claims the key, or gives the channel to wait on.
    fn claim_or_wait(&self, key: Key) -> Result<Claim<'_>, watch::Receiver<()>> {
        let mut marks = self.marks.lock();
        match marks.kept.get_mut(&key) {
            Some(Mark::Queued) => return Ok(Claim::Duplicate),
            Some(Mark::UnderWay { waiters, .. }) => {
                return Err(waiters.get_or_insert_with(|| watch::channel(()).0).subscribe());
            }
            None => {}
        }
        if marks.remembers(&key) {
            return Ok(Claim::Duplicate);
        }
        marks.claims += 1;
        let claim = marks.claims;
        marks.kept.insert(key, Mark::UnderWay { claim, waiters: None });
        Ok(Claim::First(FirstClaim { idempotency: Some(self), key, claim }))
    }

    /// Whether the operation has been delivered within the time that it is remembered.
    pub fn was_delivered(&self, key: &str) -> bool {
        self.marks.lock().remembers(&short_key(key))
    }

    /// A queued operation was delivered at `now`.
    pub fn delivered(&self, key: &str, now: Instant) {
        let mut marks = self.marks.lock();
        let key = short_key(key);
        marks.done.put(key, now + self.ttl);
        let ended = marks.kept.remove(&key);
        drop(marks);
        drop(ended);
    }

    /// A queued operation failed for good: a copy may try anew.
    pub fn forget(&self, key: &str) {
        let ended = self.marks.lock().kept.remove(&short_key(key));
        drop(ended);
    }

    /// Operations in flight or queued, and keys remembered.
    pub fn sizes(&self) -> (usize, usize) {
        let marks = self.marks.lock();
        (marks.kept.len(), marks.done.len())
    }

    /// Ends a claim. Waiting copies look again, because its channel is dropped with it.
    fn conclude(&self, key: Key, claim: u64, ending: Ending) {
        let mut marks = self.marks.lock();
        // What was queued may have been delivered already; the mark is then gone, or another's.
        let is_ours = matches!(marks.kept.get(&key), Some(Mark::UnderWay { claim: ours, .. }) if *ours == claim);
        let ended = match ending {
            _ if !is_ours => None,
            Ending::Queued => marks.kept.insert(key, Mark::Queued),
            Ending::Delivered(_) | Ending::Failed => marks.kept.remove(&key),
        };
        if let Ending::Delivered(now) = ending {
            marks.done.put(key, now + self.ttl);
        }
        drop(marks);
        drop(ended);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Delivered(Instant),
    Queued,
    Failed,
}

impl Marks {
    fn remembers(&mut self, key: &Key) -> bool {
        match self.done.get(key) {
            Some(&until) if Instant::now() < until => true,
            Some(_) => {
                self.done.pop(key);
                false
            }
            None => false,
        }
    }
}

impl FirstClaim<'_> {
    /// It was delivered at `now`.
    pub fn delivered(self, now: Instant) {
        self.conclude(Ending::Delivered(now));
    }

    /// It was put into the queue: copies are duplicates until it is delivered or forgotten.
    pub fn queued(self) {
        self.conclude(Ending::Queued);
    }

    fn conclude(mut self, ending: Ending) {
        if let Some(idempotency) = self.idempotency.take() {
            idempotency.conclude(self.key, self.claim, ending);
        }
    }
}

impl Drop for FirstClaim<'_> {
    fn drop(&mut self) {
        if let Some(idempotency) = self.idempotency {
            idempotency.conclude(self.key, self.claim, Ending::Failed);
        }
    }
}

/// The 32 bytes that a key of 64 hex digits stands for; a key of any other form is hashed to as many.
fn short_key(key: &str) -> Key {
    packed(key).unwrap_or_else(|| Sha256::digest(key).into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn memory(capacity: usize) -> Arc<Idempotency> {
        Arc::new(Idempotency::new(IdempotencySettings { capacity, ttl: Duration::from_secs(3_600) }))
    }

    async fn first<'a>(memory: &'a Idempotency, key: &str) -> FirstClaim<'a> {
        match memory.claim(key).await {
            Claim::First(claim) => claim,
            Claim::Duplicate => panic!("{key} is a duplicate"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivered_operation_is_a_duplicate_until_its_time_is_up() {
        let memory = memory(10);
        first(&memory, "k").await.delivered(Instant::now());
        assert!(matches!(memory.claim("k").await, Claim::Duplicate));
        tokio::time::advance(Duration::from_secs(3_599)).await;
        assert!(matches!(memory.claim("k").await, Claim::Duplicate));
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(first(&memory, "k").await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_waits_for_the_first_and_is_a_duplicate_of_its_success() {
        let memory = memory(10);
        let claim = first(&memory, "k").await;
        let copy = tokio::spawn({
            let memory = Arc::clone(&memory);
            async move { matches!(memory.claim("k").await, Claim::Duplicate) }
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!copy.is_finished(), "it must wait");
        claim.delivered(Instant::now());
        assert!(copy.await.expect("the copy ends"));
    }

    #[tokio::test(start_paused = true)]
    async fn of_the_copies_that_wait_for_a_failure_one_takes_over() {
        let memory = memory(10);
        let claim = first(&memory, "k").await;
        let copies: Vec<_> = (0..10)
            .map(|_| {
                let memory = Arc::clone(&memory);
                tokio::spawn(async move {
                    match memory.claim("k").await {
                        Claim::First(claim) => {
                            tokio::time::sleep(Duration::from_secs(1)).await;
                            claim.delivered(Instant::now());
                            1
                        }
                        Claim::Duplicate => 0,
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(claim);
        let mut took_over = 0;
        for copy in copies {
            took_over += copy.await.expect("the copy ends");
        }
        assert_eq!(took_over, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queued_operation_is_a_duplicate_however_long_it_waits() {
        let memory = memory(1);
        first(&memory, "k").await.queued();
        first(&memory, "a").await.delivered(Instant::now());
        first(&memory, "b").await.delivered(Instant::now());
        tokio::time::advance(Duration::from_secs(100_000)).await;
        assert!(matches!(memory.claim("k").await, Claim::Duplicate));
        memory.forget("k");
        drop(first(&memory, "k").await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_is_bounded_and_forgets_the_least_recently_used() {
        let memory = memory(2);
        for key in ["a", "b", "c"] {
            first(&memory, key).await.delivered(Instant::now());
        }
        assert_eq!(memory.sizes(), (0, 2));
        assert!(!memory.was_delivered("a"));
        assert!(memory.was_delivered("b") && memory.was_delivered("c"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_that_ends_late_leaves_the_marks_of_others_alone() {
        let memory = memory(10);
        let late = first(&memory, "k").await;
        memory.delivered("k", Instant::now());
        late.queued();
        assert_eq!(memory.sizes(), (0, 1), "delivered from the queue before its caller knew that it was queued");

        let late = first(&memory, "j").await;
        memory.forget("j");
        let other = first(&memory, "j").await;
        drop(late);
        assert!(memory.try_claim("j").is_none(), "the other is still in flight");
        other.delivered(Instant::now());
    }

    #[test]
    fn short_keys_tell_keys_apart() {
        let hex: String = Sha256::digest("any").iter().map(|byte| format!("{byte:02x}")).collect();
        let upper = hex.to_uppercase();
        assert_ne!(short_key(&hex), short_key(&upper));
        assert_ne!(short_key("a"), short_key("b"));
        let back: String = short_key(&hex).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(back, hex);
    }
}
