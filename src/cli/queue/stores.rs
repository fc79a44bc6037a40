//! Which store, and how it is read and changed: the commands ask the same of each kind.

use std::fmt;
use std::path::PathBuf;
#[cfg(feature = "redis")]
use std::time::Duration;

use clap::{ArgGroup, Args};

use crate::config::Secret;
use crate::outcome::{RestingState, Vendor};
use crate::resilience::{StoreError, UnixMillis};
#[cfg(feature = "redis")]
use crate::store::Durability;
use crate::store::listing::{Shown, StoreSummary, StoredOperation};
#[cfg(feature = "redis")]
use crate::store::redis::{RedisSettings, RedisStore};
use crate::store::sqlite::{SqliteFile, SqliteSettings, SqliteStore};
use crate::store::{Bounds, LeadStore};

use super::error::QueueError;

/// Operations read from a file at once.
const PAGE: usize = 500;
/// What a person puts back is bound by nothing: the bounds of the service refuse what comes in from outside.
const UNBOUNDED: Bounds = Bounds { queue: usize::MAX, dead_letters: usize::MAX };

/// Which store.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("store").required(true).args(["db", "redis_env"]))]
pub(super) struct StoreArgs {
    /// The service's file of leads
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// The environment variable that holds the URL of the service's Redis server, as in redis://host:6379/0
    #[arg(long, value_name = "VARIABLE")]
    redis_env: Option<String>,
    /// The name of the service's store on that server, as in its configuration
    #[arg(id = "store_name", long = "name", value_name = "NAME", default_value = "plimsoll", conflicts_with = "db")]
    name: String,
}

/// Where it is.
enum Source {
    File(PathBuf),
    #[cfg(feature = "redis")]
    Redis(RedisSettings),
}

impl fmt::Display for StoreArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.db, &self.redis_env) {
            (Some(path), _) => write!(f, "{}", path.display()),
            (None, variable) => {
                write!(f, "store {:?} on the Redis server of ${}", self.name, variable.as_deref().unwrap_or_default())
            }
        }
    }
}

impl StoreArgs {
    /// To read, beside a running service too.
    pub(super) fn read(&self) -> Result<Reader, QueueError> {
        match self.source()? {
            Source::File(path) => Ok(Reader::File(SqliteFile::open(&path)?)),
            #[cfg(feature = "redis")]
            Source::Redis(settings) => {
                let runtime = runtime()?;
                let store = runtime.block_on(RedisStore::open_existing(&settings))?;
                Ok(Reader::Redis(runtime, store))
            }
        }
    }

    /// Makes a change, and closes the store in order.
    pub(super) fn change<C: Change>(&self, change: &C) -> Result<C::Done, QueueError> {
        let source = self.source()?;
        runtime()?.block_on(async {
            match source {
                Source::File(path) => made(&SqliteStore::open_existing(&path, SqliteSettings::from(UNBOUNDED))?, change).await,
                #[cfg(feature = "redis")]
                Source::Redis(settings) => made(&RedisStore::open_existing(&settings).await?, change).await,
            }
        })
    }

    fn source(&self) -> Result<Source, QueueError> {
        match (&self.db, &self.redis_env) {
            (Some(path), _) => Ok(Source::File(path.clone())),
            (None, variable) => self.redis(variable.as_deref().unwrap_or_default()),
        }
    }

    #[cfg(feature = "redis")]
    fn redis(&self, variable: &str) -> Result<Source, QueueError> {
        if variable.is_empty() || !variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            // It is not repeated: whoever gave the URL itself may have given a password with it.
            let what = "--redis-env takes the name of an environment variable, as in REDIS_URL, not the URL itself";
            return Err(QueueError::Url(what.to_owned()));
        }
        let url = Secret::from_environment(variable)
            .map_err(|flaw| QueueError::Url(format!("{flaw}: set it to the URL of the service's Redis server")))?;
        // What the server must promise is between it and the service: no lead is acknowledged here.
        let durability = Durability::AsConfigured;
        let longest_skew = Duration::MAX;
        let settings = RedisSettings::new(url.expose(), &self.name);
        Ok(Source::Redis(RedisSettings { bounds: UNBOUNDED, durability, longest_skew, ..settings }))
    }

    #[cfg(not(feature = "redis"))]
    fn redis(&self, _variable: &str) -> Result<Source, QueueError> {
        Err(QueueError::Url("this build has no Redis store: build it with the feature `redis`".to_owned()))
    }
}

/// What is done to a store of any kind.
pub(super) trait Change {
    /// What is shown of it.
    type Done;

    /// Makes it.
    async fn make<S: LeadStore>(&self, store: &S) -> Result<Self::Done, StoreError>;
}

async fn made<S: LeadStore, C: Change>(store: &S, change: &C) -> Result<C::Done, QueueError> {
    let done = change.make(store).await;
    let closed = store.close().await;
    let done = done?;
    closed?;
    Ok(done)
}

fn runtime() -> Result<tokio::runtime::Runtime, QueueError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(QueueError::Runtime)
}

/// A store that is only looked at.
pub(super) enum Reader {
    File(SqliteFile),
    #[cfg(feature = "redis")]
    Redis(tokio::runtime::Runtime, RedisStore),
}

impl Reader {
    /// Counts what is in it.
    pub(super) fn summary(&mut self) -> Result<StoreSummary, QueueError> {
        match self {
            Self::File(file) => Ok(file.summary()?),
            #[cfg(feature = "redis")]
            Self::Redis(runtime, store) => Ok(runtime.block_on(store.summary())?),
        }
    }

    /// The lead of a key, the operation of a key, or the operation of a number.
    pub(super) fn find(&mut self, name: &str) -> Result<Option<Shown>, QueueError> {
        match self {
            Self::File(file) => Ok(file.find(name)?),
            #[cfg(feature = "redis")]
            Self::Redis(runtime, store) => Ok(runtime.block_on(store.find(name))?),
        }
    }

    /// Leads whose every operation was settled before `before`.
    pub(super) fn settled_before(&mut self, before: UnixMillis) -> Result<u64, QueueError> {
        match self {
            Self::File(file) => Ok(file.settled_before(before)?),
            #[cfg(feature = "redis")]
            Self::Redis(runtime, store) => Ok(runtime.block_on(store.settled_before(before))?),
        }
    }

    /// Visits the operations of a vendor that are in these places, page by page.
    pub(super) fn each(
        &mut self,
        vendor: Option<Vendor>,
        places: &[RestingState],
        mut visit: impl FnMut(&StoredOperation) -> Result<(), QueueError>,
    ) -> Result<(), QueueError> {
        match self {
            Self::File(file) => {
                let mut after = 0;
                loop {
                    let page = file.page(vendor, places, after, PAGE)?;
                    let Some(last) = page.last() else { return Ok(()) };
                    after = last.id;
                    page.iter().try_for_each(&mut visit)?;
                }
            }
            #[cfg(feature = "redis")]
            Self::Redis(runtime, store) => {
                let mut after: Option<String> = None;
                while let Some((last, page)) = runtime.block_on(store.operations(after.as_deref()))? {
                    after = Some(last);
                    let asked = |found: &&StoredOperation| {
                        vendor.is_none_or(|vendor| found.vendor == vendor) && places.contains(&found.place)
                    };
                    page.iter().filter(asked).try_for_each(&mut visit)?;
                }
                Ok(())
            }
        }
    }
}
