//! Who may send requests: API keys, webhook tokens, and those that are accepted beside them for a time.

use http::HeaderMap;

use super::Clay;
use super::path::Path;
use crate::keys::authorization;
use crate::simulated::Request;

/// The header of the source's optional token.
pub(crate) const TOKEN_HEADER: &str = "x-clay-webhook-auth";
/// The header of the public API's key.
pub(crate) const KEY_HEADER: &str = "clay-api-key";

impl Clay {
    /// Whether the request may use `/v1/resource`: by a Bearer token alone, as its script sends it.
    pub(super) fn bearer_is_right(&self, headers: &HeaderMap) -> bool {
        bearer(headers).is_some_and(|given| self.accepts(given, &self.setup.settings.api_key))
    }

    /// Whether the request may use the public API: by `clay-api-key`, or by the Bearer token that Clay takes too.
    pub(super) fn key_is_right(&self, headers: &HeaderMap) -> bool {
        key(headers).is_some_and(|given| self.accepts(given, &self.setup.settings.api_key))
    }

    /// Whether the request may submit to the source with this number.
    pub(super) fn token_is_right(&self, headers: &HeaderMap, source: usize) -> bool {
        let Some(token) = self.setup.sources.get(source).and_then(|source| source.token.as_ref()) else { return true };
        headers.get(TOKEN_HEADER).is_some_and(|given| self.accepts(given.as_bytes(), &token.0))
    }

    /// Whether the request carries `secret` in the way that its route asks for.
    pub(super) fn carries_secret(&self, request: &Request<'_>, secret: &str) -> bool {
        let given = match Path::of(request.path) {
            Some(Path::Webhook(_)) => request.headers.get(TOKEN_HEADER).map(|value| value.as_bytes()),
            Some(Path::Resource) => bearer(request.headers),
            Some(Path::Me | Path::Run(_) | Path::Results(_)) => key(request.headers),
            None => None,
        };
        given == Some(secret.as_bytes())
    }

    fn accepts(&self, given: &[u8], configured: &str) -> bool {
        given == configured.as_bytes() || self.further_keys.accept(given)
    }
}

fn key(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(KEY_HEADER).map(|value| value.as_bytes()).or_else(|| bearer(headers))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    authorization(headers, "bearer").map(str::as_bytes)
}
