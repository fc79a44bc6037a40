//! Who may use an HTTP API of this program.
//!
//! On loopback without a token, everything that runs on this machine may, and that includes a browser that shows a foreign
//! page. Such a page can send requests here in two ways: across origins (then the request names its origin), and under
//! a name of its own that it has made resolve to 127.0.0.1 (then the request names that host). Both are refused. With a token
//! the token decides, for no page can know it.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::keys::authorization;
use crate::refusal::{Problem, Refusal};

/// What an API's guard lets pass without a token, and how it words what it refuses.
#[derive(Debug)]
pub struct Rules {
    /// Paths that need no token.
    pub open: &'static [&'static str],
    /// Paths at which simulated callbacks may arrive.
    pub callbacks: &'static [&'static str],
    /// A host that is not this machine.
    pub foreign_host: &'static str,
    /// What to do about such a host.
    pub foreign_host_help: &'static str,
    /// An origin that is another site.
    pub foreign_origin: &'static str,
    /// No token.
    pub no_token: &'static str,
    /// Another token.
    pub wrong_token: &'static str,
}

/// The header that every simulated callback has.
pub(crate) const CALLBACK: HeaderName = HeaderName::from_static("x-simulated-callback");

/// Decides.
#[derive(Debug)]
pub struct Guard {
    rules: &'static Rules,
    address: IpAddr,
    /// Of the token, so that a comparison takes the same time whatever is compared, its length included.
    digest: Option<[u8; 32]>,
}

impl Guard {
    /// The guard of an API at this address.
    pub fn new(rules: &'static Rules, address: IpAddr, token: Option<&str>) -> Self {
        Self { rules, address, digest: token.map(digest) }
    }

    /// Whether there is a token.
    pub fn needs_token(&self) -> bool {
        self.digest.is_some()
    }

    /// Lets a request pass or refuses it.
    ///
    /// # Errors
    ///
    /// 401 for a token that is missing or wrong, 403 for another site's page, and for a simulated callback where there are none.
    pub fn check<T>(&self, request: &Request<T>) -> Result<(), Refusal> {
        let headers = request.headers();
        self.check_callback(request.uri().path(), headers)?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            self.check_origin(headers)?;
        }
        match &self.digest {
            Some(_) if self.rules.open.contains(&request.uri().path()) => Ok(()),
            Some(digest) => self.check_token(digest, headers),
            None => self.check_host(headers),
        }
    }

    fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
        // Its port may be another one, where something forwards to here; who chooses the name chooses no port.
        let name = host.as_ref().map(|host| host.host().trim_start_matches('[').trim_end_matches(']'));
        let is_own = |name: &str| {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address == self.address)
        };
        if name.is_some_and(is_own) {
            return Ok(());
        }
        let problem = Problem::of("Host", self.rules.foreign_host).help(self.rules.foreign_host_help);
        Err(Refusal::new(StatusCode::FORBIDDEN, problem))
    }

    fn check_token(&self, digest_of_token: &[u8; 32], headers: &HeaderMap) -> Result<(), Refusal> {
        let given = authorization(headers, "bearer");
        if given.is_some_and(|given| bool::from(digest(given).ct_eq(digest_of_token))) {
            return Ok(());
        }
        let message = if given.is_some() { self.rules.wrong_token } else { self.rules.no_token };
        let problem = Problem::of("Authorization", message).help("send `Authorization: Bearer <token>`");
        Err(Refusal::new(StatusCode::UNAUTHORIZED, problem))
    }

    /// Where a simulated vendor posts to, a row of it may say, and so may a page that submits one. It is no way round the rest.
    fn check_callback(&self, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        if !headers.contains_key(CALLBACK) || self.rules.callbacks.contains(&path) {
            return Ok(());
        }
        Err(Refusal::new(StatusCode::FORBIDDEN, Problem::of(CALLBACK.as_str(), "a simulated callback changes nothing here")))
    }

    /// A browser names the origin of every request that changes something; other clients send none.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://").or(origin.strip_prefix("https://")));
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        if origin.is_some() && origin == host {
            return Ok(());
        }
        Err(Refusal::new(StatusCode::FORBIDDEN, Problem::of("Origin", self.rules.foreign_origin)))
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const RULES: Rules = Rules {
        open: &["/health", "/"],
        callbacks: &["/callbacks"],
        foreign_host: "is foreign",
        foreign_host_help: "use this machine's",
        foreign_origin: "is foreign",
        no_token: "is missing",
        wrong_token: "is wrong",
    };

    fn checked(guard: &Guard, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        guard.check(&request.body(()).unwrap()).map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn without_a_token_the_host_must_be_this_machine() {
        let guard = Guard::new(&RULES, Ipv4Addr::LOCALHOST.into(), None);
        for (host, status) in [
            ("127.0.0.1:8083", 200),
            ("localhost", 200),
            ("LOCALHOST:9", 200),
            ("[::1]:8083", 200),
            ("evil.example:8083", 403),
            ("127.0.0.1.evil.example", 403),
            ("localhost.evil.example", 403),
            ("10.0.0.1", 403),
        ] {
            assert_eq!(checked(&guard, "GET", "/faults", &[("host", host)]), status, "{host}");
        }
        assert_eq!(checked(&guard, "GET", "/faults", &[]), 403);
    }

    #[test]
    fn a_foreign_origin_changes_nothing() {
        let guard = Guard::new(&RULES, Ipv4Addr::LOCALHOST.into(), None);
        for (method, origin, status) in [
            ("POST", "http://127.0.0.1:8083", 200),
            ("POST", "http://127.0.0.1:3000", 403),
            ("POST", "https://evil.example", 403),
            ("DELETE", "null", 403),
            ("GET", "https://evil.example", 200),
        ] {
            let headers = [("host", "127.0.0.1:8083"), ("origin", origin)];
            assert_eq!(checked(&guard, method, "/faults", &headers), status, "{method} {origin}");
        }
        assert_eq!(checked(&guard, "POST", "/faults", &[("host", "127.0.0.1:8083")]), 200);
    }

    #[test]
    fn a_simulated_callback_arrives_where_it_may_and_nowhere_else() {
        let guard = Guard::new(&RULES, Ipv4Addr::LOCALHOST.into(), None);
        let callback = [("host", "127.0.0.1:8083"), ("x-simulated-callback", "1")];
        for (path, status) in [("/callbacks", 200), ("/admin/redrive", 403), ("/faults", 403), ("/callbacks/", 403)] {
            assert_eq!(checked(&guard, "POST", path, &callback), status, "{path}");
            assert_eq!(checked(&guard, "POST", path, &callback[..1]), 200, "{path}");
        }
    }

    #[test]
    fn a_token_is_asked_for_everywhere_but_on_open_paths() {
        let guard = Guard::new(&RULES, Ipv4Addr::UNSPECIFIED.into(), Some("right"));
        for (path, authorization, status) in [
            ("/faults", "Bearer right", 200),
            ("/faults", "bearer right", 200),
            ("/faults", "Bearer wrong", 401),
            ("/faults", "Bearer rightx", 401),
            ("/faults", "Basic right", 401),
            ("/faults", "right", 401),
            ("/faults", "", 401),
            ("/health", "", 200),
            ("/", "", 200),
            ("/health/", "", 401),
            ("/openapi.json", "", 401),
        ] {
            let headers = [("host", "mock.example"), ("authorization", authorization)];
            assert_eq!(checked(&guard, "GET", path, &headers), status, "{path} {authorization}");
        }
        assert_eq!(checked(&guard, "DELETE", "/faults", &[]), 401);
    }
}
