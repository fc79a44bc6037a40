//! The connection to the server: it is only used while what a promise rests on still holds.
//!
//! A server that was right at the start may be another one after a fail-over or a restart, and an operator may change its
//! settings or its role while it runs. So a connection is checked when it is made and once a second while it is used, and every
//! script compares the store's generation. One that is refused is dropped, and the next call makes it anew: when the cause is
//! gone, the store works again by itself.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::counts::Counts;
use super::open_error::OpenError;
use crate::resilience::{StoreError, UnixMillis};
use crate::store::Durability;

/// Longest wait for an answer: a sync of a busy disk takes its time; after it the call fails.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How soon a connection that could not be made is tried again: callers do not each wait for it.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How often the server's settings are checked while they are relied on.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// What the server must be configured for, so that a lead that was acknowledged is on its disk.
const PROMISES: [(&str, &str); 4] =
    [("appendonly", "yes"), ("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no"), ("maxmemory-policy", "noeviction")];
/// What a server answers on a connection that is of no use any more: the next may lead to another server, or be let in.
const SPOILED: [&str; 8] = ["NOAUTH", "WRONGPASS", "NOPERM", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", GONE];
/// What the scripts answer when the store's generation is not the caller's.
const GONE: &str = "GONE";

/// How the server is reached.
pub(super) struct Route {
    pub(super) client: Client,
    /// Without the password.
    pub(super) address: String,
    /// The store's name.
    pub(super) name: String,
    pub(super) durability: Durability,
    pub(super) longest_skew: Duration,
    pub(super) clock: fn() -> UnixMillis,
    /// Milliseconds that this machine's clock was ahead of the server's when it was compared last.
    pub(super) skew_ms: AtomicI64,
}

/// A connection that comes back by itself.
pub(super) struct Link {
    pub(super) route: Route,
    /// The key of the store's generation, and the generation.
    generation: (String, String),
    /// The key of the number of changes.
    changes: String,
    state: Mutex<State>,
    /// What does not hold, since when it was found.
    refused: parking_lot::Mutex<Option<String>>,
}

#[derive(Default)]
struct State {
    /// Connections that were made.
    made: u64,
    live: Option<Live>,
    failed: Option<(Instant, StoreError)>,
}

struct Live {
    number: u64,
    connection: MultiplexedConnection,
    checked: Instant,
}

/// A connection that was right a moment ago.
pub(super) struct Checked {
    pub(super) number: u64,
    pub(super) connection: MultiplexedConnection,
}

impl Route {
    /// A connection to a server that keeps its promises.
    pub(super) async fn connect(&self) -> Result<MultiplexedConnection, OpenError> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_WITHIN)).set_response_timeout(Some(ANSWER_WITHIN));
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await.map_err(|error| self.unreachable(error))?;
        redis::cmd("PING").query_async::<()>(&mut connection).await.map_err(|error| self.unreachable(error))?;
        self.check(&mut connection).await?;
        Ok(connection)
    }

    pub(super) fn unreachable(&self, error: RedisError) -> OpenError {
        OpenError::Unreachable { address: self.address.clone(), error }
    }

    /// Whether the server still keeps its promises, and both clocks show the same.
    async fn check(&self, connection: &mut MultiplexedConnection) -> Result<(), OpenError> {
        self.check_clock(connection).await?;
        self.check_settings(connection).await
    }

    async fn check_clock(&self, connection: &mut MultiplexedConnection) -> Result<(), OpenError> {
        let before = (self.clock)();
        let (seconds, micros): (u64, u64) =
            redis::cmd("TIME").query_async(connection).await.map_err(|error| self.unreachable(error))?;
        let (there, after) = (seconds * 1_000 + micros / 1_000, (self.clock)());
        // The answer took its time: what lies within it is no difference.
        let skew_ms = before.saturating_sub(there) as i64 - there.saturating_sub(after) as i64;
        self.skew_ms.store(skew_ms, Ordering::Relaxed);
        if u128::from(skew_ms.unsigned_abs()) <= self.longest_skew.as_millis() {
            return Ok(());
        }
        Err(OpenError::Skewed { address: self.address.clone(), skew_ms, longest: self.longest_skew })
    }

    /// Whether the server is still configured to keep what it acknowledges.
    async fn check_settings(&self, connection: &mut MultiplexedConnection) -> Result<(), OpenError> {
        if self.durability == Durability::AsConfigured {
            return Ok(());
        }
        let mut asked = redis::pipe();
        for (name, _) in PROMISES {
            asked.cmd("CONFIG").arg("GET").arg(name);
        }
        let hidden = |error: RedisError| match error.kind() {
            ErrorKind::Server(_) if !is_spoiled(&error) => OpenError::Hidden { address: self.address.clone(), error },
            _ => self.unreachable(error),
        };
        let settings: Vec<Vec<String>> = asked.query_async(connection).await.map_err(hidden)?;
        let is = |setting: &[String]| setting.get(1).map_or_else(|| "unknown".to_owned(), Clone::clone);
        let found: Vec<String> = PROMISES
            .into_iter()
            .zip(&settings)
            .filter(|((_, wanted), setting)| is(setting) != *wanted)
            .map(|((name, _), setting)| format!("{name} is {}", is(setting)))
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        Err(OpenError::NotDurable { address: self.address.clone(), found: found.join(", ") })
    }
}

impl Link {
    /// A link to the store of this generation, over a connection that was just made.
    pub(super) fn new(route: Route, prefix: &str, generation: String, connection: MultiplexedConnection) -> Self {
        let live = Live { number: 0, connection, checked: Instant::now() };
        Self {
            route,
            generation: (format!("{prefix}generation"), generation),
            changes: format!("{prefix}changes"),
            state: Mutex::new(State { live: Some(live), ..State::default() }),
            refused: parking_lot::Mutex::default(),
        }
    }

    /// What does not hold any more, if anything.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    pub(super) fn generation(&self) -> &str {
        &self.generation.1
    }

    /// A connection that may be used now; `counts` are what this replica heard last.
    pub(super) async fn checked(&self, counts: &Counts) -> Result<Checked, StoreError> {
        let mut state = self.state.lock().await;
        if let Some((at, error)) = &state.failed
            && at.elapsed() < AGAIN_AFTER
        {
            return Err(error.clone());
        }
        // A check that is cut off leaves no connection: the next call makes one.
        let live = match state.live.take() {
            Some(live) if live.checked.elapsed() < CHECK_EVERY => Ok(live),
            Some(mut live) => match self.route.check(&mut live.connection).await {
                // The server may have gone since it was used last, and be back.
                Err(OpenError::Unreachable { .. }) => self.made_anew(&mut state, counts).await,
                result => result.map(|()| Live { checked: Instant::now(), ..live }),
            },
            None => self.made_anew(&mut state, counts).await,
        };
        match live {
            Ok(live) => {
                let checked = Checked { number: live.number, connection: live.connection.clone() };
                *state = State { live: Some(live), failed: None, made: state.made };
                *self.refused.lock() = None;
                Ok(checked)
            }
            Err(error) => {
                let error = self.refused(&error, counts);
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn made_anew(&self, state: &mut State, counts: &Counts) -> Result<Live, OpenError> {
        // Read before the server is asked: another call may hear of a change meanwhile.
        let heard = counts.version();
        let mut connection = self.route.connect().await?;
        self.check_content(&mut connection, heard, counts).await?;
        state.made += 1;
        Ok(Live { number: state.made, connection, checked: Instant::now() })
    }

    /// Whether this is the store that was opened, with every change that was acknowledged.
    async fn check_content(&self, connection: &mut MultiplexedConnection, heard: u64, counts: &Counts) -> Result<(), OpenError> {
        let Route { address, name, durability, .. } = &self.route;
        let mut asked = redis::pipe();
        asked.get(&self.generation.0).get(&self.changes);
        let (generation, changes): (Option<String>, Option<u64>) =
            asked.query_async(connection).await.map_err(|error| self.route.unreachable(error))?;
        if generation.as_ref() != Some(&self.generation.1) {
            return Err(self.gone());
        }
        let missing = heard.saturating_sub(changes.unwrap_or(0));
        if missing == 0 {
            return Ok(());
        }
        let error = OpenError::Behind { address: address.clone(), name: name.clone(), missing };
        if *durability == Durability::Synced {
            return Err(error);
        }
        log::error!("{}", error.while_running(&counts.open()));
        counts.begin_anew();
        Ok(())
    }

    fn gone(&self) -> OpenError {
        OpenError::Gone { address: self.route.address.clone(), name: self.route.name.clone() }
    }

    /// What a call failed with; a connection that is of no use any more is dropped.
    pub(super) async fn failed(&self, number: u64, error: RedisError, counts: &Counts) -> StoreError {
        if error.is_unrecoverable_error() || error.is_timeout() || is_spoiled(&error) {
            let mut state = self.state.lock().await;
            state.live = state.live.take().filter(|live| live.number != number);
        }
        if error.code() == Some(GONE) {
            return self.refused(&self.gone(), counts);
        }
        if is_spoiled(&error) { self.refused(&self.route.unreachable(error), counts) } else { StoreError(error.to_string()) }
    }

    /// The error for the caller; the reason is kept for readiness.
    fn refused(&self, error: &OpenError, counts: &Counts) -> StoreError {
        let said = error.while_running(&counts.open());
        let comes_back_by_itself = matches!(error, OpenError::Unreachable { error, .. } if !is_spoiled(error));
        *self.refused.lock() = (!comes_back_by_itself).then(|| said.clone());
        StoreError(said)
    }
}

fn is_spoiled(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || error.code().is_some_and(|code| SPOILED.contains(&code))
}
