//! The configuration of the service, read and checked like a test plan: it reports every mistake at once, each with line and column.

mod check;
mod form;
mod limits;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Checker, ConfigErrors, Diagnostics, SERVICE, Secret, Severity, read_as, schema_of, text_of};
use crate::resilience::Resilience;
use crate::store::Durability;
use crate::vendor_api::VendorAccess;
use form::RawService;
pub use limits::Limits;
use serde_json::Value;

/// A valid configuration of the service.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// The bearer token that requests must carry.
    pub token: Option<Secret>,
    /// Where leads are kept.
    pub store: StoreConfig,
    /// The vendors.
    pub vendors: VendorAccess,
    /// What Clay signs its callbacks with. Without it, none is accepted.
    pub clay_callback_secret: Option<Secret>,
    /// The pipelines in front of them.
    pub resilience: Resilience,
    /// Operations in flight at a vendor at most.
    pub workers: u32,
    /// How long a lead is remembered after its last operation was settled.
    pub retention: Duration,
    /// How long the end may take after SIGTERM.
    pub shutdown: Duration,
    /// Bounds of what is taken in.
    pub limits: Limits,
    /// What was found that may not be as meant.
    pub warnings: Diagnostics,
}

/// Where leads are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreConfig {
    /// A SQLite database.
    Sqlite {
        /// Its file.
        path: PathBuf,
    },
    /// A Redis server.
    Redis {
        /// Its URL, with its password.
        url: Secret,
        /// The name that its keys begin with.
        name: String,
        /// What this replica is called; empty for no name of its own.
        replica: String,
        /// What the server must promise.
        durability: Durability,
    },
}

impl ServiceConfig {
    /// Reads the configuration at `path`, to serve by it: environment variables that it names must be set.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = text_of(path, &SERVICE)?;
        Self::read(&text, path, &|name| std::env::var(name).ok())
    }

    /// As [`ServiceConfig::load`], from a text, with the values of environment variables from `environment`. A relative path
    /// in it starts at the directory of `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn read(text: &str, path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let check = |checker: &mut Checker<'_>, raw: &RawService| checker.service(raw);
        let (config, warnings) = read_as(&SERVICE, text, path, environment, Severity::Error, &service_json_schema(), check)?;
        Ok(Self { warnings, ..config })
    }
}

/// The JSON Schema of the service's configuration files.
pub fn service_json_schema() -> Value {
    schema_of::<RawService>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SCENARIO;
    use crate::scenario::json_schema;

    #[test]
    fn the_keys_that_tell_kinds_of_files_apart_are_of_one_kind() {
        let has = |schema: &Value, key: &str| schema["properties"].get(key).is_some();
        let (scenario, service) = (json_schema(), service_json_schema());
        for (kind, own, other) in [(&SCENARIO, &scenario, &service), (&SERVICE, &service, &scenario)] {
            for key in kind.own_keys {
                assert!(has(own, key) && !has(other, key), "{}: {key}", kind.what);
            }
        }
    }
}
