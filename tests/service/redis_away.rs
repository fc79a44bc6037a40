//! The service on Redis while the server is away: it refuses, loses nothing, and goes on when the server is back.

use mock_server::simulation::SimulatedVendors;
use plimsoll::store::redis::RedisStore;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Fixture, LONG, config, start_on, vendor_settings};
use crate::redis_server::Server;

fn lead(number: u32) -> Value {
    json!({ "user": format!("user-{number}@acme.test"), "data": { "email": format!("user-{number}@acme.test") } })
}

/// Submits a lead until it is taken.
async fn taken(service: &Fixture<RedisStore>, lead: &Value) -> String {
    let submitting = async {
        loop {
            let answer = service.lead(lead).await;
            match answer.status {
                200 | 202 => return answer.json()["id"].as_str().unwrap().to_owned(),
                503 => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
                other => panic!("{other}: {answer:?}"),
            }
        }
    };
    tokio::time::timeout(LONG, submitting).await.expect("the service takes leads again")
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_leads_are_refused_and_nothing_is_lost() {
    let Some(mut server) = Server::start() else { return };
    let vendors = SimulatedVendors::start(vendor_settings()).await.unwrap();
    let dir = TempDir::new().unwrap();
    let config = config(&dir, Some(&vendors), "", "");
    let store = RedisStore::open(&server.settings()).await.unwrap();
    let service = start_on(store, dir, &config).await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(taken(&service, &lead(number)).await);
    }
    // In the middle of the work.
    server.kill();
    assert_eq!(service.lead(&lead(20)).await.status, 503);
    assert_eq!(service.get("/health/ready").await.status, 503);
    assert_eq!(service.get("/health/live").await.status, 200, "a restart would not help");
    server.restart();
    ids.push(taken(&service, &lead(20)).await);
    for id in &ids {
        let known = service.get(&format!("/leads/{id}")).await;
        assert_eq!(known.status, 200, "{id} was acknowledged: {known:?}");
        assert_eq!(known.json()["operations"].as_array().unwrap().len(), 3);
    }
    // What was in hand when the server went waits until its lease is over; what came after does not wait for it.
    service.until(&format!("/leads/{}", ids[20]), |lead| lead["status"] == "delivered").await;
    service.stop().await;
    vendors.shutdown().await;
}
