//! The client and its pool.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::error::{SendError, TransportError};

/// Connections kept for further requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// Most idle connections kept for one host.
    pub max_idle_per_host: usize,
    /// How long an idle one is kept: 30 s in the load-scale document.
    pub idle_timeout: Duration,
    /// Longest wait for a connection to be made.
    pub connect_timeout: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { max_idle_per_host: usize::MAX, idle_timeout: Duration::from_secs(30), connect_timeout: Duration::from_secs(10) }
    }
}

/// What to do with an answer's body. It is read to the end either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Count its bytes.
    Count,
    /// Keep it, up to so many bytes; the rest is counted only.
    Keep(usize),
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it was asked for.
    pub body: Bytes,
    /// Length of the whole body.
    pub body_bytes: u64,
}

/// An HTTP/1.1 client over http and https. Clones share their connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl HttpClient {
    /// A client for plain http only: it needs no certificates on the machine.
    ///
    /// # Panics
    /// Never: the provider that is compiled in has TLS 1.2 and 1.3.
    pub fn plain(pool: &PoolSettings) -> Self {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("the default provider has the default versions")
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        Self::with(connector.wrap_connector(tcp(pool)), pool)
    }

    /// A client for http and https, which trusts what the machine trusts.
    ///
    /// # Errors
    /// When the machine's trust anchors cannot be loaded.
    pub fn secure(pool: &PoolSettings) -> Result<Self, TransportError> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(provider)
            .map_err(|error| TransportError::Certificates(error.to_string()))?
            .https_or_http()
            .enable_http1();
        Ok(Self::with(connector.wrap_connector(tcp(pool)), pool))
    }

    fn with(connector: HttpsConnector<HttpConnector>, pool: &PoolSettings) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(pool.max_idle_per_host)
            .pool_idle_timeout(pool.idle_timeout)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .build(connector);
        Self { client }
    }

    /// Sends a request and reads the answer's body to its end, all within `timeout`.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn send(&self, request: Request<Full<Bytes>>, timeout: Duration, body: Body) -> Result<Answer, SendError> {
        match tokio::time::timeout(timeout, self.exchange(request, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(SendError::Timeout),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, body: Body) -> Result<Answer, SendError> {
        let (head, incoming) = self.client.request(request).await?.into_parts();
        let (body, body_bytes) = read(incoming, body).await?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, body_bytes })
    }
}

fn tcp(pool: &PoolSettings) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(pool.connect_timeout));
    tcp.enforce_http(false);
    tcp
}

async fn read(mut incoming: hyper::body::Incoming, keep: Body) -> Result<(Bytes, u64), SendError> {
    let limit = match keep {
        Body::Count => 0,
        Body::Keep(limit) => limit,
    };
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
