//! A store with flaws: what it keeps is kept by a real one, and what it does wrong is what real ones do wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll::outcome::{FailureKind, Vendor};
use plimsoll::resilience::{
    Attempt, Backlog, CreditState, DeadLetter, DeadLetters, Entry, FallbackQueue, Leased, Operation, Settled, StoreError,
    UnixMillis,
};
use plimsoll::store::{Acceptance, Enrichment, LeadRecord, LeadStore, NewLead, Recorded};
use tokio::time::Instant;

/// What a store does wrong, and what happens to it.
#[derive(Debug, Default)]
pub(crate) struct Flaws {
    /// Flaw: answers that leads are durable, and makes them so later.
    pub(crate) acknowledges_before_commit: bool,
    /// Flaw: takes an entry out of the queue in one commit, and puts it among the dead letters in another.
    pub(crate) buries_in_two_steps: bool,
    /// Bad luck: the process dies in the middle of so many burials.
    pub(crate) deaths_in_burial: AtomicU32,
    /// Bad luck: for so long nothing can be taken out of the queue. A worker asks again for as long as its lease lasts.
    pub(crate) no_acks_for: Duration,
}

/// What the flaws made of what the store keeps.
#[derive(Debug, Default)]
struct Wreck {
    /// Acknowledged, and in no commit yet.
    uncommitted: Vec<NewLead>,
    /// Keys of operations whose row is gone.
    gone: BTreeSet<String>,
    /// The entries that were leased last, by vendor and id.
    leased: HashMap<(Vendor, u64), Entry>,
}

/// A store with flaws. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Flawed<S> {
    inner: S,
    flaws: Arc<Flaws>,
    wreck: Arc<Mutex<Wreck>>,
    start: Instant,
}

/// The queue and the dead letters of one vendor in it.
#[derive(Debug)]
pub(crate) struct FlawedBacklog<S: LeadStore> {
    store: Flawed<S>,
    vendor: Vendor,
    inner: S::Backlog,
}

fn happens(times: &AtomicU32) -> bool {
    times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl<S: LeadStore> Flawed<S> {
    pub(crate) fn new(inner: S, flaws: Flaws) -> Self {
        Self { inner, flaws: Arc::new(flaws), wreck: Arc::default(), start: Instant::now() }
    }

    /// The process is gone: what is in no commit is, too.
    pub(crate) fn crash(&self) {
        let mut wreck = self.wreck.lock().expect("no thread has panicked with it");
        wreck.uncommitted.clear();
        wreck.leased.clear();
    }

    /// The commit that comes later.
    pub(crate) async fn commit_later(&self, now: UnixMillis) -> Result<(), StoreError> {
        let leads = std::mem::take(&mut self.wreck.lock().expect("no thread has panicked with it").uncommitted);
        self.inner.accept(leads, now).await.map(drop)
    }
}

impl<S: LeadStore> LeadStore for Flawed<S> {
    type Backlog = FlawedBacklog<S>;

    fn backlog(&self, vendor: Vendor) -> FlawedBacklog<S> {
        FlawedBacklog { store: self.clone(), vendor, inner: self.inner.backlog(vendor) }
    }

    async fn accept(&self, leads: Vec<NewLead>, now: UnixMillis) -> Result<Vec<Acceptance>, StoreError> {
        if !self.flaws.acknowledges_before_commit {
            return self.inner.accept(leads, now).await;
        }
        let answers = vec![Acceptance::New; leads.len()];
        self.wreck.lock().expect("no thread has panicked with it").uncommitted.extend(leads);
        Ok(answers)
    }

    fn lead(&self, key: &str) -> impl Future<Output = Result<Option<LeadRecord>, StoreError>> + Send {
        self.inner.lead(key)
    }

    async fn leads(&self, after: Option<&str>, limit: usize) -> Result<Vec<LeadRecord>, StoreError> {
        let mut leads = self.inner.leads(after, limit).await?;
        let wreck = self.wreck.lock().expect("no thread has panicked with it");
        for lead in &mut leads {
            lead.operations.retain(|operation| !wreck.gone.contains(&operation.key));
        }
        Ok(leads)
    }

    fn enrich(
        &self,
        lead: &str,
        enrichment: Enrichment,
        follow_up: Vec<Operation>,
    ) -> impl Future<Output = Result<Recorded, StoreError>> + Send {
        self.inner.enrich(lead, enrichment, follow_up)
    }

    fn forget_settled(&self, before: UnixMillis) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.inner.forget_settled(before)
    }

    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.inner.check()
    }

    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.inner.close()
    }
}

impl<S: LeadStore> Backlog for FlawedBacklog<S> {
    async fn bury(&self, id: u64, attempt: Attempt) -> Result<bool, StoreError> {
        if !happens(&self.store.flaws.deaths_in_burial) {
            return self.inner.bury(id, attempt).await;
        }
        if self.store.flaws.buries_in_two_steps {
            // The first commit: the entry leaves the queue. What a real store has no row of, no list shows.
            let place = plimsoll::outcome::RestingState::Rejected;
            self.inner.ack(id, Settled { place, ..Settled::delivered(attempt.at, None) }).await?;
            let mut wreck = self.store.wreck.lock().expect("no thread has panicked with it");
            if let Some(entry) = wreck.leased.remove(&(self.vendor, id)) {
                wreck.gone.insert(entry.operation.key);
            }
        }
        Err(StoreError("the process died".to_owned()))
    }

    fn redrive(&self, letter: u64, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.inner.redrive(letter, due)
    }

    fn counts(&self) -> (u64, u64) {
        self.inner.counts()
    }

    fn credits(&self) -> impl Future<Output = Result<Option<CreditState>, StoreError>> + Send {
        self.inner.credits()
    }

    fn keep_credits(&self, state: CreditState) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.inner.keep_credits(state)
    }
}

impl<S: LeadStore> FallbackQueue for FlawedBacklog<S> {
    fn push(&self, entry: Entry, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.inner.push(entry, due)
    }

    async fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> Result<Option<Leased>, StoreError> {
        let leased = self.inner.lease(now, lease_end).await?;
        if let Some(leased) = &leased {
            self.store
                .wreck
                .lock()
                .expect("no thread has panicked with it")
                .leased
                .insert((self.vendor, leased.id), leased.entry.clone());
        }
        Ok(leased)
    }

    fn next_due(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send {
        self.inner.next_due()
    }

    async fn ack(&self, id: u64, settled: Settled) -> Result<(), StoreError> {
        if self.store.start.elapsed() < self.store.flaws.no_acks_for {
            return Err(StoreError("database is locked".to_owned()));
        }
        self.inner.ack(id, settled).await
    }

    fn holds(&self, user: &str) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.inner.holds(user)
    }

    fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.inner.fail(id, attempt, due)
    }

    fn release(&self, id: u64, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.inner.release(id, due)
    }
}

impl<S: LeadStore> DeadLetters for FlawedBacklog<S> {
    fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.inner.put(entry, cause, at)
    }

    fn page(&self, after: u64, limit: usize) -> impl Future<Output = Result<Vec<DeadLetter>, StoreError>> + Send {
        self.inner.page(after, limit)
    }

    fn by_cause(&self) -> impl Future<Output = Result<BTreeMap<String, u64>, StoreError>> + Send {
        self.inner.by_cause()
    }

    fn remove(&self, id: u64) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.inner.remove(id)
    }
}
