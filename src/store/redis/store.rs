//! The handle of a store: it opens the connection, and carries calls to the server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use redis::{Arg, RedisError, ScriptInvocation, Value};

use crate::outcome::Vendor;
use crate::resilience::{Operation, StoreError, UnixMillis};
use crate::store::Bounds;

use super::counts::Counts;
use super::leases::Leases;
use super::link::Link;
use super::open;
use super::open_error::OpenError;
use super::reply::{self, Items};
use super::scripts::{self, Lazy};
use super::settings::{LeaseClock, RedisSettings};

/// Two comparisons of the same clocks differ by less.
const JITTER_MS: i64 = 1_000;

/// Leads on a Redis server. Clones share the connection.
#[derive(Clone)]
pub struct RedisStore {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) link: Link,
    pub(super) prefix: String,
    pub(super) replica: String,
    pub(super) bounds: Bounds,
    pub(super) counts: Counts,
    pub(super) leases: Leases,
    pub(super) lease_clock: LeaseClock,
    /// Milliseconds that the store's clock is ahead of the caller's.
    offset_ms: AtomicI64,
}

impl fmt::Debug for RedisStore {
    /// Without the connection, which holds the password.
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
        let link = open::connect(settings, make).await?;
        let store = Self {
            shared: Arc::new(Shared {
                link,
                prefix: settings.prefix(),
                replica: settings.replica.clone(),
                bounds: settings.bounds,
                counts: Counts::default(),
                leases: Leases::default(),
                lease_clock: settings.lease_clock,
                offset_ms: AtomicI64::default(),
            }),
        };
        let counted = store.next_due(Vendor::Clay).await;
        counted.map_err(|error| OpenError::Url(error.0))?;
        Ok(store)
    }

    /// A call of a script, to which arguments are added.
    pub(super) fn call(&self, script: &'static Lazy) -> ScriptInvocation<'static> {
        let mut call = script.prepare_invoke();
        call.key(&self.shared.prefix).arg(self.shared.link.generation());
        call.arg(self.shared.offset_ms.load(Ordering::Relaxed));
        call
    }

    pub(super) async fn ask(&self, call: &ScriptInvocation<'_>) -> Result<Value, StoreError> {
        let Shared { link, counts, .. } = &*self.shared;
        let mut checked = link.checked(counts).await?;
        match call.invoke_async(&mut checked.connection).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(link.failed(checked.number, error, counts).await),
        }
    }

    /// Makes a change; gives the script's answer without the counts.
    pub(super) async fn change(&self, call: &ScriptInvocation<'_>) -> Result<Value, StoreError> {
        let mut answer = Items::of(self.ask(call).await?)?;
        let result = answer.value()?;
        self.shared.counts.update(&mut answer)?;
        Ok(result)
    }

    /// Makes a change; gives whether it was made.
    pub(super) async fn changed(&self, call: &ScriptInvocation<'_>) -> Result<bool, StoreError> {
        Ok(matches!(self.change(call).await?, Value::Int(1)))
    }

    /// Carries out one command on the store that was opened.
    pub(super) async fn command(&self, command: &redis::Cmd) -> Result<Value, StoreError> {
        let mut call = self.call(&scripts::COMMAND);
        for word in command.args_iter() {
            if let Arg::Simple(word) = word {
                call.arg(word);
            }
        }
        self.ask(&call).await
    }

    /// The store's clock shows `there` while the caller's shows `now`. The way of an answer makes the difference look larger than
    /// it is, so a smaller one is nearer.
    pub(super) fn compared(&self, there: UnixMillis, now: UnixMillis) {
        if self.shared.lease_clock == LeaseClock::Callers {
            return;
        }
        let (offset, known) = (there as i64 - now as i64, self.shared.offset_ms.load(Ordering::Relaxed));
        if offset < known || offset > known + JITTER_MS {
            self.shared.offset_ms.store(offset, Ordering::Relaxed);
        }
    }

    pub(super) async fn next_due(&self, vendor: Vendor) -> Result<Option<UnixMillis>, StoreError> {
        let mut call = self.call(&scripts::NEXT_DUE);
        call.arg(vendor.as_str());
        let due = reply::text(self.change(&call).await?)?;
        if due.is_empty() { Ok(None) } else { reply::date(&due).map(Some) }
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.shared.prefix)
    }
}

pub(super) fn failed(error: RedisError) -> StoreError {
    StoreError(error.to_string())
}

/// Adds operations as the scripts read them: how many, and each.
pub(super) fn operations(call: &mut ScriptInvocation<'_>, operations: &[Operation]) -> Result<(), StoreError> {
    call.arg(operations.len());
    operations.iter().try_for_each(|operation| add_operation(call, operation.kind.vendor(), operation))
}

/// Adds an operation for the queue of that vendor.
pub(super) fn add_operation(call: &mut ScriptInvocation<'_>, vendor: Vendor, operation: &Operation) -> Result<(), StoreError> {
    call.arg(vendor.as_str()).arg(&operation.user).arg(&operation.key);
    call.arg(operation.lead.as_deref().unwrap_or_default()).arg(json(operation)?);
    Ok(())
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError(format!("it can't be written as JSON: {error}")))
}
