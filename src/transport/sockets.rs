//! The transport over sockets: an HTTP client and its pool.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use parking_lot::RwLock;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::connect;
use super::error::{SendError, TransportError};
use super::exchange::{Answer, Body, Transport, within};
use super::origin::{Connection, Origin};
use super::reach::{Unreachable, reach};
use super::trace::Trace;

/// Connections kept for further requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// Most idle connections kept for one host.
    pub max_idle_per_host: usize,
    /// How long an idle one is kept: 30 s in the load-scale document.
    pub idle_timeout: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { max_idle_per_host: usize::MAX, idle_timeout: Duration::from_secs(30) }
    }
}

/// An HTTP/1.1 client over http and https. Clones share their connections.
#[derive(Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
}

struct Shared {
    /// A load has a handful of origins: a walk along them is quicker than a hash.
    origins: RwLock<Vec<Arc<Origin>>>,
    tls: Option<TlsConnector>,
    pool: PoolSettings,
}

impl HttpClient {
    /// A client for http and, where it is to be `secure`, for https.
    ///
    /// # Errors
    /// As [`HttpClient::secure`].
    pub fn new(secure: bool, pool: &PoolSettings) -> Result<Self, TransportError> {
        if secure { Self::secure(pool) } else { Ok(Self::plain(pool)) }
    }

    /// A client for plain http only: it needs no certificates on the machine, and refuses https.
    pub fn plain(pool: &PoolSettings) -> Self {
        Self::with(None, pool)
    }

    /// A client for http and https, which trusts what the machine trusts.
    ///
    /// # Errors
    /// When the machine's trust anchors cannot be loaded.
    pub fn secure(pool: &PoolSettings) -> Result<Self, TransportError> {
        Ok(Self::with(Some(connect::tls()?), pool))
    }

    pub(super) fn with(tls: Option<TlsConnector>, pool: &PoolSettings) -> Self {
        Self { shared: Arc::new(Shared { origins: RwLock::default(), tls, pool: *pool }) }
    }

    /// Sends a request to its absolute URL and reads the answer's body to its end, all within `timeout`. A future that is
    /// dropped closes its connection. A request of a safe method that a kept connection loses goes over a new one.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn send(&self, request: Request<Full<Bytes>>, timeout: Duration, body: Body) -> Result<Answer, SendError> {
        let trace = Trace::new(Instant::now()).repeating(request.method().is_safe());
        within(timeout, self.exchange(request, body, &trace)).await
    }

    /// Connects to a URL, with TLS where it asks for it, and closes the connection again: nothing is sent.
    ///
    /// # Errors
    /// When no connection is made within 5 s.
    pub async fn reach(&self, uri: &Uri) -> Result<(), Unreachable> {
        reach(uri, self.shared.tls.as_ref()).await
    }

    async fn exchange(&self, mut request: Request<Full<Bytes>>, body: Body, trace: &Trace) -> Result<Answer, SendError> {
        let origin = self.shared.origin(request.uri()).ok_or(SendError::Refused)?;
        origin.address_request(&mut request);
        let mut kept = true;
        loop {
            let idle = if kept { self.shared.idle(&origin).await } else { None };
            let (mut connection, reused) = match idle {
                Some(idle) => (idle, true),
                // On the heap: it is large and rare, and every request would carry the room for it.
                None => (Box::pin(connect::connect(&origin, self.shared.tls.as_ref(), trace)).await?, false),
            };
            let copy = (reused && trace.repeats).then(|| request.clone());
            match connection.sender.try_send_request(request).await {
                Ok(answer) => {
                    trace.answered();
                    let (head, incoming) = answer.into_parts();
                    let (body, body_bytes) = read(incoming, body).await?;
                    origin.release(connection, Instant::now(), self.shared.pool.max_idle_per_host);
                    return Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, body_bytes });
                }
                // The server closed a kept connection before anything of the request was sent, or before it answered one that may
                // be repeated: it goes over a new one.
                Err(mut error) => {
                    let unsent = error.take_message();
                    let error = SendError::from(&error.into_error());
                    let again = unsent.filter(|_| reused).or(copy.filter(|_| error == SendError::Lost));
                    (request, kept) = (again.ok_or(error)?, false);
                }
            }
        }
    }
}

impl Transport for HttpClient {
    fn send<'a>(
        &'a self,
        request: Request<Full<Bytes>>,
        timeout: Duration,
        body: Body,
        trace: &'a Trace,
    ) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(within(timeout, self.exchange(request, body, trace)))
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("pool", &self.shared.pool).finish_non_exhaustive()
    }
}

impl Shared {
    /// The origin of a URL, made on its first use.
    fn origin(&self, uri: &Uri) -> Option<Arc<Origin>> {
        let known = |origins: &[Arc<Origin>]| origins.iter().find(|origin| origin.serves(uri)).cloned();
        if let Some(origin) = known(&self.origins.read()) {
            return Some(origin);
        }
        let mut origins = self.origins.write();
        if let Some(origin) = known(&origins) {
            return Some(origin);
        }
        let origin = Arc::new(Origin::of(uri)?);
        origins.push(Arc::clone(&origin));
        Some(origin)
    }

    /// A kept connection that is ready for a request.
    async fn idle(&self, origin: &Origin) -> Option<Connection> {
        while let Some(mut idle) = origin.take(self.pool.idle_timeout) {
            // It was given back as soon as the body had been read; here it has had time to notice.
            if idle.sender.ready().await.is_ok() && !idle.lookout.has_ended() {
                return Some(idle);
            }
        }
        None
    }
}

async fn read(mut incoming: hyper::body::Incoming, keep: Body) -> Result<(Bytes, u64), SendError> {
    let limit = keep.limit();
    // Most bodies come in one piece: that piece is kept as it is, without a copy.
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    let mut length = 0_u64;
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| SendError::from(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        length += data.len() as u64;
        let room = limit.saturating_sub(first.len() + joined.len());
        let kept = data.slice(..data.len().min(room));
        if first.is_empty() {
            first = kept;
        } else {
            joined.extend_from_slice(&kept);
        }
    }
    if joined.is_empty() {
        return Ok((first, length));
    }
    Ok(([first, joined.freeze()].concat().into(), length))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that reads a request and answers with `bytes`, then closes when asked to.
    async fn server(bytes: &'static [u8], close: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(bytes).await;
                if !close {
                    // Held open, silent, until the client gives up.
                    let _ = stream.read(&mut buffer).await;
                }
            }
        });
        url
    }

    async fn get(url: &str, body: Body) -> Result<Answer, SendError> {
        let request = Request::get(url).body(Full::default()).unwrap();
        HttpClient::plain(&PoolSettings::default()).send(request, Duration::from_millis(300), body).await
    }

    #[tokio::test]
    async fn the_body_is_read_to_its_end() {
        let url = server(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world", false).await;
        let answer = get(&url, Body::Keep(1_000)).await.unwrap();
        assert_eq!((answer.status, &answer.body[..], answer.body_bytes), (200, &b"hello world"[..], 11));
        let counted = get(&url, Body::Count).await.unwrap();
        assert_eq!((counted.body.len(), counted.body_bytes), (0, 11));
        let cut = get(&url, Body::Keep(5)).await.unwrap();
        assert_eq!((&cut.body[..], cut.body_bytes), (&b"hello"[..], 11));
    }

    /// A server that answers `per_connection` requests on each connection and then closes it without a word.
    async fn closing_server(per_connection: usize) -> (String, Arc<std::sync::atomic::AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/path?query", listener.local_addr().unwrap());
        let connections = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                for _ in 0..per_connection {
                    let mut buffer = [0; 1024];
                    let read = stream.read(&mut buffer).await.unwrap_or(0);
                    let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                    let right = text.starts_with("GET /path?query HTTP/1.1") && text.contains("host: 127.0.0.1:");
                    let status = if right { "200 OK" } else { "400 Bad Request" };
                    let _ = stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
                }
            }
        });
        (url, connections)
    }

    #[tokio::test]
    async fn connections_are_used_again_and_a_closed_one_costs_no_request() {
        let (url, connections) = closing_server(3).await;
        let client = HttpClient::plain(&PoolSettings::default());
        for _ in 0..12 {
            let request = Request::get(&url).body(Full::default()).unwrap();
            let answer = client.send(request, Duration::from_secs(5), Body::Count).await.unwrap();
            assert_eq!(answer.status, 200);
        }
        assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 4, "three requests a connection");
    }

    #[tokio::test]
    async fn https_is_never_sent_in_the_clear() {
        let (url, _) = closing_server(1).await;
        assert_eq!(get(&url.replace("http:", "https:"), Body::Count).await.unwrap_err(), SendError::Tls);
        let secure = HttpClient::secure(&PoolSettings::default());
        let Ok(secure) = secure else { return };
        let request = Request::get(url.replace("http:", "https:")).body(Full::default()).unwrap();
        let error = secure.send(request, Duration::from_secs(5), Body::Count).await.unwrap_err();
        assert_eq!(error, SendError::Tls, "a server that speaks no TLS");
    }

    #[tokio::test]
    async fn a_server_is_reached_when_requests_could_be_sent_to_it() {
        let plain = HttpClient::plain(&PoolSettings::default());
        let url = server(b"no TLS", true).await;
        assert!(plain.reach(&url.parse().unwrap()).await.is_ok());
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let refused = plain.reach(&format!("http://{free}/").parse().unwrap()).await;
        assert!(matches!(refused, Err(Unreachable::Connection(SendError::Refused))), "{refused:?}");
        let Ok(secure) = HttpClient::secure(&PoolSettings::default()) else { return };
        let no_tls = secure.reach(&url.replace("http:", "https:").parse().unwrap()).await;
        assert!(matches!(no_tls, Err(Unreachable::Tls(_))), "{no_tls:?}");
    }

    #[tokio::test]
    async fn each_way_to_fail_has_its_name() {
        let truncated = server(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello", true).await;
        assert_eq!(get(&truncated, Body::Count).await.unwrap_err(), SendError::Lost);
        let garbage = server(b"what is this\r\n\r\n", true).await;
        assert_eq!(get(&garbage, Body::Count).await.unwrap_err(), SendError::BadAnswer);
        let empty = server(b"", true).await;
        assert_eq!(get(&empty, Body::Count).await.unwrap_err(), SendError::Lost);
        let silent = server(b"", false).await;
        assert_eq!(get(&silent, Body::Count).await.unwrap_err(), SendError::Timeout);
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(get(&format!("http://{free}/"), Body::Count).await.unwrap_err(), SendError::Refused);
    }
}
