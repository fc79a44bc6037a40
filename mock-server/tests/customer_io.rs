//! What of Customer.io depends on the way of a request through the edge: the host that it names, and its size.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use bytes::Bytes;
use common::{Client, settings};
use http::Request;
use http_body_util::Full;
use mock_server::settings::Region;
use mock_server::simulated::Vendor;
use mock_server::simulation::SimulatedVendors;
use serde_json::json;

async fn identify_at(vendors: &SimulatedVendors, host: &str) -> u16 {
    let request = Request::put(format!("{}/api/v1/customers/ada", vendors.customer_io_url()))
        .header("host", host)
        .header("authorization", "Basic c2ltdWxhdGVkLXNpdGU6c2ltdWxhdGVkLWN1c3RvbWVyLWlvLWtleQ==")
        .body(Full::new(Bytes::from_static(b"{}")));
    Client::new().send(request.unwrap()).await.unwrap().status.as_u16()
}

#[tokio::test]
async fn the_host_that_a_client_names_reaches_the_vendor() {
    let mut american = settings(Vec::new());
    american.customer_io.region = Region::Us;
    let vendors = SimulatedVendors::start(american).await.unwrap();
    assert_eq!(identify_at(&vendors, "track.customer.io").await, 200);
    assert_eq!(identify_at(&vendors, "track-eu.customer.io").await, 401);
    assert_eq!(identify_at(&vendors, "localhost:8082").await, 200);
    vendors.shutdown().await;
}

#[tokio::test]
async fn the_largest_documented_message_gets_through() {
    let vendors = SimulatedVendors::start(settings(Vec::new())).await.unwrap();
    let message = json!({
        "to": "ada@example.com",
        "identifiers": { "id": "ada" },
        "transactional_message_id": 3,
        "message_data": { "text": "d".repeat(1024 * 1024 - 1024) },
        "attachments": { "file": "A".repeat(2 * 1024 * 1024 / 3 * 4) },
    });
    let request = Request::post(format!("{}/v1/send/email", vendors.customer_io_url()))
        .header("authorization", "Bearer simulated-customer-io-app-key")
        .body(Full::new(Bytes::from(message.to_string())));
    assert_eq!(Client::new().send(request.unwrap()).await.unwrap().status, 200);
    assert_eq!(json!(vendors.customer_io().section("deliveries").unwrap()).as_array().unwrap().len(), 1);
    vendors.shutdown().await;
}
