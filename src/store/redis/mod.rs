//! Leads on a Redis server: the store that several replicas of a service share.
//!
//! A queue in one replica's file waits for that replica; here any of them goes on with what another left. Each change is one
//! script, so it happens as a whole, and none waits for another replica's lock. Leases end by themselves: what a dead replica
//! had comes back. Operations of one user keep their order over all replicas.
//!
//! A lead is acknowledged when the server has synced it to its disk (see [`Durability`]). A copy that takes over from a server
//! that died may lack what the server acknowledged last: Redis copies after it answers, and no setting here changes that.
//! All keys are in one slot of a cluster. The server's clock is never read: dates are the callers', so replicas' clocks should
//! differ by less than a lease lasts.
//!
//! While the server is away every operation fails with [`StoreError`] and is where it was; the connection comes back by
//! itself. An answer that was lost on the way may hide a change that was made: asked for again, nothing happens twice.

mod backlog;
mod counts;
mod leases;
mod listing;
mod open;
mod reply;
mod scripts;
mod settings;

use std::fmt;
use std::sync::Arc;

use redis::aio::ConnectionManager;
use redis::{RedisError, ScriptInvocation, Value};

use crate::failpoint::{Failpoint, reach};
use crate::outcome::Vendor;
use crate::resilience::{Operation, OperationKind, StoreError, UnixMillis, idempotency_key};
use crate::store::{Acceptance, Bounds, Enrichment, LeadRecord, LeadStore, NewLead, Recorded};

pub use backlog::RedisBacklog;
pub use open::OpenError;
pub use settings::{Durability, RedisSettings};

use counts::Counts;
use leases::Leases;
use reply::Items;
use scripts::Lazy;

/// Leads forgotten by one script: nobody else is served while it runs.
const FORGOTTEN_AT_ONCE: u64 = 100;

/// Leads on a Redis server. Clones share the connection.
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
}

struct Shared {
    connection: ConnectionManager,
    prefix: String,
    replica: String,
    bounds: Bounds,
    counts: Counts,
    leases: Leases,
}

impl fmt::Debug for RedisStore {
    /// Without the connection, which knows the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.shared.prefix).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Opens the store, empty or as other replicas know it.
    ///
    /// # Errors
    /// When the server can't be reached, would not keep what it acknowledges, or holds a store of another version. The message
    /// says which, and never holds a password.
    pub async fn open(settings: &RedisSettings) -> Result<Self, OpenError> {
        Self::start(settings, true).await
    }

    /// As [`RedisStore::open`], for a store that is there; none is made.
    ///
    /// # Errors
    /// As there, and when the server has no store of this name.
    pub async fn open_existing(settings: &RedisSettings) -> Result<Self, OpenError> {
        Self::start(settings, false).await
    }

    async fn start(settings: &RedisSettings, make: bool) -> Result<Self, OpenError> {
        let connection = open::connect(settings, make).await?;
        let store = Self {
            shared: Arc::new(Shared {
                connection,
                prefix: settings.prefix(),
                replica: settings.replica.clone(),
                bounds: settings.bounds,
                counts: Counts::default(),
                leases: Leases::default(),
            }),
        };
        let counted = store.next_due(Vendor::Clay).await;
        counted.map_err(|error| OpenError::Url(error.0))?;
        Ok(store)
    }

    /// A call of a script, to which arguments are added.
    fn call(&self, script: &'static Lazy) -> ScriptInvocation<'static> {
        let mut call = script.prepare_invoke();
        call.key(&self.shared.prefix);
        call
    }

    async fn ask(&self, call: &ScriptInvocation<'_>) -> Result<Value, StoreError> {
        call.invoke_async(&mut self.shared.connection.clone()).await.map_err(failed)
    }

    /// Makes a change; gives what the script answers beside the counts.
    async fn change(&self, call: &ScriptInvocation<'_>) -> Result<Value, StoreError> {
        let mut answer = Items::of(self.ask(call).await?)?;
        let result = answer.value()?;
        self.shared.counts.hear(&mut answer)?;
        Ok(result)
    }

    /// Makes a change; gives whether it was made.
    async fn changed(&self, call: &ScriptInvocation<'_>) -> Result<bool, StoreError> {
        Ok(matches!(self.change(call).await?, Value::Int(1)))
    }

    async fn command(&self, command: &redis::Cmd) -> Result<Value, StoreError> {
        command.query_async(&mut self.shared.connection.clone()).await.map_err(failed)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.shared.prefix)
    }
}

fn failed(error: RedisError) -> StoreError {
    StoreError(error.to_string())
}

/// Adds operations as the scripts read them: how many, and each.
fn operations(call: &mut ScriptInvocation<'_>, operations: &[Operation]) -> Result<(), StoreError> {
    call.arg(operations.len());
    operations.iter().try_for_each(|operation| add_operation(call, operation.kind.vendor(), operation))
}

/// Adds an operation for the queue of that vendor.
fn add_operation(call: &mut ScriptInvocation<'_>, vendor: Vendor, operation: &Operation) -> Result<(), StoreError> {
    call.arg(vendor.as_str()).arg(&operation.user).arg(&operation.key);
    call.arg(operation.lead.as_deref().unwrap_or_default()).arg(json(operation)?);
    Ok(())
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError(format!("it can't be written as JSON: {error}")))
}

impl LeadStore for RedisStore {
    type Backlog = RedisBacklog;

    fn backlog(&self, vendor: Vendor) -> RedisBacklog {
        RedisBacklog::new(self.clone(), vendor)
    }

    async fn accept(&self, leads: Vec<NewLead>, now: UnixMillis) -> Result<Vec<Acceptance>, StoreError> {
        let mut call = self.call(&scripts::ACCEPT);
        call.arg(now).arg(self.shared.bounds.queue).arg(leads.len());
        for lead in &leads {
            call.arg(&lead.key).arg(&lead.user).arg(json(&lead.data)?);
            operations(&mut call, &lead.operations)?;
        }
        reach(Failpoint::BeforeEnqueueCommit);
        let answers = self.change(&call).await?;
        reach(Failpoint::AfterEnqueueCommit);
        let answer = |value| match reply::text(value)?.as_str() {
            "new" => Ok(Acceptance::New),
            "known" => Ok(Acceptance::Known),
            _ => Ok(Acceptance::Full),
        };
        Items::of(answers)?.map(answer).collect()
    }

    async fn lead(&self, key: &str) -> Result<Option<LeadRecord>, StoreError> {
        let mut call = self.call(&scripts::LEAD);
        call.arg(key);
        let mut found = Items::of(self.ask(&call).await?)?;
        if found.is_empty() { Ok(None) } else { found.lead().map(Some) }
    }

    async fn leads(&self, after: Option<&str>, limit: usize) -> Result<Vec<LeadRecord>, StoreError> {
        let mut call = self.call(&scripts::LEADS);
        call.arg(after.map_or_else(|| "-".to_owned(), |after| format!("({after}"))).arg(limit);
        let mut page = Items::of(self.ask(&call).await?)?;
        let mut leads = Vec::new();
        while !page.is_empty() {
            leads.push(page.lead()?);
        }
        Ok(leads)
    }

    async fn enrich(&self, lead: &str, enrichment: Enrichment, follow_up: Vec<Operation>) -> Result<Recorded, StoreError> {
        let mut call = self.call(&scripts::ENRICH);
        // The same data in another order of fields is the same.
        let digest = idempotency_key(OperationKind::Enrich, &json(&enrichment.source)?, &enrichment.data);
        call.arg(lead).arg(digest).arg(json(&enrichment)?).arg(enrichment.at);
        operations(&mut call, &follow_up)?;
        reach(Failpoint::BeforeCallbackCommit);
        let recorded = self.change(&call).await?;
        reach(Failpoint::AfterCallbackCommit);
        Ok(match reply::text(recorded)?.as_str() {
            "new" => Recorded::New,
            "repeated" => Recorded::Repeated,
            _ => Recorded::UnknownLead,
        })
    }

    async fn latest(&self) -> Result<Option<UnixMillis>, StoreError> {
        match self.command(redis::cmd("GET").arg(self.key("latest"))).await? {
            Value::Nil => Ok(None),
            latest => reply::date(&reply::text(latest)?).map(Some),
        }
    }

    async fn forget_settled(&self, before: UnixMillis) -> Result<u64, StoreError> {
        let mut call = self.call(&scripts::FORGET);
        call.arg(before).arg(FORGOTTEN_AT_ONCE);
        let mut forgotten = 0;
        loop {
            let at_once = match self.change(&call).await? {
                Value::Int(count) => count.unsigned_abs(),
                _ => 0,
            };
            forgotten += at_once;
            if at_once < FORGOTTEN_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }

    async fn check(&self) -> Result<(), StoreError> {
        // A server without memory, or one that only copies another, answers every question and takes no lead.
        self.command(redis::cmd("SET").arg(self.key("check")).arg(1)).await.map(drop)
    }

    async fn close(&self) -> Result<(), StoreError> {
        // What was answered is durable there, and nothing is held back here.
        Ok(())
    }
}
