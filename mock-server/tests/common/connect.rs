//! Connections of the kinds that the vendors' ports take.

#![allow(dead_code, reason = "each test program uses a part")]

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mock_server::simulation::SimulatedVendors;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::common::in_time;

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// `host:port` of a base URL.
pub(crate) fn authority(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

pub(crate) async fn plain(url: &str) -> TcpStream {
    in_time(TcpStream::connect(authority(url))).await.unwrap()
}

/// TLS to a host by name, trusting this authority and nothing else.
pub(crate) async fn tls_to(url: &str, host: &str, ca_pem: &str, protocols: &[&[u8]]) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    in_time(TlsConnector::from(Arc::new(config)).connect(name, plain(url).await)).await
}

pub(crate) async fn tls(vendors: &SimulatedVendors, url: &str, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
    tls_to(url, "localhost", vendors.ca_pem(), protocols).await.unwrap()
}

/// HTTP/2 on a stream. The connection lives for as long as the sender does; how it ended is what the task returns.
pub(crate) async fn http2(
    stream: impl Stream + 'static,
) -> (http2::SendRequest<Full<Bytes>>, tokio::task::JoinHandle<hyper::Result<()>>) {
    let (sender, connection) = in_time(http2::handshake(TokioExecutor::new(), TokioIo::new(stream))).await.unwrap();
    (sender, tokio::spawn(connection))
}

/// Writes bytes and reads to the end: what came, and how it ended.
pub(crate) async fn exchange(stream: &mut (impl Stream + ?Sized), bytes: &[u8]) -> (Vec<u8>, io::Result<()>) {
    in_time(async {
        if let Err(error) = stream.write_all(bytes).await {
            return (Vec::new(), Err(error));
        }
        let _ = stream.flush().await;
        read_to_end(stream).await
    })
    .await
}

/// Reads to the end: what came, and how it ended.
pub(crate) async fn read_to_end(stream: &mut (impl Stream + ?Sized)) -> (Vec<u8>, io::Result<()>) {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match in_time(stream.read(&mut buffer)).await {
            Ok(0) => return (text, Ok(())),
            Ok(length) => text.extend_from_slice(&buffer[..length]),
            Err(error) => return (text, Err(error)),
        }
    }
}
