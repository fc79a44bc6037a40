//! TLS and HTTP/2 on the same ports as plain HTTP/1.1.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;
#[path = "common/connect.rs"]
mod connect;

use bytes::Bytes;
use common::{Client, WEBHOOK, in_time, settings};
use connect::{exchange, http2, plain, tls, tls_to};
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use mock_server::simulation::{SimulatedVendors, StartError};
use tokio::task::JoinSet;

async fn vendors() -> SimulatedVendors {
    SimulatedVendors::start(settings(Vec::new())).await.unwrap()
}

fn submission() -> Vec<u8> {
    format!("POST {WEBHOOK} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes()
}

#[tokio::test]
async fn one_port_speaks_plain_and_tls() {
    let vendors = vendors().await;
    let url = vendors.clay_url();
    assert_eq!(Client::new().submit(&url, "{}").await.unwrap().status, 200);
    for protocols in [&[][..], &[b"http/1.1".as_slice()]] {
        let (text, end) = exchange(&mut tls(&vendors, &url, protocols).await, &submission()).await;
        // In order, that is with TLS's own farewell: a missing one would be an error here.
        end.unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with(r#"{"success":true}"#), "{text}");
    }
}

#[tokio::test]
async fn the_certificate_is_for_this_machine_and_for_the_vendors() {
    let vendors = vendors().await;
    let real = ["track.customer.io", "track-eu.customer.io", "api.customer.io", "api-eu.customer.io", "cdp.customer.io"];
    let url = vendors.customer_io_url();
    for host in ["localhost", "127.0.0.1", "::1", "cdp-eu.customer.io", "api.clay.com"].into_iter().chain(real) {
        tls_to(&url, host, vendors.ca_pem(), &[]).await.unwrap_or_else(|error| panic!("{host}: {error}"));
    }
    let error = tls_to(&url, "example.com", vendors.ca_pem(), &[]).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn another_simulations_authority_does_not_do() {
    let (one, other) = (vendors().await, vendors().await);
    assert!(tls_to(&one.clay_url(), "localhost", other.ca_pem(), &[]).await.is_err());
}

#[tokio::test]
async fn http2_is_chosen_by_the_client() {
    let vendors = vendors().await;
    let url = vendors.clay_url();
    let stream = tls(&vendors, &url, &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, _connection) = http2(stream).await;
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let mut sender = sender.clone();
        let request = Request::post(format!("https://localhost{WEBHOOK}")).body(Full::new(Bytes::from_static(b"{}"))).unwrap();
        requests.spawn(async move { in_time(sender.send_request(request)).await.unwrap() });
    }
    while let Some(response) = requests.join_next().await {
        let response = response.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
        assert_eq!(&response.into_body().collect().await.unwrap().to_bytes()[..], br#"{"success":true}"#);
    }
    assert_eq!(vendors.ledger().entries().len(), 50);
}

#[tokio::test]
async fn http2_needs_no_tls() {
    let vendors = vendors().await;
    let url = vendors.clay_url();
    let (mut sender, _connection) = http2(plain(&url).await).await;
    let request = Request::post(format!("{url}{WEBHOOK}")).body(Full::new(Bytes::from_static(b"{}"))).unwrap();
    let response = in_time(sender.send_request(request)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
}

#[tokio::test]
async fn the_authority_is_written_where_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let mut settings = settings(Vec::new());
    settings.ca_file = Some(file.clone());
    let vendors = SimulatedVendors::start(settings.clone()).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), vendors.ca_pem());

    settings.ca_file = Some(directory.path().join("missing").join("ca.pem"));
    let error = SimulatedVendors::start(settings).await.err().unwrap();
    assert!(matches!(&error, StartError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("missing/ca.pem"), "{error}");
}
