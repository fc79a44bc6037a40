//! Keys that requests carry.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use parking_lot::RwLock;

/// What follows the scheme (`bearer`, `basic`) in the header Authorization; `None` for another scheme.
pub(crate) fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
}

/// Keys that are accepted beside the configured ones for a time.
#[derive(Default)]
pub(crate) struct FurtherKeys(RwLock<Vec<String>>);

impl FurtherKeys {
    /// Accepts these keys, and no others.
    pub(crate) fn set(&self, keys: Vec<String>) {
        *self.0.write() = keys;
    }

    pub(crate) fn accept(&self, given: &[u8]) -> bool {
        self.0.read().iter().any(|key| key.as_bytes() == given)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().len()
    }
}
