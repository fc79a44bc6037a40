//! What a vendor refuses by a limit of its own is counted under that limit, with the setting that lifts it: over the network and
//! in the process.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use bytes::Bytes;
use common::{Client, WEBHOOK, settings};
use http::{Request, StatusCode};
use mock_server::clock::DayClock;
use mock_server::counts::Count;
use mock_server::fault::SimulatedVendor;
use mock_server::settings::{Plan, SimulationSettings, WhenExhausted};
use mock_server::simulation::SimulatedVendors;

/// Room for two rows, credits for none, and what is over them.
fn limited() -> SimulationSettings {
    let mut settings = settings(Vec::new());
    settings.clay.webhook_submissions = 2;
    settings
}

fn without_credits() -> SimulationSettings {
    let mut settings = settings(Vec::new());
    settings.clay.credits.plan = Plan::Credits(0);
    settings.clay.credits.when_exhausted = WhenExhausted::Refuse;
    settings
}

/// Status, what the limit is of, the setting, and how many.
fn limits(counts: &[Count]) -> Vec<(u16, String, Option<String>, u64)> {
    let limit = |count: &Count| {
        let limit = count.limit.clone()?;
        Some((count.status, limit.what.into_owned(), limit.setting.map(Into::into), count.count))
    };
    counts.iter().filter_map(limit).collect()
}

const SUBMISSIONS: &str = "the submissions that a webhook source takes in its life";

#[tokio::test]
async fn over_the_network() {
    let client = Client::new();
    let vendors = SimulatedVendors::start(limited()).await.unwrap();
    for _ in 0..5 {
        client.submit(&vendors.clay_url(), "{}").await.unwrap();
    }
    let large = format!("{{\"note\":\"{}\"}}", "x".repeat(110_000));
    assert_eq!(client.submit(&vendors.clay_url(), large).await.unwrap().status, 413);
    let submissions = (403, SUBMISSIONS.to_owned(), Some("clay.webhook_submissions".to_owned()), 3);
    let size = (413, "its documented limits of sizes".to_owned(), None, 1);
    assert_eq!(limits(&vendors.counts()), [submissions, size]);
    // As the process that a run starts says it.
    let text = serde_json::to_string(&vendors.counts()).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Count>>(&text).unwrap(), vendors.counts());
    let vendors = SimulatedVendors::start(without_credits()).await.unwrap();
    assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 402);
    let credits = (402, "the credits of its plan".to_owned(), Some("clay.credits.plan".to_owned()), 1);
    assert_eq!(limits(&vendors.counts()), [credits]);
}

#[tokio::test(start_paused = true)]
async fn in_the_process() {
    let vendors = SimulatedVendors::in_process(limited(), DayClock::machine(), |_| async { Ok(StatusCode::OK) }).unwrap();
    let clay = vendors.vendor(SimulatedVendor::Clay);
    for _ in 0..3 {
        clay.send(Request::post(WEBHOOK).body(Bytes::from_static(b"{}")).unwrap()).await.unwrap();
    }
    let submissions = (403, SUBMISSIONS.to_owned(), Some("clay.webhook_submissions".to_owned()), 1);
    assert_eq!(limits(&vendors.counts()), [submissions]);
    let customer_io = vendors.vendor(SimulatedVendor::CustomerIo);
    let basic = "Basic c2ltdWxhdGVkLXNpdGU6c2ltdWxhdGVkLWN1c3RvbWVyLWlvLWtleQ==";
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(101));
    for body in ["{}".to_owned(), long] {
        let request = Request::post("/api/v1/customers/ada/events").header("authorization", basic);
        let answered = customer_io.send(request.body(Bytes::from(body)).unwrap()).await.unwrap();
        assert_eq!(answered.head.status, 400, "a name is required, and one of at most 100 characters");
    }
    let last = limits(&vendors.counts()).pop().unwrap();
    assert_eq!(last, (400, "its documented limits of sizes".to_owned(), None, 1), "what is merely wrong is not over a limit");
}
