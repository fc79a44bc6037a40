//! A vendor of the table that nothing else knows, over a socket: served, broken by faults, and in the ledger.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use bytes::Bytes;
use common::{Answer, Client, settings};
use http::{Request, StatusCode};
use http_body_util::Full;
use mock_server::fault::{Fault, FaultKind, SimulatedVendor};
use mock_server::simulation::SimulatedVendors;

async fn post(url: &str) -> Answer {
    let request = Request::post(format!("{url}/v1/things")).body(Full::new(Bytes::from_static(b"{}")));
    Client::new().send(request.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_third_vendor_is_served_broken_and_recorded() {
    let acme: SimulatedVendor = serde_json::from_str(r#""acme""#).unwrap();
    let vendors = SimulatedVendors::start(settings(Vec::new())).await.unwrap();
    let answer = post(&vendors.url(acme)).await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &br#"{"ok":true}"#[..]));
    let down = Fault {
        vendor: Some(acme),
        routes: vec!["acme.things".to_owned()],
        ..Fault::new("down", FaultKind::Error { status: 503, body: None })
    };
    vendors.add_fault(down).await.unwrap();
    assert_eq!(post(&vendors.url(acme)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let entries = vendors.ledger().wait_for(2, |entry| entry.vendor == acme).await;
    assert!(!entries[0].was_hit_by("down") && entries[1].was_hit_by("down"));
    let counts: Vec<_> = vendors.counts().iter().map(|count| (count.route.clone(), count.status, count.count)).collect();
    assert_eq!(counts, [("acme.things".to_owned(), 200, 1), ("acme.things".to_owned(), 503, 1)]);
}
