//! The cases, each over any store, and the leads that they hand in.

pub(crate) mod acceptance;
pub(crate) mod leads;
pub(crate) mod letters;
pub(crate) mod model;
pub(crate) mod queue;

use std::future::Future;

use mock_server::json::Json;
use plimsoll::outcome::{FailureKind, Vendor};
use plimsoll::resilience::{Attempt, Backlog, Leased, Operation, OperationKind, Settled, UnixMillis, idempotency_key};
use plimsoll::store::{Acceptance, Bounds, LeadStore, NewLead};
use serde_json::json;

/// A store of its own for one case.
pub(crate) trait Stand: Sized {
    type Store: LeadStore;

    /// Whether a lease holds when the process that had it is gone. Where the store belongs to one process it need not: nobody
    /// works on the entry any more.
    const LEASES_OUTLIVE_PROCESSES: bool = true;

    /// An empty store; `None`, after saying so loudly, where what it needs is not installed.
    fn open(bounds: Bounds) -> impl Future<Output = Option<Self>>;

    /// A handle of it.
    fn store(&self) -> Self::Store;

    /// Ends the store and opens what it left.
    fn reopen(self) -> impl Future<Output = Self>;
}

/// The stand of a case, or the end of the case.
macro_rules! stand {
    ($stand:ty, $bounds:expr) => {
        match <$stand as crate::conformance::Stand>::open($bounds).await {
            Some(stand) => stand,
            None => return,
        }
    };
}
pub(crate) use stand;

pub(crate) const ROOMY: Bounds = Bounds { queue: 10_000, dead_letters: 10_000 };
pub(crate) const BOTH: [Vendor; 2] = [Vendor::Clay, Vendor::CustomerIo];
pub(crate) const KINDS: [OperationKind; 3] = [OperationKind::Enrich, OperationKind::Identify, OperationKind::Track];

/// The key of the lead of this number.
pub(crate) fn key(number: u64) -> String {
    format!("{number:064x}")
}

pub(crate) fn operation(kind: OperationKind, lead: u64, user: &str, data: impl Into<Json>) -> Operation {
    let (lead, data) = (key(lead), data.into());
    let key = idempotency_key(kind, &lead, &json!({}).into());
    Operation { kind, user: user.to_owned(), data, key, lead: Some(lead), caller: 0, due: None }
}

pub(crate) fn lead_with(number: u64, user: &str, kinds: &[OperationKind], data: impl Into<Json>) -> NewLead {
    let data = data.into();
    let operations = kinds.iter().map(|&kind| operation(kind, number, user, data.clone())).collect();
    NewLead { key: key(number), user: user.to_owned(), data, operations }
}

/// A lead as the service makes them: enrich, identify, track.
pub(crate) fn lead(number: u64, user: &str) -> NewLead {
    lead_with(number, user, &KINDS, json!({ "email": format!("{user}@acme.test"), "number": number }))
}

/// Hands in one lead that must be new.
#[track_caller]
pub(crate) fn accept<S: LeadStore>(store: &S, lead: NewLead, now: UnixMillis) -> impl Future<Output = ()> {
    let accepted = store.accept(vec![lead], now);
    async move { assert_eq!(accepted.await, Ok(vec![Acceptance::New])) }
}

/// Leases the next, if one is due.
pub(crate) async fn lease<B: Backlog>(backlog: &B, now: UnixMillis) -> Option<Leased> {
    backlog.lease(now, now + LEASE).await.expect("a working store")
}

/// Leases one that must be due.
pub(crate) async fn due<B: Backlog>(backlog: &B, now: UnixMillis) -> Leased {
    lease(backlog, now).await.expect("an entry is due")
}

/// How long the leases of [`lease`] last.
pub(crate) const LEASE: UnixMillis = 1_000;

pub(crate) async fn deliver<B: Backlog>(backlog: &B, id: u64, at: UnixMillis) {
    backlog.ack(id, Settled::delivered(at, Some(200))).await.expect("a working store");
}

pub(crate) fn attempt(at: UnixMillis) -> Attempt {
    Attempt { at, cause: FailureKind::ServerError, status: Some(503) }
}
