//! Making connections: TCP, TLS where it is asked for, and HTTP/1.1 on top.

use std::io;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{SendError, TransportError};
use super::origin::{Connection, Origin};

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
pub(super) async fn connect(origin: &Origin, tls: Option<&TlsConnector>) -> Result<Connection, SendError> {
    let stream = TcpStream::connect(origin.address()).await.map_err(|error| refused_or_lost(&error))?;
    stream.set_nodelay(true).map_err(|_| SendError::Lost)?;
    if !origin.is_secure() {
        return handshake(stream).await;
    }
    // Without TLS a client refuses https: nothing may go over the wire in the clear.
    let tls = tls.ok_or(SendError::Refused)?;
    handshake(secured(origin, tls, stream).await.map_err(|_| SendError::Refused)?).await
}

/// TLS over a connection, once the server has shown that it is who the URL says.
pub(super) async fn secured(origin: &Origin, tls: &TlsConnector, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let (host, _) = origin.address();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    tls.connect(name, stream).await
}

async fn handshake<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S) -> Result<Connection, SendError> {
    // Requests are small: one buffer and one plain write is cheaper than gathering head and body in the kernel.
    let made = hyper::client::conn::http1::Builder::new().writev(false).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = made.map_err(|error| SendError::from(&error))?;
    // Its error is also the error of the request that it carries: nothing is lost here.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

fn refused_or_lost(error: &io::Error) -> SendError {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => SendError::Lost,
        io::ErrorKind::TimedOut => SendError::Timeout,
        _ => SendError::Refused,
    }
}
