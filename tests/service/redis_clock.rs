//! The service on Redis when its machine's clock was set back.

use mock_server::simulation::SimulatedVendors;
use plimsoll::clock::wall_clock;
use plimsoll::store::redis::RedisStore;
use plimsoll::store::{Acceptance, LeadStore, NewLead};
use plimsoll::vendor_api::lead_operations;
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{config, start_on, vendor_settings};
use crate::redis_server::Server;

const HOUR_MS: u64 = 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_queued_by_a_clock_an_hour_ahead_is_sent_at_once() {
    let Some(server) = Server::start() else { return };
    let store = RedisStore::open(&server.live_settings()).await.unwrap();
    let (key, user) = ("a".repeat(64), "ada@acme.test");
    let data = json!({ "email": user }).into();
    let operations = lead_operations(&key, user, &data);
    let lead = NewLead { key: key.clone(), user: user.to_owned(), data, operations };
    let ahead = wall_clock().timestamp_millis().unsigned_abs() + HOUR_MS;
    assert_eq!(store.accept(vec![lead], ahead).await, Ok(vec![Acceptance::New]));

    let vendors = SimulatedVendors::start(vendor_settings()).await.unwrap();
    let dir = TempDir::new().unwrap();
    let config = config(&dir, Some(&vendors), "", "");
    let service = start_on(store, dir, &config).await;
    // By the machine's clock its operations are due in an hour: longer than anybody here waits.
    let lead = service.until(&format!("/leads/{key}"), |lead| lead["status"] == "delivered").await;
    let at = lead["operations"][0]["settled"]["at"].as_u64().unwrap();
    assert!(at >= ahead, "the service's clock goes on from where it was: {lead}");
    service.stop().await;
    vendors.shutdown().await;
}
