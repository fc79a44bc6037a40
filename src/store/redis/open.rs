//! Opening: a server that would forget what it acknowledged is found out before the first lead, not after the first power cut.
//!
//! Redis answers a write before it is on disk unless it is configured otherwise, and its packages don't configure it. So the
//! configuration is read at the start, and what does not keep the promise is refused by name.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisError};

use super::settings::RedisSettings;
use crate::store::Durability;

/// Longest wait for an answer: a sync of a busy disk takes its time; after it the call fails.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// Attempts to connect, with growing pauses, before a call fails; the next call tries again.
const RECONNECTS: usize = 3;
/// The pauses between them.
const RECONNECT_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// The layout of the keys that this build reads and writes.
const LAYOUT: &str = "1";

/// Why a store on Redis could not be opened.
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
        "the Redis server at {address} may lose leads that were acknowledged: {found}. Set appendonly yes, appendfsync always \
         and maxmemory-policy noeviction there, or accept the loss with durability = \"as_configured\""
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
}

/// A connection that comes back by itself, to a server that keeps its promises; `make`s the store if there is none.
pub(super) async fn connect(settings: &RedisSettings, make: bool) -> Result<ConnectionManager, OpenError> {
    if !settings.has_good_name() {
        return Err(OpenError::Name(settings.name.clone()));
    }
    let bad_url = |error: RedisError| OpenError::Url(error.to_string());
    let info = settings.url.expose().into_connection_info().map_err(bad_url)?;
    let address = match info.addr() {
        ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
        other => other.to_string(),
    };
    let client = Client::open(info).map_err(bad_url)?;
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(Some(ANSWER_WITHIN))
        .set_number_of_retries(RECONNECTS)
        .set_min_delay(RECONNECT_PAUSE.0)
        .set_max_delay(RECONNECT_PAUSE.1);
    let unreachable = |error| OpenError::Unreachable { address: address.clone(), error };
    let mut connection = ConnectionManager::new_with_config(client, config).await.map_err(unreachable)?;
    redis::cmd("PING").query_async::<()>(&mut connection).await.map_err(unreachable)?;
    if settings.durability == Durability::Synced {
        check_durability(&mut connection, &address).await?;
    }
    let layout = format!("{}layout", settings.prefix());
    let found: Option<String> = async {
        if make {
            redis::cmd("SET").arg(&layout).arg(LAYOUT).arg("NX").query_async::<()>(&mut connection).await?;
        }
        redis::cmd("GET").arg(&layout).query_async(&mut connection).await
    }
    .await
    .map_err(unreachable)?;
    match found {
        None => Err(OpenError::Missing { address, name: settings.name.clone() }),
        Some(found) if found != LAYOUT => Err(OpenError::Layout { address, name: settings.name.clone(), found }),
        _ => Ok(connection),
    }
}

async fn check_durability(connection: &mut ConnectionManager, address: &str) -> Result<(), OpenError> {
    let wanted = [("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")];
    let mut found = Vec::new();
    for (name, value) in wanted {
        let setting: Vec<String> = redis::cmd("CONFIG")
            .arg("GET")
            .arg(name)
            .query_async(connection)
            .await
            .map_err(|error| OpenError::Hidden { address: address.to_owned(), error })?;
        let is = setting.get(1).map_or("unknown", String::as_str);
        if is != value {
            found.push(format!("{name} is {is}"));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(OpenError::NotDurable { address: address.to_owned(), found: found.join(", ") }) }
}
