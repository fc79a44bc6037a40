//! Who may use an API: credentials, and the region that a host stands for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::HOST;

use super::CustomerIo;
use super::route::Api;
use super::settings::Region;
use crate::keys::authorization;

impl CustomerIo {
    /// Whether a request may use the API.
    pub(super) fn accepts(&self, api: Api, headers: &HeaderMap) -> bool {
        let settings = &self.settings;
        let (name, secret) = match api {
            Api::Open => return true,
            Api::App => ("", &settings.app_api_key),
            Api::TrackV1 | Api::TrackV2 => (settings.site_id.as_str(), &settings.api_key),
            Api::Pipelines => ("", &settings.write_key),
        };
        given(api, headers).is_some_and(|(given_name, given_secret)| {
            given_name == name.as_bytes() && (given_secret == secret.as_bytes() || self.further_keys.accept(&given_secret))
        })
    }

    /// Whether the host, if the request names one of the vendor's, serves the account's region.
    ///
    /// Documented: requests to the other region fail (401 for the App API), but for those from the United States' Track
    /// API to an account in the European Union, which are passed on. `/api/v1/accounts/region` works on either host.
    pub(super) fn serves_region(&self, api: Api, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return true };
        let Some(name) = host.split(':').next().and_then(|host| host.strip_suffix(".customer.io")) else { return true };
        match (self.settings.region, name.ends_with("-eu")) {
            (Region::Us, false) | (Region::Eu, true) => true,
            (Region::Us, true) => false,
            (Region::Eu, false) => matches!(api, Api::TrackV1 | Api::TrackV2 | Api::Open),
        }
    }

    /// Whether a request carries the secret where the API has it.
    pub(super) fn carries_secret(&self, api: Api, headers: &HeaderMap, secret: &str) -> bool {
        given(api, headers).is_some_and(|(_, given)| given == secret.as_bytes())
    }
}

/// The name and the secret that a request gives where the API has them.
fn given(api: Api, headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let bearer = || authorization(headers, "bearer").map(|token| (Vec::new(), token.into()));
    match api {
        Api::Open => None,
        Api::App => bearer(),
        Api::TrackV1 | Api::TrackV2 => basic(headers),
        // The key is the user there, and the password is empty. Newer keys (`pk_us_…`) come as a token.
        Api::Pipelines => basic(headers).map(|(user, password)| (password, user)).or_else(bearer),
    }
}

/// User and password of Basic authentication. The password is what follows the first colon (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut user = STANDARD.decode(authorization(headers, "basic")?).ok()?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let password = user.split_off(colon + 1);
    user.truncate(colon);
    Some((user, password))
}
