//! Making connections: TCP, TLS where it is asked for, and HTTP/1.1 on top.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{SendError, TransportError};
use super::origin::{Connection, Origin};
use super::socket::Socket;
use super::trace::Trace;

/// Most headers of an answer. HTTP sets no bound; hyper's own, 100, is below what servers send. Each costs 64 bytes while an answer
/// is read.
const MOST_HEADERS: usize = 1_000;

/// TLS that trusts what the machine trusts.
pub(super) fn tls() -> Result<TlsConnector, TransportError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| TransportError::Certificates(error.to_string()))?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A new connection. It is driven by a task of its own, and ends when the last handle on it is dropped.
pub(super) async fn connect(origin: &Origin, tls: Option<&TlsConnector>, trace: &Trace) -> Result<Connection, SendError> {
    trace.connects();
    let began = Instant::now();
    let stream = tcp(origin).await?;
    stream.set_nodelay(true).map_err(|_| SendError::Lost)?;
    trace.connected(began.elapsed());
    let socket = Socket::new(stream);
    let lookout = socket.lookout();
    let sender = if origin.is_secure() {
        // Without TLS a client refuses https: nothing may go over the wire in the clear.
        let tls = tls.ok_or(SendError::Tls)?;
        let connected = Instant::now();
        let stream = secured(origin, tls, socket).await.map_err(|error| tls_error(&error))?;
        trace.secured(connected.elapsed());
        handshake(stream).await?
    } else {
        handshake(socket).await?
    };
    trace.handed();
    Ok(Connection { sender, lookout })
}

/// A connection to the first address of an origin's name that takes one.
pub(super) async fn tcp(origin: &Origin) -> Result<TcpStream, SendError> {
    let addresses = lookup_host(origin.address()).await.map_err(|error| match SendError::from(&error) {
        SendError::LocalLimit => SendError::LocalLimit,
        // A resolver without a descriptor does not find its files, and says that the name is not known.
        _ if UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).is_err() => SendError::LocalLimit,
        _ => SendError::NoAddress,
    })?;
    let mut failed = SendError::NoAddress;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            // What a server says is more than that this machine has no address to reach another of its addresses from.
            Err(error) if matches!(failed, SendError::NoAddress | SendError::LocalLimit) => failed = SendError::from(&error),
            Err(_) => {}
        }
    }
    Err(failed)
}

/// TLS over a connection, once the server has shown that it is who the URL says.
pub(super) async fn secured<S>(origin: &Origin, tls: &TlsConnector, stream: S) -> io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (host, _) = origin.address();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    tls.connect(name, stream).await
}

/// A server that ends the connection has not said anything about TLS.
fn tls_error(error: &io::Error) -> SendError {
    match SendError::from(error) {
        SendError::Refused => SendError::Tls,
        other => other,
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, SendError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut http = hyper::client::conn::http1::Builder::new();
    // Requests are small: one buffer and one plain write is cheaper than gathering head and body in the kernel.
    let made = http.writev(false).max_headers(MOST_HEADERS).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = made.map_err(|error| SendError::from(&error))?;
    // Its error is also the error of the request that it carries: nothing is lost here.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
