//! Where the vendors are and what they are called with, as a file says it or as simulated vendors take it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::Uri;
use mock_server::fault::SimulatedVendor;
use mock_server::settings::SimulationSettings;
use schemars::{Schema, SchemaGenerator};
use serde::Deserialize;
use thiserror::Error;

use crate::config::{Checker, EnvVar, KeyPath, Secret, VendorSecret, table_schema};
use crate::outcome::{AccessKey, PerVendor, Vendor};

/// Where the vendors are, and what they are called with. What it leaves out cannot be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VendorAccess {
    /// Base URLs, without a trailing slash.
    pub base_urls: PerVendor<Option<Uri>>,
    /// Paths and credentials, by their access keys.
    pub values: BTreeMap<&'static str, Secret>,
}

impl VendorAccess {
    /// What the simulated vendors at these URLs are called with.
    ///
    /// # Errors
    /// When a URL is none.
    pub fn simulated<U: AsRef<str>>(
        url: impl Fn(SimulatedVendor) -> U,
        settings: &SimulationSettings,
    ) -> Result<Self, EndpointError> {
        let mut access = Self::default();
        for simulated in SimulatedVendor::ALL {
            let (vendor, url) = (Vendor::from(simulated), url(simulated));
            let parsed = url.as_ref().parse().map_err(|_| EndpointError::BadUrl(url.as_ref().to_owned()));
            access.base_urls[vendor] = Some(parsed?);
            let values = vendor.access_keys().iter().filter_map(|key| Some((key.name, Secret::new((key.simulated)(settings)?))));
            access.values.extend(values);
        }
        Ok(access)
    }
}

/// A base URL or a credential that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not a URL.
    #[error("{0} is not a usable base URL: write one like https://api.example.com")]
    BadUrl(String),
    /// A credential with characters that no header can carry.
    #[error("the credential for {0} has characters that an HTTP header cannot carry (a line break, perhaps)")]
    BadCredential(&'static str),
}

/// What a file says of it: the base URLs by the vendors' names, and the values of access keys.
pub(crate) type RawAccess = BTreeMap<String, RawAccessValue>;

/// The value of a key.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum RawAccessValue {
    /// A base URL, a path, or a credential of the simulated vendors.
    Text(String),
    /// The environment variable that holds a credential.
    Credential(EnvVar),
}

/// The schema of a table with those of the keys that are `wanted`.
pub(crate) fn access_schema(generator: &mut SchemaGenerator, wanted: impl Fn(&str) -> bool) -> Schema {
    let mut keys = Vec::new();
    for vendor in Vendor::ALL {
        let url = format!("{}'s base URL.", vendor.display_name());
        keys.push((vendor.as_str(), url, generator.subschema_for::<Option<String>>()));
        for AccessKey { name, about, is_secret, .. } in vendor.access_keys() {
            let schema = match is_secret {
                true => generator.subschema_for::<VendorSecret>(),
                false => generator.subschema_for::<Option<String>>(),
            };
            keys.push((name, (*about).to_owned(), schema));
        }
    }
    table_schema(keys.into_iter().filter(|(key, ..)| wanted(key)))
}

impl Checker<'_> {
    /// The access that the table at `place` gives. Without `plain_http`, vendors beyond this machine are called over TLS only: what a
    /// lead holds, and the credentials, are for nobody on the way.
    pub(crate) fn access(&mut self, raw: &RawAccess, plain_http: bool, place: &KeyPath) -> VendorAccess {
        let mut access = VendorAccess::default();
        for vendor in Vendor::ALL {
            let name = vendor.as_str();
            if let Some(RawAccessValue::Text(url)) = raw.get(name) {
                let url = self.base_url(url, &place.key(name));
                if !plain_http && url.as_ref().is_some_and(is_plain_and_away) {
                    let message =
                        format!("leads and credentials for {} would cross the network unencrypted", vendor.display_name());
                    self.error(&place.key(name), message, "write https://, or `plain_http = true` beside it to accept that");
                }
                access.base_urls[vendor] = url;
            }
            for key in vendor.access_keys() {
                let place = place.key(key.name);
                let value = match raw.get(key.name) {
                    None => continue,
                    // One of the simulated vendors' own.
                    Some(RawAccessValue::Text(secret)) if key.is_secret => Secret::new(secret),
                    Some(RawAccessValue::Text(path)) => {
                        self.webhook_path(path, &place);
                        Secret::new(path)
                    }
                    Some(RawAccessValue::Credential(variable)) => self.secret(variable, &place),
                };
                access.values.insert(key.name, value);
            }
        }
        access
    }
}

/// Whether a URL is plain http to another machine than this one.
fn is_plain_and_away(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_here = host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    url.scheme_str() == Some("http") && !is_here
}
