//! The handle of a store: it opens the connection, and carries calls to the server.

use std::fmt;
use std::sync::Arc;

use redis::aio::ConnectionManager;
use redis::{RedisError, ScriptInvocation, Value};

use crate::outcome::Vendor;
use crate::resilience::{Operation, StoreError, UnixMillis};
use crate::store::Bounds;

use super::counts::Counts;
use super::leases::Leases;
use super::open::{self, OpenError};
use super::reply::{self, Items};
use super::scripts::{self, Lazy};
use super::settings::RedisSettings;

/// Leads on a Redis server. Clones share the connection.
#[derive(Clone)]
pub struct RedisStore {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    connection: ConnectionManager,
    pub(super) prefix: String,
    pub(super) replica: String,
    pub(super) bounds: Bounds,
    pub(super) counts: Counts,
    pub(super) leases: Leases,
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
    pub(super) fn call(&self, script: &'static Lazy) -> ScriptInvocation<'static> {
        let mut call = script.prepare_invoke();
        call.key(&self.shared.prefix);
        call
    }

    pub(super) async fn ask(&self, call: &ScriptInvocation<'_>) -> Result<Value, StoreError> {
        call.invoke_async(&mut self.shared.connection.clone()).await.map_err(failed)
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

    pub(super) async fn command(&self, command: &redis::Cmd) -> Result<Value, StoreError> {
        command.query_async(&mut self.shared.connection.clone()).await.map_err(failed)
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
