//! Keys that requests carry.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// What follows the scheme (`bearer`, `basic`) in the header Authorization; `None` for another scheme.
pub(crate) fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
}

/// Keys that are accepted beside the configured ones for a time.
#[derive(Default)]
pub(crate) struct FurtherKeys {
    /// Whether there are any: without any, the lock is not taken.
    any: AtomicBool,
    keys: RwLock<Vec<String>>,
}

impl FurtherKeys {
    /// Accepts these keys, and no others.
    pub(crate) fn set(&self, keys: Vec<String>) {
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        self.any.store(!keys.is_empty(), Ordering::Release);
        *current = keys;
    }

    pub(crate) fn accept(&self, given: &[u8]) -> bool {
        self.any.load(Ordering::Acquire)
            && self.keys.read().unwrap_or_else(PoisonError::into_inner).iter().any(|key| key.as_bytes() == given)
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
