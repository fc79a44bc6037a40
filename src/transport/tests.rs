//! What a client makes of servers that are not as they should be.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::outcome::Steps;

fn request(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

async fn get(client: &HttpClient, url: &str) -> Result<Answer, SendError> {
    client.send(request(url), Duration::from_secs(30), Body::Count).await
}

/// A server that shows a certificate that nobody has signed but itself, and the certificate. It answers whatever it reads.
async fn untrusted() -> (String, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key.into()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        }
    });
    (url, made.cert.der().clone())
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_a_failure_of_tls() {
    let Ok(client) = HttpClient::secure(&PoolSettings::default()) else { return };
    let (url, _) = untrusted().await;
    assert_eq!(get(&client, &url).await.unwrap_err(), SendError::Tls);
    let reached = client.reach(&url.parse().unwrap()).await;
    assert!(matches!(&reached, Err(Unreachable::Tls(why)) if why.to_string().contains("certificate")), "{reached:?}");
}

#[tokio::test]
async fn a_name_without_an_address_is_a_failure_of_dns() {
    let client = HttpClient::plain(&PoolSettings::default());
    let url = "http://nobody.invalid/";
    assert_eq!(get(&client, url).await.unwrap_err(), SendError::NoAddress);
    let reached = client.reach(&url.parse().unwrap()).await;
    assert!(matches!(reached, Err(Unreachable::Connection(SendError::NoAddress))), "{reached:?}");
}

/// A server that answers the first request of each connection with these headers more.
async fn with_headers(count: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let headers: String = (0..count - 1).map(|number| format!("x-{number}: {number}\r\n")).collect();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{headers}\r\n");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test]
async fn an_answer_may_have_a_thousand_headers() {
    let client = HttpClient::plain(&PoolSettings::default());
    for count in [300, 1_000] {
        let answer = get(&client, &with_headers(count).await).await.unwrap();
        assert_eq!((answer.status, answer.headers.len()), (200, count));
    }
    assert_eq!(get(&client, &with_headers(1_001).await).await.unwrap_err(), SendError::BadAnswer);
}

/// Reads a request without a body; false when none comes.
fn read_request(stream: &mut std::net::TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match std::io::Read::read(stream, &mut byte) {
            Ok(1..) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// A server on a thread of its own that answers one request of each connection, reads `unanswered` more and closes it; the
/// number of requests that it has read comes after each connection.
fn closing(unanswered: usize) -> (String, std::sync::mpsc::Receiver<usize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (closed, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut count = 0;
        for mut stream in listener.incoming().flatten() {
            if read_request(&mut stream) {
                count += 1;
                let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            }
            count += (0..unanswered).filter(|_| read_request(&mut stream)).count();
            drop(stream);
            if closed.send(count).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

/// While the test waits for the server to have closed, hyper's task and the runtime's driver stand still.
#[tokio::test]
async fn a_kept_connection_that_has_ended_takes_no_request_whoever_has_noticed() {
    let (url, closed) = closing(0);
    let client = HttpClient::plain(&PoolSettings::default());
    for count in 1..=20 {
        let request = Request::post(&url).body(Full::default()).unwrap();
        let answer = client.send(request, Duration::from_secs(30), Body::Count).await;
        assert_eq!((answer.unwrap().status, closed.recv()), (200, Ok(count)));
    }
}

#[tokio::test]
async fn what_a_kept_connection_loses_goes_over_a_new_one_if_it_may_be_repeated() {
    for repeats in [true, false] {
        let (url, closed) = closing(1);
        let client: &dyn Transport = &HttpClient::plain(&PoolSettings::default());
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            let trace = Trace::new(Instant::now()).repeating(repeats);
            let answer = client.send(request(&url), Duration::from_secs(30), Body::Count, &trace).await;
            outcomes.push((answer.map(|answer| answer.status), trace.steps().connecting.is_some()));
        }
        let second = if repeats { (Ok(200), true) } else { (Err(SendError::Lost), false) };
        assert_eq!((outcomes, closed.recv()), (vec![(Ok(200), true), second], Ok(2)));
    }
}

#[tokio::test]
async fn what_a_new_connection_loses_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    let client: &dyn Transport = &HttpClient::plain(&PoolSettings::default());
    let trace = Trace::new(Instant::now()).repeating(true);
    let lost = client.send(request(&url), Duration::from_secs(30), Body::Count, &trace).await.unwrap_err();
    assert_eq!(lost, SendError::Lost);
    assert!(trace.steps().answered.is_none() && trace.steps().handed < Duration::MAX, "{trace:?}");
}

#[tokio::test]
async fn the_steps_of_a_request_are_those_of_its_connection() {
    let (url, _closed) = closing(100);
    let client = HttpClient::plain(&PoolSettings::default());
    let steps = async |url: &str| {
        let trace = Trace::new(Instant::now());
        let answer = Transport::send(&client, request(url), Duration::from_secs(30), Body::Count, &trace).await;
        (answer.map(|answer| answer.status), trace.steps())
    };
    let (answer, new) = steps(&url).await;
    assert_eq!((answer, new.tls), (Ok(200), None));
    assert!(new.connecting.unwrap() <= new.handed && new.handed <= new.answered.unwrap(), "{new:?}");
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (refused, none) = steps(&format!("http://{free}/")).await;
    assert_eq!((refused, none), (Err(SendError::Refused), Steps { handed: Duration::MAX, ..Steps::default() }));
}

#[tokio::test]
async fn a_tls_handshake_is_a_step_of_the_request_that_a_connection_was_made_for() {
    let (url, certificate) = untrusted().await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let client = HttpClient::with(Some(TlsConnector::from(Arc::new(config))), &PoolSettings::default());
    for made in [true, false, false] {
        let trace = Trace::new(Instant::now());
        let answer = Transport::send(&client, request(&url), Duration::from_secs(30), Body::Count, &trace).await;
        let steps = trace.steps();
        assert_eq!((answer.unwrap().status, steps.connecting.is_some(), steps.tls.is_some()), (200, made, made));
        let connection = steps.connecting.unwrap_or_default() + steps.tls.unwrap_or_default();
        assert!(connection <= steps.handed && steps.handed <= steps.answered.unwrap(), "{steps:?}");
    }
}
