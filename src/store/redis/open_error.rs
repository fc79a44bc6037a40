//! Why a server can't be used as a store, when it is opened or while it is used.

use std::time::Duration;

use redis::RedisError;

use super::settings::LAYOUT;

/// Why a store on Redis can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is none.
    #[error("this is not the URL of a Redis server: {0}. It should look like redis://host:6379/0 or redis+unix:///path")]
    Url(String),
    /// The name can't stand in keys.
    #[error("{0:?} is not a valid name for a store on Redis: use up to 100 letters, digits, `-`, `_` and `.`")]
    Name(String),
    /// The server can't be reached, or refuses.
    #[error("the Redis server at {address} can't be used: {error}")]
    Unreachable {
        /// Where.
        address: String,
        /// What was said.
        error: RedisError,
    },
    /// The server may lose what it acknowledged.
    #[error(
        "the Redis server at {address} may lose leads that were acknowledged: {found}. Set appendonly yes, appendfsync always, \
         no-appendfsync-on-rewrite no and maxmemory-policy noeviction there, or accept the loss with durability = \
         \"as_configured\""
    )]
    NotDurable {
        /// Where.
        address: String,
        /// What is configured otherwise.
        found: String,
    },
    /// The server does not show its configuration.
    #[error(
        "the Redis server at {address} does not show whether it keeps what it acknowledged ({error}). If you know that it \
         does, or accept that it does not, set durability = \"as_configured\""
    )]
    Hidden {
        /// Where.
        address: String,
        /// What was said.
        error: RedisError,
    },
    /// There is no such store.
    #[error(
        "there is no store of leads by the name {name:?} on the Redis server at {address}, and none was made: is it another \
         server, database or name?"
    )]
    Missing {
        /// Where.
        address: String,
        /// The store's name.
        name: String,
    },
    /// The keys were written by another version.
    #[error(
        "the store {name:?} on the Redis server at {address} has layout {found}, this version knows {LAYOUT}. Nothing was \
         changed: use the version that wrote it, or another name"
    )]
    Layout {
        /// Where.
        address: String,
        /// The store's name.
        name: String,
        /// The layout found.
        found: String,
    },
    /// The store was wiped, or another server answers.
    #[error(
        "the store {name:?} on the Redis server at {address} is not the one that this service began with: it was wiped, or \
         another server answers there. Bring it back, or restart the service to accept the loss and begin with what is there now"
    )]
    Gone {
        /// Where.
        address: String,
        /// The store's name.
        name: String,
    },
    /// The clocks differ.
    #[error(
        "this machine's clock is {} s {} that of the Redis server at {address}, and {} s is the most: replicas whose clocks differ \
         do not agree on when a lead is due. Set the clock that is wrong",
        .skew_ms.unsigned_abs() / 1_000,
        if *.skew_ms > 0 { "ahead of" } else { "behind" },
        .longest.as_secs()
    )]
    Skewed {
        /// Where.
        address: String,
        /// Milliseconds that this machine's clock is ahead.
        skew_ms: i64,
        /// How far it may be.
        longest: Duration,
    },
    /// The store lacks changes that it had acknowledged.
    #[error(
        "the store {name:?} on the Redis server at {address} lacks the last {missing} changes that it had acknowledged, as a copy \
         does that took over too early. Bring the server back that has them, or restart the service to accept the loss"
    )]
    Behind {
        /// Where.
        address: String,
        /// The store's name.
        name: String,
        /// Changes.
        missing: u64,
    },
}

impl OpenError {
    /// The same to a service that runs: with what may be lost, as `open` says it.
    pub(super) fn while_running(&self, open: &str) -> String {
        match self {
            Self::NotDurable { .. } | Self::Hidden { .. } | Self::Missing { .. } | Self::Gone { .. } | Self::Behind { .. } => {
                format!("{self}. What may be lost, as last counted: {open}")
            }
            _ => self.to_string(),
        }
    }
}
