//! One scheme, host and port, and the connections to it that wait for a request.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri};
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::socket::Lookout;

/// A connection that can carry one request at a time.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    pub(super) lookout: Lookout,
}

/// Where requests go, with its idle connections.
#[derive(Debug)]
pub(super) struct Origin {
    authority: Authority,
    secure: bool,
    /// The header Host, made once.
    host: HeaderValue,
    /// Last in, first out: what is not needed grows old at the bottom.
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Origin {
    /// The origin of an absolute http or https URL; `None` for any other.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let secure = secure(uri)?;
        let authority = uri.authority()?.clone();
        let port = authority.port().map(|port| format!(":{port}")).unwrap_or_default();
        // The Host header leaves out what stands before the @.
        let host = HeaderValue::from_str(&format!("{}{port}", authority.host())).ok()?;
        Some(Self { authority, secure, host, idle: Mutex::default() })
    }

    /// Whether a URL leads here.
    pub(super) fn serves(&self, uri: &Uri) -> bool {
        secure(uri) == Some(self.secure) && uri.authority() == Some(&self.authority)
    }

    /// Host and port to connect to.
    pub(super) fn address(&self) -> (&str, u16) {
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        (host, self.authority.port_u16().unwrap_or(if self.secure { 443 } else { 80 }))
    }

    /// Whether TLS is spoken.
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// The request as it goes over a connection: its URL reduced to path and query, with the header Host.
    pub(super) fn address_request(&self, request: &mut Request<Full<Bytes>>) {
        let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        request.headers_mut().entry(HOST).or_insert_with(|| self.host.clone());
    }

    /// The connection used last, unless it has been idle for too long or was closed meanwhile.
    pub(super) fn take(&self, idle_timeout: Duration) -> Option<Connection> {
        let mut idle = self.idle.lock();
        let newest = idle.pop()?;
        if newest.connection.sender.is_closed() {
            idle.retain(|older| !older.connection.sender.is_closed());
            drop(idle);
            return self.take(idle_timeout);
        }
        if newest.since.elapsed() >= idle_timeout {
            // Those below it are older still.
            idle.clear();
            return None;
        }
        Some(newest.connection)
    }

    /// Keeps a connection for the next request.
    pub(super) fn release(&self, connection: Connection, since: Instant, most: usize) {
        let mut idle = self.idle.lock();
        if idle.len() < most {
            idle.push(Idle { connection, since });
        }
    }
}

fn secure(uri: &Uri) -> Option<bool> {
    let scheme = uri.scheme()?;
    if *scheme == Scheme::HTTPS { Some(true) } else { (*scheme == Scheme::HTTP).then_some(false) }
}
