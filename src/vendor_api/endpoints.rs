//! Where the vendors are, and what they ask for to let us in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderValue, Uri};
use mock_server::settings::SimulationSettings;
use thiserror::Error;

use crate::config::Secret;

/// Where a file says that the vendors are, with credentials from the environment. What it leaves out cannot be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VendorAccess {
    /// Clay's base URL, without a trailing slash.
    pub clay: Option<Uri>,
    /// Clay's key.
    pub clay_api_key: Option<Secret>,
    /// Path of the webhook source under Clay's base URL.
    pub clay_webhook_path: Option<String>,
    /// Token of the webhook source.
    pub clay_webhook_token: Option<Secret>,
    /// Customer.io's base URL, without a trailing slash.
    pub customer_io: Option<Uri>,
    /// Customer.io's site ID.
    pub customer_io_site_id: Option<Secret>,
    /// Customer.io's API key.
    pub customer_io_api_key: Option<Secret>,
}

impl VendorAccess {
    /// The base URLs that it names.
    pub fn base_urls(&self) -> impl Iterator<Item = &Uri> {
        [&self.clay, &self.customer_io].into_iter().flatten()
    }
}

/// Base URLs and ready-made credentials; the default has none. Header values are marked sensitive: they print as `Sensitive`.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// POST `/v1/resource`.
    pub clay_resource: Option<Uri>,
    /// `Authorization` for Clay's API.
    pub clay_authorization: Option<HeaderValue>,
    /// POST to the webhook source.
    pub clay_webhook: Option<Uri>,
    /// `x-clay-webhook-auth`.
    pub clay_webhook_token: Option<HeaderValue>,
    /// Customer.io's Track API, up to and without `/api/v1`.
    pub customer_io: Option<String>,
    /// `Authorization` for the Track API.
    pub customer_io_authorization: Option<HeaderValue>,
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

impl Endpoints {
    /// The endpoints of the simulated vendors at these base URLs.
    ///
    /// # Errors
    /// When a base URL or a credential cannot be used.
    pub fn simulated(clay: &str, customer_io: &str, settings: &SimulationSettings) -> Result<Self, EndpointError> {
        let webhook = format!("/v3/sources/webhook/{}", settings.clay.webhook_id);
        Ok(Self {
            clay_resource: Some(join(clay, "/v1/resource")?),
            clay_authorization: Some(bearer(&settings.clay.api_key, "Clay")?),
            clay_webhook: Some(join(clay, &webhook)?),
            clay_webhook_token: settings.clay.webhook_token.as_deref().map(webhook_token).transpose()?,
            customer_io: Some(customer_io.to_owned()),
            customer_io_authorization: Some(basic(&settings.customer_io.site_id, &settings.customer_io.api_key)?),
        })
    }

    /// The endpoints that a file names.
    ///
    /// # Errors
    /// When a base URL or a credential cannot be used.
    pub fn of(access: &VendorAccess) -> Result<Self, EndpointError> {
        let base = |uri: &Uri| uri.to_string().trim_end_matches('/').to_owned();
        let clay = access.clay.as_ref().map(base);
        let webhook = clay.as_deref().zip(access.clay_webhook_path.as_deref());
        let token = access.clay_webhook_token.as_ref();
        let basic_pair = access.customer_io_site_id.as_ref().zip(access.customer_io_api_key.as_ref());
        Ok(Self {
            clay_resource: clay.as_deref().map(|base| join(base, "/v1/resource")).transpose()?,
            clay_authorization: access.clay_api_key.as_ref().map(|key| bearer(key.expose(), "Clay")).transpose()?,
            clay_webhook: webhook.map(|(base, path)| join(base, path)).transpose()?,
            clay_webhook_token: token.map(|token| webhook_token(token.expose())).transpose()?,
            customer_io: access.customer_io.as_ref().map(base),
            customer_io_authorization: basic_pair.map(|(site, key)| basic(site.expose(), key.expose())).transpose()?,
        })
    }
}

fn join(base: &str, path: &str) -> Result<Uri, EndpointError> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = format!("{base}{slash}{path}");
    url.parse().map_err(|_| EndpointError::BadUrl(url))
}

/// The header Authorization with a token of `whose`.
pub(crate) fn bearer(token: &str, whose: &'static str) -> Result<HeaderValue, EndpointError> {
    secret_header(&format!("Bearer {token}"), whose)
}

fn webhook_token(token: &str) -> Result<HeaderValue, EndpointError> {
    secret_header(token, "Clay's webhook")
}

fn basic(site: &str, key: &str) -> Result<HeaderValue, EndpointError> {
    secret_header(&format!("Basic {}", BASE64.encode(format!("{site}:{key}"))), "Customer.io")
}

fn secret_header(text: &str, whose: &'static str) -> Result<HeaderValue, EndpointError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| EndpointError::BadCredential(whose))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_print() {
        let endpoints = Endpoints::simulated("http://127.0.0.1:1", "http://127.0.0.1:2", &SimulationSettings::default()).unwrap();
        let printed = format!("{endpoints:?}");
        assert!(!printed.contains("simulated-clay-key"), "{printed}");
        assert!(!printed.contains("Basic"), "{printed}");
    }

    #[test]
    fn a_credential_that_no_header_can_carry_is_refused_without_showing_it() {
        let error = bearer("two\nlines", "Clay").unwrap_err();
        assert!(!error.to_string().contains("two"), "{error}");
    }
}
