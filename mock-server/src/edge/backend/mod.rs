//! wiremock behind the edge, with flat memory.
//!
//! A wiremock server keeps every request that it has matched for as long as it lives, with recording off too, and its
//! `reset` answers 404 until the mocks are mounted again. So an instance lives for a budget of kept bytes: then a fresh one
//! is started and filled *beside* it, new requests go to the fresh one, and the old one is dropped when its last request has
//! been answered. A request holds its instance, so none can be lost to a change.

mod pool;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, request};
use http_body_util::Full;
use parking_lot::RwLock;
use wiremock::MockServer;

use pool::{BackendError, Pool};

use super::adapter::{self, Aside, Asides};
use crate::simulated::Vendor;

/// Bytes that an instance may keep before its successor takes over. See `KEPT_PER_REQUEST`.
pub(super) const BUDGET: u64 = 6 * 1024 * 1024;

/// What wiremock keeps of any request in bytes (measured: about 5 KB with a client's usual headers and a small body). The
/// lengths of URL, headers and body come on top, so that large requests count for what they are.
const KEPT_PER_REQUEST: u64 = 5 * 1024;

/// Headers of one connection, which are not passed on to another (RFC 9110, 7.6.1), and those that the client sets.
const OF_THE_CONNECTION: [HeaderName; 8] = [CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// A vendor behind wiremock.
pub(super) struct Backend(Arc<Rotation>);

struct Rotation {
    vendor: Arc<dyn Vendor>,
    asides: Asides,
    current: RwLock<Arc<Instance>>,
    budget: u64,
    #[cfg(test)]
    rotated: tokio::sync::watch::Sender<u64>,
}

/// One wiremock server with the connections to it.
struct Instance {
    /// `None` only while it is being dropped.
    server: Option<MockServer>,
    pool: Pool,
    kept: AtomicU64,
}

impl Backend {
    /// Starts the first instance.
    ///
    /// # Errors
    ///
    /// The operating system has no socket for it.
    pub(super) async fn start(vendor: Arc<dyn Vendor>, budget: u64) -> io::Result<Self> {
        let asides = Asides::default();
        let current = RwLock::new(Arc::new(Instance::start(vendor.clone(), asides.clone()).await?));
        Ok(Self(Arc::new(Rotation {
            vendor,
            asides,
            current,
            budget,
            #[cfg(test)]
            rotated: tokio::sync::watch::Sender::new(0),
        })))
    }

    /// The vendor's answer to a request for a path, known by a number that no other request under way has. What the request
    /// has changed stays true where its answer did not come.
    pub(super) async fn answer(&self, number: u64, parts: request::Parts, body: Bytes) -> Asked {
        let instance = self.0.instance();
        self.0.keep(&instance, kept_of(&parts, &body));
        let expected = self.0.asides.expect(number, target_of(&parts.uri));
        let response = instance.answer(number, parts, body).await;
        Asked { response, aside: expected.take() }
    }
}

/// What came of a request to the vendor.
pub(super) struct Asked {
    pub(super) response: Result<Response<Bytes>, BackendError>,
    pub(super) aside: Aside,
}

fn kept_of(parts: &request::Parts, body: &Bytes) -> u64 {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let headers: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    KEPT_PER_REQUEST + (target + headers + body.len()) as u64
}

impl Rotation {
    fn instance(&self) -> Arc<Instance> {
        self.current.read().clone()
    }

    /// Notes what a request costs `instance`; the one request that exhausts its budget starts the successor.
    fn keep(self: &Arc<Self>, instance: &Arc<Instance>, bytes: u64) {
        let before = instance.kept.fetch_add(bytes, Ordering::Relaxed);
        if before < self.budget && before + bytes >= self.budget {
            tokio::spawn(self.clone().rotate(instance.clone()));
        }
    }

    async fn rotate(self: Arc<Self>, old: Arc<Instance>) {
        match Instance::start(self.vendor.clone(), self.asides.clone()).await {
            Ok(fresh) => {
                let fresh = Arc::new(fresh);
                let replaced = std::mem::replace(&mut *self.current.write(), fresh);
                // Not under the lock: it may be the last who holds it.
                drop(replaced);
                #[cfg(test)]
                self.rotated.send_modify(|times| *times += 1);
            }
            // Better to grow than to lose a request: the old one stays, and the next budget tries again.
            Err(_) => old.kept.store(0, Ordering::Relaxed),
        }
    }
}

impl Instance {
    async fn start(vendor: Arc<dyn Vendor>, asides: Asides) -> io::Result<Self> {
        // Bound here, because wiremock panics where it cannot bind.
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let pool = Pool::new(listener.local_addr()?);
        let server = MockServer::builder().listener(listener).disable_request_recording().start().await;
        adapter::mock(vendor, asides).mount(&server).await;
        Ok(Self { server: Some(server), pool, kept: AtomicU64::new(0) })
    }

    async fn answer(&self, number: u64, parts: request::Parts, body: Bytes) -> Result<Response<Bytes>, BackendError> {
        let mut response = self.pool.send(request_to(number, parts, body)).await?;
        strip(response.headers_mut());
        Ok(response)
    }
}

fn target_of(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}

/// The same request for wiremock.
fn request_to(number: u64, mut parts: request::Parts, body: Bytes) -> Request<Full<Bytes>> {
    let target = target_of(&parts.uri);
    // The vendor may serve a host's name differently. Over HTTP/2 it is in the address.
    let named = || parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    let host = parts.headers.remove(HOST).or_else(named).unwrap_or(HeaderValue::from_static("localhost"));
    strip(&mut parts.headers);
    parts.headers.insert(HOST, host);
    parts.headers.insert(adapter::NUMBER, number.into());
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = parts.method;
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = parts.headers;
    request
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Dropping a server blocks: on a thread of its own, not on the runtime's. Where there is no thread to be had, the
        // closure is dropped here, and the server with it.
        if let Some(server) = self.server.take() {
            let _ = std::thread::Builder::new().name("wiremock-drop".to_owned()).spawn(move || end(server));
        }
    }
}

/// Ends a server without a hurry: what it has kept takes milliseconds to free, which requests on the same core would wait for.
fn end(server: MockServer) {
    // Of the calling thread only, on Linux. Where it is refused, requests wait.
    let _ = rustix::process::nice(19);
    // Freed here and not on the server's own thread, which is as important as any. It needs a runtime to be called, no more.
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
        runtime.block_on(server.reset());
    }
}

fn strip(headers: &mut HeaderMap) {
    for name in &OF_THE_CONNECTION {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
