//! Who may use an API: credentials, and the region that a host stands for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};

use super::route::Api;
use crate::simulated::customer_io::settings::{CustomerIoSettings, Region};

/// The credentials that are accepted.
pub(super) struct Credentials {
    site_id: String,
    api_key: String,
    app_api_key: String,
    write_key: String,
    region: Region,
    /// Secrets accepted beside those, and whether there are any: nobody takes the lock where there are none.
    others: RwLock<Vec<String>>,
    has_others: AtomicBool,
}

impl Credentials {
    pub(super) fn new(settings: &CustomerIoSettings) -> Self {
        Self {
            site_id: settings.site_id.clone(),
            api_key: settings.api_key.clone(),
            app_api_key: settings.app_api_key.clone(),
            write_key: settings.write_key.clone(),
            region: settings.region,
            others: RwLock::default(),
            has_others: AtomicBool::new(false),
        }
    }

    /// Accepts these secrets beside the configured ones, and no others.
    pub(super) fn accept_also(&self, secrets: Vec<String>) {
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        self.has_others.store(!secrets.is_empty(), Ordering::Release);
        *others = secrets;
    }

    /// Whether a request may use the API.
    pub(super) fn accept(&self, api: Api, headers: &HeaderMap) -> bool {
        match api {
            Api::Open => true,
            Api::App => bearer(headers).is_some_and(|token| self.is_right(token.as_bytes(), &self.app_api_key)),
            Api::TrackV1 | Api::TrackV2 => basic(headers)
                .is_some_and(|(user, password)| user == self.site_id.as_bytes() && self.is_right(&password, &self.api_key)),
            Api::Pipelines => {
                basic(headers).is_some_and(|(user, password)| password.is_empty() && self.is_right(&user, &self.write_key))
            }
        }
    }

    /// Whether the host, if the request names one of the vendor's, serves the account's region.
    ///
    /// Documented: requests to the other region fail (401 for the App API), but for those from the United States' Track
    /// API to an account in the European Union, which are passed on. `/api/v1/accounts/region` works on either host.
    pub(super) fn serves_region(&self, api: Api, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return true };
        let Some(name) = host.split(':').next().and_then(|host| host.strip_suffix(".customer.io")) else { return true };
        match (self.region, name.ends_with("-eu")) {
            (Region::Us, false) | (Region::Eu, true) => true,
            (Region::Us, true) => false,
            (Region::Eu, false) => matches!(api, Api::TrackV1 | Api::TrackV2 | Api::Open),
        }
    }

    fn is_right(&self, given: &[u8], own: &str) -> bool {
        given == own.as_bytes()
            || (self.has_others.load(Ordering::Acquire)
                && self.others.read().unwrap_or_else(PoisonError::into_inner).iter().any(|other| given == other.as_bytes()))
    }
}

/// Whether a request carries the secret where the API has it.
pub(super) fn carries(api: Api, headers: &HeaderMap, secret: &str) -> bool {
    let secret = secret.as_bytes();
    match api {
        Api::Open => false,
        Api::App => bearer(headers).is_some_and(|token| token.as_bytes() == secret),
        Api::TrackV1 | Api::TrackV2 => basic(headers).is_some_and(|(_, password)| password == secret),
        Api::Pipelines => basic(headers).is_some_and(|(user, _)| user == secret),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    authorization(headers, "bearer")
}

/// User and password of Basic authentication. The password is what follows the first colon (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut user = STANDARD.decode(authorization(headers, "basic")?).ok()?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let password = user.split_off(colon + 1);
    user.truncate(colon);
    Some((user, password))
}

fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| token.trim())
}
