//! Opening: a server that would forget what it acknowledged is found out before the first lead, not after the first power cut.
//!
//! Redis answers a write before it is on disk unless it is configured otherwise, and its packages don't configure it. So the
//! configuration is read at the start, and what does not keep the promise is refused by name. The store has a generation of its
//! own from when it was made: a store that is not there any more is made anew here, at a start, and never while a service runs.

use std::sync::atomic::AtomicI64;

use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisError};

use super::link::{Link, Route};
use super::open_error::OpenError;
use super::settings::{LAYOUT, RedisSettings};
use crate::seed::Seed;

/// A connection that comes back by itself, to a server that keeps its promises; `make`s the store if there is none.
pub(super) async fn connect(settings: &RedisSettings, make: bool) -> Result<Link, OpenError> {
    let name = settings.name.clone();
    if !settings.has_good_name() {
        return Err(OpenError::Name(name));
    }
    let bad_url = |error: RedisError| OpenError::Url(error.to_string());
    let info = settings.url.expose().into_connection_info().map_err(bad_url)?;
    let address = match info.addr() {
        ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
        other => other.to_string(),
    };
    let client = Client::open(info).map_err(bad_url)?;
    let RedisSettings { durability, longest_skew, clock, .. } = *settings;
    let route = Route { client, address, name, durability, longest_skew, clock, skew_ms: AtomicI64::default() };
    let mut connection = route.connect().await?;
    let prefix = settings.prefix();
    let (layout, generation) = (format!("{prefix}layout"), format!("{prefix}generation"));
    let (made, found): (bool, Option<String>) = async {
        let set = redis::cmd("SET").arg(&layout).arg(LAYOUT).arg("NX").to_owned();
        let made = make && set.query_async::<Option<String>>(&mut connection).await?.is_some();
        Ok((made, redis::cmd("GET").arg(&layout).query_async(&mut connection).await?))
    }
    .await
    .map_err(|error| route.unreachable(error))?;
    let (address, name) = (route.address.clone(), route.name.clone());
    match found {
        None => return Err(OpenError::Missing { address, name }),
        Some(found) if found != LAYOUT => return Err(OpenError::Layout { address, name, found }),
        _ => {}
    }
    // Of replicas that begin together, the first gives it.
    let mut give = redis::pipe();
    give.cmd("SET").arg(&generation).arg(format!("{:016x}", Seed::random().0)).arg("NX").ignore().get(&generation);
    let (generation,): (String,) = give.query_async(&mut connection).await.map_err(|error| route.unreachable(error))?;
    if made {
        log::info!("the store {name:?} on the Redis server at {address} was empty: it begins anew, with no leads");
    }
    Ok(Link::new(route, &prefix, generation, connection))
}
