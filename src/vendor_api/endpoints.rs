//! The routes of the vendors, ready to be called.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::access::{EndpointError, VendorAccess};
use crate::config::Secret;
use crate::outcome::{Credential, Route, RoutePath};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What stands for the user in a path.
const USER: &str = "{user}";

/// The routes that can be called, by name; the default has none. Header values are marked sensitive: they print as
/// `Sensitive`.
#[derive(Debug, Clone, Default)]
pub struct Endpoints(BTreeMap<&'static str, Endpoint>);

/// A route that can be called.
#[derive(Debug, Clone)]
struct Endpoint {
    url: Url,
    credential: Option<(HeaderName, HeaderValue)>,
}

/// Where a route is.
#[derive(Debug, Clone)]
enum Url {
    /// Here, whomever a request is about.
    Fixed(Uri),
    /// Here, with [`USER`] in it.
    OfUser(String),
}

impl Url {
    fn about(&self, user: &str) -> Option<Uri> {
        match self {
            Self::Fixed(uri) => Some(uri.clone()),
            Self::OfUser(url) => url.replace(USER, &utf8_percent_encode(user, NON_ALPHANUMERIC).to_string()).parse().ok(),
        }
    }
}

impl Endpoints {
    /// The endpoints that `access` leads to.
    ///
    /// # Errors
    /// When a base URL or a credential cannot be used.
    pub fn of(access: &VendorAccess) -> Result<Self, EndpointError> {
        let mut endpoints = BTreeMap::new();
        for route in Route::all() {
            if let Some(url) = url(route, access)? {
                endpoints.insert(route.name, Endpoint { url, credential: credential(route, access)? });
            }
        }
        Ok(Self(endpoints))
    }

    /// A request that takes `route`, about `user`, with a body of JSON; `None` where nothing leads to the route, or the user
    /// makes no URL.
    pub fn request(&self, route: &Route, user: &str, body: impl Into<Bytes>) -> Option<Request<Full<Bytes>>> {
        let endpoint = self.0.get(route.name)?;
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = route.method.clone();
        *request.uri_mut() = endpoint.url.about(user)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        if let Some((name, value)) = &endpoint.credential {
            headers.insert(name, value.clone());
        }
        Some(request)
    }
}

fn url(route: &Route, access: &VendorAccess) -> Result<Option<Url>, EndpointError> {
    let Some(base) = &access.base_urls[route.vendor] else { return Ok(None) };
    let path = match route.path {
        RoutePath::Fixed(path) => path,
        RoutePath::Given(key) => match access.values.get(key) {
            Some(path) => path.expose(),
            None => return Ok(None),
        },
    };
    let base = base.to_string();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = format!("{}{slash}{path}", base.trim_end_matches('/'));
    match url.replace(USER, "user").parse() {
        Ok(_) if url.contains(USER) => Ok(Some(Url::OfUser(url))),
        Ok(uri) => Ok(Some(Url::Fixed(uri))),
        Err(_) => Err(EndpointError::BadUrl(url)),
    }
}

/// The header Authorization with a token of `owner`.
pub(crate) fn bearer(token: &str, owner: &'static str) -> Result<HeaderValue, EndpointError> {
    secret_header(&format!("Bearer {token}"), owner)
}

fn credential(route: &Route, access: &VendorAccess) -> Result<Option<(HeaderName, HeaderValue)>, EndpointError> {
    let value = |key: &str| access.values.get(key).map(Secret::expose);
    let vendor = route.vendor.display_name();
    let (name, text, owner) = match route.credential {
        Credential::None => return Ok(None),
        Credential::Bearer(key) => (AUTHORIZATION, value(key).map(|key| format!("Bearer {key}")), vendor),
        Credential::Basic([user, password]) => {
            let pair = value(user).zip(value(password)).map(|(user, password)| format!("{user}:{password}"));
            (AUTHORIZATION, pair.map(|pair| format!("Basic {}", BASE64.encode(pair))), vendor)
        }
        Credential::Optional(header, key, owner) => (HeaderName::from_static(header), value(key).map(str::to_owned), owner),
    };
    text.map(|text| Ok((name, secret_header(&text, owner)?))).transpose()
}

/// A header value that does not show, for the credential of `owner`.
pub(crate) fn secret_header(text: &str, owner: &'static str) -> Result<HeaderValue, EndpointError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| EndpointError::BadCredential(owner))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use mock_server::settings::SimulationSettings;

    use super::*;

    fn simulated(settings: &SimulationSettings) -> Result<Endpoints, EndpointError> {
        Endpoints::of(&VendorAccess::simulated(|_| "http://127.0.0.1:1", settings).unwrap())
    }

    #[test]
    fn credentials_never_print() {
        let printed = format!("{:?}", simulated(&SimulationSettings::default()).unwrap());
        assert!(printed.contains("127.0.0.1") && !printed.contains("simulated-clay-key"), "{printed}");
        assert!(!printed.contains("Basic"), "{printed}");
    }

    #[test]
    fn a_credential_that_no_header_can_carry_is_refused_without_showing_it() {
        let mut settings = SimulationSettings::default();
        settings.clay.api_key = "two\nlines".to_owned();
        let error = simulated(&settings).unwrap_err();
        assert_eq!(error, EndpointError::BadCredential("Clay"));
        assert!(!error.to_string().contains("two"), "{error}");
    }
}
