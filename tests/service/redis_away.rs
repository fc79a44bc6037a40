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

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_wiped_is_said_everywhere_and_begun_anew_by_a_restart_only() {
    let Some(server) = Server::start() else { return };
    let dir = TempDir::new().unwrap();
    let config = config(&dir, None, "", "");
    let store = RedisStore::open(&server.live_settings()).await.unwrap();
    let service = start_on(store, dir, &config).await;
    assert_eq!(service.lead(&lead(1)).await.status, 202);
    server.by_hand(&[&["FLUSHALL"]]).await;
    let says_why = |text: &str| {
        for words in ["wiped", "restart the service", "leads that are not settled: 1"] {
            assert!(text.contains(words), "no {words:?} in {text}");
        }
    };
    let refused = service.lead(&lead(2)).await;
    assert_eq!(refused.status, 503);
    says_why(refused.problem()["message"].as_str().unwrap());
    let ready = service.get("/health/ready").await;
    assert_eq!(ready.status, 503);
    says_why(ready.json()["reasons"][0].as_str().unwrap());
    assert_eq!(service.get("/stats").await.json()["ready"], false);
    assert_eq!(service.get("/health").await.json()["ready"], false);
    let metrics = service.get("/metrics").await.text;
    assert!(metrics.contains("plimsoll_ready 0") && metrics.contains("plimsoll_store_clock_skew_seconds"), "{metrics}");
    assert_eq!(service.get("/health/live").await.status, 200, "a restart is for a person to decide");
    // It has one store, and another service another: the first goes on refusing.
    let store = RedisStore::open(&server.live_settings()).await.unwrap();
    let anew = start_on(store, TempDir::new().unwrap(), &config).await;
    assert_eq!(anew.lead(&lead(2)).await.status, 202);
    assert_eq!(service.lead(&lead(3)).await.status, 503);
    anew.stop().await;
    service.stop().await;
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
    let store = RedisStore::open(&server.live_settings()).await.unwrap();
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
