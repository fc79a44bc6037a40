//! Who may use the service.
//!
//! On loopback without a token, everything on this machine may, which includes a browser with another site's page in it: one
//! that sends across origins, or that has made a name of its own resolve to 127.0.0.1. Both are refused. With a token the token
//! decides. Whether the process lives and whether it is ready may be requested without one, because an orchestrator probes before there is
//! a secret; a callback has its signature instead.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Method, Request, StatusCode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::refusal::{Problem, Refusal};
use crate::config::Secret;

/// Paths that need no token.
const OPEN: [&str; 3] = ["/health/live", "/health/ready", "/callbacks/clay"];

/// Decides.
pub(super) struct Guard {
    address: IpAddr,
    /// Of the token, so that a comparison takes the same time whatever is compared, its length included.
    digest: Option<[u8; 32]>,
}

impl Guard {
    pub(super) fn new(address: IpAddr, token: Option<&Secret>) -> Self {
        Self { address, digest: token.map(|token| digest(token.expose())) }
    }

    /// Lets a request pass or refuses it.
    pub(super) fn check<T>(&self, request: &Request<T>) -> Result<(), Refusal> {
        let headers = request.headers();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            check_origin(headers)?;
        }
        match &self.digest {
            _ if OPEN.contains(&request.uri().path()) => Ok(()),
            Some(digest) => check_token(digest, headers),
            None => self.check_host(headers),
        }
    }

    fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
        let name = host.as_ref().map(|host| host.host().trim_start_matches('[').trim_end_matches(']'));
        let is_own = |name: &str| {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address == self.address)
        };
        if name.is_some_and(is_own) {
            return Ok(());
        }
        let problem = Problem::of("Host", "the header Host is neither this machine's loopback address nor localhost")
            .help("use the address that the service has printed, or give it a token to use it by another name");
        Err(Refusal::new(StatusCode::FORBIDDEN, problem))
    }
}

fn check_token(digest_of_token: &[u8; 32], headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    if given.is_some_and(|given| bool::from(digest(given).ct_eq(digest_of_token))) {
        return Ok(());
    }
    let message = if given.is_some() { "this is not the token of this service" } else { "the token is missing" };
    let problem = Problem::of("Authorization", message).help("send `Authorization: Bearer <token>`");
    Err(Refusal::new(StatusCode::UNAUTHORIZED, problem))
}

/// A browser names the origin of every request that changes something; other clients send none.
fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://").or(origin.strip_prefix("https://")));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if origin.is_some() && origin == host {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, Problem::of("Origin", "another site's page must not change anything here")))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn checked(guard: &Guard, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        guard.check(&request.body(()).unwrap()).map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn without_a_token_the_host_must_be_this_machine() {
        let guard = Guard::new(Ipv4Addr::LOCALHOST.into(), None);
        for (host, status) in [
            ("127.0.0.1:8090", 200),
            ("localhost", 200),
            ("[::1]:8090", 200),
            ("evil.example:8090", 403),
            ("127.0.0.1.evil.example", 403),
        ] {
            assert_eq!(checked(&guard, "POST", "/leads", &[("host", host)]), status, "{host}");
        }
        assert_eq!(checked(&guard, "POST", "/leads", &[]), 403);
    }

    #[test]
    fn another_site_s_page_changes_nothing() {
        let guard = Guard::new(Ipv4Addr::LOCALHOST.into(), None);
        for (method, origin, status) in
            [("POST", "http://127.0.0.1:8090", 200), ("POST", "https://evil.example", 403), ("GET", "https://evil.example", 200)]
        {
            let headers = [("host", "127.0.0.1:8090"), ("origin", origin)];
            assert_eq!(checked(&guard, method, "/leads", &headers), status, "{method} {origin}");
        }
    }

    #[test]
    fn a_token_is_asked_for_everywhere_but_where_there_cannot_be_one() {
        let guard = Guard::new(Ipv4Addr::UNSPECIFIED.into(), Some(&Secret::new("right")));
        for (path, authorization, status) in [
            ("/leads", "Bearer right", 200),
            ("/leads", "bearer right", 200),
            ("/leads", "Bearer wrong", 401),
            ("/leads", "Bearer rightx", 401),
            ("/leads", "Basic right", 401),
            ("/leads", "", 401),
            ("/admin/redrive", "", 401),
            ("/health", "", 401),
            ("/metrics", "", 401),
            ("/health/live", "", 200),
            ("/health/ready", "", 200),
            ("/callbacks/clay", "", 200),
            ("/callbacks/clay/", "", 401),
        ] {
            let headers = [("host", "leads.example"), ("authorization", authorization)];
            assert_eq!(checked(&guard, "POST", path, &headers), status, "{path} {authorization}");
        }
    }
}
