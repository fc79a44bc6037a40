//! A store in memory: everything that a durable one keeps and answers, gone with its process.
//!
//! Durable stores differ from each other in details: in what a repeated acceptance answers, in where an operation is
//! between two moves. This one says what is right, in a form that can be read: one state under one lock. The stores of the
//! program are tested against it, and it carries tests that are not about durability.

mod state;
mod vendor_backlog;

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plimsoll::outcome::{FailureKind, Vendor};
use plimsoll::resilience::{
    Attempt, Backlog, CreditState, DeadLetter, DeadLetters, Entry, FallbackQueue, Leased, Operation, Settled, StoreError,
    UnixMillis,
};

use plimsoll::store::{Acceptance, Bounds, Enrichment, LeadRecord, LeadStore, NewLead, Recorded};
use state::State;

/// Leads in memory. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct MemoryStore {
    state: Arc<Mutex<State>>,
}

/// The queue and the dead letters of one vendor in a [`MemoryStore`].
#[derive(Debug, Clone)]
pub(crate) struct MemoryVendor {
    store: MemoryStore,
    vendor: Vendor,
}

impl MemoryStore {
    /// An empty store.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(bounds))) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeadStore for MemoryStore {
    type Backlog = MemoryVendor;

    fn backlog(&self, vendor: Vendor) -> MemoryVendor {
        MemoryVendor { store: self.clone(), vendor }
    }

    fn accept(&self, leads: Vec<NewLead>, now: UnixMillis) -> impl Future<Output = Result<Vec<Acceptance>, StoreError>> + Send {
        let mut state = self.lock();
        ready(Ok(leads.into_iter().map(|lead| state.accept(lead, now)).collect()))
    }

    fn lead(&self, key: &str) -> impl Future<Output = Result<Option<LeadRecord>, StoreError>> + Send {
        ready(Ok(self.lock().lead(key)))
    }

    fn leads(&self, after: Option<&str>, limit: usize) -> impl Future<Output = Result<Vec<LeadRecord>, StoreError>> + Send {
        ready(Ok(self.lock().leads(after, limit)))
    }

    fn enrich(
        &self,
        lead: &str,
        enrichment: Enrichment,
        follow_up: Vec<Operation>,
    ) -> impl Future<Output = Result<Recorded, StoreError>> + Send {
        ready(Ok(self.lock().enrich(lead, enrichment, follow_up)))
    }

    fn ran(&self, now: UnixMillis, age: u64) -> impl Future<Output = Result<UnixMillis, StoreError>> + Send {
        ready(Ok(self.lock().ran(now, age)))
    }

    fn forget_settled(&self, before: UnixMillis) -> impl Future<Output = Result<u64, StoreError>> + Send {
        ready(Ok(self.lock().forget_settled(before)))
    }

    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }

    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }
}

impl Backlog for MemoryVendor {
    fn bury(&self, id: u64, attempt: Attempt) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.store.lock().bury(self.vendor, id, attempt)))
    }

    fn redrive(&self, letter: u64, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.store.lock().redrive(self.vendor, letter, due)))
    }

    fn counts(&self) -> (u64, u64) {
        let state = self.store.lock();
        let backlog = state.backlog(self.vendor);
        (backlog.waiting.len() as u64, backlog.letters.len() as u64)
    }

    fn credits(&self) -> impl Future<Output = Result<Option<CreditState>, StoreError>> + Send {
        ready(Ok(self.store.lock().backlog(self.vendor).credits))
    }

    fn keep_credits(&self, state: CreditState) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.store.lock().backlog_mut(self.vendor).credits = Some(state);
        ready(Ok(()))
    }
}

impl FallbackQueue for MemoryVendor {
    fn push(&self, entry: Entry, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.store.lock().push(self.vendor, entry, due)))
    }

    fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> impl Future<Output = Result<Option<Leased>, StoreError>> + Send {
        ready(Ok(self.store.lock().backlog_mut(self.vendor).lease(now, lease_end)))
    }

    fn next_due(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send {
        ready(Ok(self.store.lock().backlog(self.vendor).next_due()))
    }

    fn ack(&self, id: u64, settled: Settled) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.store.lock().ack(self.vendor, id, settled);
        ready(Ok(()))
    }

    fn holds(&self, user: &str) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.store.lock().backlog(self.vendor).holds(user)))
    }

    fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.store.lock().backlog_mut(self.vendor).fail(id, attempt, due);
        ready(Ok(()))
    }

    fn release(&self, id: u64, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.store.lock().backlog_mut(self.vendor).release(id, due);
        ready(Ok(()))
    }
}

impl DeadLetters for MemoryVendor {
    fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.store.lock().put_letter(self.vendor, entry, cause, at)))
    }

    fn page(&self, after: u64, limit: usize) -> impl Future<Output = Result<Vec<DeadLetter>, StoreError>> + Send {
        let state = self.store.lock();
        let behind = state.backlog(self.vendor).letters.range(after.saturating_add(1)..);
        ready(Ok(behind.take(limit).map(|(_, letter)| letter.clone()).collect()))
    }

    fn by_cause(&self) -> impl Future<Output = Result<BTreeMap<String, u64>, StoreError>> + Send {
        ready(Ok(self.store.lock().backlog(self.vendor).letters_by_cause()))
    }

    fn remove(&self, id: u64) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.store.lock().remove_letter(self.vendor, id)))
    }
}
