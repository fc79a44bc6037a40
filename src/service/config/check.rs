//! The service's configuration.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::form::{RawService, RawStore};
use super::limits::Limits;
use super::{ServiceConfig, StoreConfig};
use crate::config::Diagnostics;
use crate::config::KeyPath;
use crate::outcome::Vendor;
use crate::resilience::{PipelineSettings, Resilience};
use crate::units::format_duration;

use crate::config::Checker;

const LISTEN: &str = "127.0.0.1:8090";
/// The load-scale document's client pool.
const WORKERS: u32 = 20;
const RETENTION: Duration = Duration::from_secs(7 * 86_400);
const SHUTDOWN: Duration = Duration::from_secs(10);

impl Checker<'_> {
    /// Builds the configuration; `None` if a part is missing or wrong, which has been reported.
    pub(crate) fn service(&mut self, raw: &RawService) -> Option<ServiceConfig> {
        let listen = self.listen(raw);
        let token = raw.token.as_ref().map(|variable| self.secret(variable, &KeyPath::of("token")));
        let store = raw.store.as_ref().and_then(|store| self.store(store));
        let place = KeyPath::of("vendors");
        let vendors = raw.vendors.as_ref().map(|vendors| self.access(&vendors.access, vendors.plain_http == Some(true), &place));
        let signed = raw.vendors.as_ref().and_then(|vendors| vendors.clay_callback_secret.as_ref());
        let place = KeyPath::of("vendors").key("clay_callback_secret");
        let clay_callback_secret = signed.map(|variable| self.secret(variable, &place));
        let mut resilience = self.resilience(raw.resilience.as_ref());
        self.warn_of_idle_cost(clay_callback_secret.is_some());
        if let Some(credits) = &mut resilience[Vendor::Clay].credits {
            credits.by_callback = clay_callback_secret.is_some();
        }
        let retention = raw.retention.map_or(RETENTION, Duration::from);
        self.retained(retention, &resilience);
        Some(ServiceConfig {
            listen: listen?,
            token,
            store: store?,
            vendors: vendors?,
            clay_callback_secret,
            resilience,
            workers: raw.workers.unwrap_or(WORKERS),
            retention,
            shutdown: raw.shutdown.map_or(SHUTDOWN, Duration::from),
            limits: self.limits(raw.limits.unwrap_or_default()),
            warnings: Diagnostics::new(Path::new(""), ""),
        })
    }

    fn listen(&mut self, raw: &RawService) -> Option<SocketAddr> {
        let text = raw.listen.as_deref().unwrap_or(LISTEN);
        let place = KeyPath::of("listen");
        let Ok(address) = text.parse::<SocketAddr>() else {
            let message = format!("`{}` is not an address with a port", text.escape_debug());
            self.error(&place, message, "write one like \"127.0.0.1:8090\", or \"[::1]:8090\"");
            return None;
        };
        if !address.ip().is_loopback() && raw.token.is_none() && !self.document.is_damaged(&KeyPath::of("token")) {
            let message = format!("{} is reachable from other machines and has no token", address.ip());
            self.error(&place, message, "add `token = { env = \"PLIMSOLL_TOKEN\" }`, or listen on 127.0.0.1");
        }
        Some(address)
    }

    /// A lead that is forgotten before its last attempt could be over would be done again for a late copy of it.
    fn retained(&mut self, retention: Duration, resilience: &Resilience) {
        let needed = resilience.values().map(PipelineSettings::retry_horizon).max().unwrap_or_default();
        if retention < needed {
            let message = format!("leads would be forgotten while a copy may still be tried: that takes up to {}", words(needed));
            self.error(&KeyPath::of("retention"), message, format!("make it at least \"{}\"", words(needed)));
        }
    }

    fn store(&mut self, raw: &RawStore) -> Option<StoreConfig> {
        let place = KeyPath::of("store");
        if raw.redis.is_none() {
            self.refuse_keys(&place, "a SQLite store", &["name", "replica", "durability"], &["path"]);
        }
        match (&raw.path, &raw.redis) {
            (Some(path), None) if !path.is_empty() => Some(StoreConfig::Sqlite { path: self.directory.join(path) }),
            (None, Some(variable)) => Some(StoreConfig::Redis {
                url: self.secret(variable, &place.key("redis")),
                name: raw.name.clone().unwrap_or_else(|| "plimsoll".to_owned()),
                replica: raw.replica.clone().unwrap_or_default(),
                durability: raw.durability.unwrap_or_default(),
            }),
            (Some(_), None) => {
                self.error(&place.key("path"), "the path is empty", "name the file, as in \"leads.sqlite\"");
                None
            }
            (Some(_), Some(_)) => {
                self.error(&place, "a service has one store", "leave out either `path` or `redis`");
                None
            }
            // What was meant for one of them has been reported.
            (None, None) if self.document.is_damaged(&place) => None,
            (None, None) => {
                self.error(&place, "the store has neither `path` nor `redis`", "add `path = \"leads.sqlite\"`");
                None
            }
        }
    }

    fn limits(&mut self, limits: Limits) -> Limits {
        for (key, timeout) in [("header_timeout", limits.header_timeout), ("body_timeout", limits.body_timeout)] {
            if timeout.is_zero() {
                let place = KeyPath::of("limits").key(key);
                self.error(&place, "the timeout must be greater than \"0s\"", "give one like \"10s\"");
            }
        }
        limits
    }
}

/// A duration that a configuration can hold, not shorter than `wait`.
fn words(wait: Duration) -> String {
    format_duration(Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
}
