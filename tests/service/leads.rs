//! Intake, and where leads are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mock_server::simulation::SimulatedVendors;
use plimsoll::outcome::Vendor;
use plimsoll::resilience::{Operation, StoreError, UnixMillis, lead_key};
use plimsoll::store::{Acceptance, Bounds, Enrichment, LeadRecord, LeadStore, NewLead, Recorded};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{config, held, held_in, start, start_on, vendor_settings};
use crate::memory_store::MemoryStore;

fn ada() -> Value {
    json!({"user": "ada@acme.test", "data": {"email": "ada@acme.test", "plan": "pro"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_reaches_both_vendors_with_its_keys_and_its_history_says_so() {
    let vendors = SimulatedVendors::start(vendor_settings()).await.unwrap();
    let service = start(Some(&vendors), "", "").await;
    let accepted = service.lead(&ada()).await;
    assert_eq!((accepted.status, &accepted.json()["status"]), (202, &json!("accepted")), "{accepted:?}");
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    let lead = service.until(&format!("/leads/{id}"), |lead| lead["status"] == "delivered").await;
    let kinds: Vec<_> = lead["operations"].as_array().unwrap().iter().map(|operation| operation["kind"].clone()).collect();
    assert_eq!(kinds, ["enrich", "identify", "track"]);
    assert_eq!(lead["operations"][0]["settled"]["source"], "vendor");

    let rows = vendors.clay().rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].submitted.text("plimsoll_lead"), Some(id.clone()));
    assert_eq!(json!(rows[0].submitted.text("idempotency_key")), lead["operations"][0]["key"]);
    assert!(vendors.customer_io().customer("ada@acme.test").is_some());
    assert_eq!(vendors.customer_io().events("ada@acme.test").len(), 1);

    let places = service.get("/places").await.lines();
    assert_eq!(places.len(), 3);
    assert!(places.iter().all(|place| place["place"] == "delivered" && place["lead"] == json!(id) && place["attempts"] == 1));
    service.stop().await;
    vendors.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_known_by_its_content_or_its_key_also_after_a_restart() {
    let service = held("").await;
    let first = service.lead(&ada()).await.json();
    let reordered = r#"{ "data": {"plan":"pro","email":"ada@acme.test"}, "user": "ada@acme.test" }"#;
    let key = [("content-type", "application/json"), ("idempotency-key", "order 17")];
    let keyed = service.send("POST", "/leads", &key, ada().to_string()).await;
    assert_eq!(keyed.status, 202, "another lead, for it has a key of its own");
    assert_eq!(service.lead(&json!({"user": "bob", "data": {}})).await.status, 202);
    for _ in 0..2 {
        assert_eq!(service.get("/leads/order%2017").await.json()["id"], keyed.json()["id"]);
        let copy = service.raw_lead(reordered).await;
        assert_eq!((copy.status, copy.json()), (200, json!({"id": first["id"], "status": "duplicate"})));
    }
    let again = held_in(service.stop().await, "").await;
    assert_eq!(again.raw_lead(reordered).await.status, 200);
    assert_eq!(
        again.send("POST", "/leads", &key, reordered).await.json(),
        json!({"id": keyed.json()["id"], "status": "duplicate"})
    );
    // Called a duplicate, this lead would be lost, and its submitter would not know.
    let other = again.send("POST", "/leads", &key, "{\"user\":\"x\",\"data\":{}}").await;
    assert_eq!((other.status, &other.json()["errors"][0]["field"]), (422, &json!("Idempotency-Key")));
    let stats = again.get("/stats").await.json();
    assert_eq!((&stats["clay"]["queue_depth"], &stats["customer_io"]["queue_depth"]), (&json!(3), &json!(6)));
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_lead_has_is_refused_for_what_is_called_known_would_be_lost() {
    let service = held("").await;
    let key = [("content-type", "application/json"), ("idempotency-key", "order 17")];
    assert_eq!(service.send("POST", "/leads", &key, ada().to_string()).await.status, 202);
    for other in [json!({"user": "bob", "data": ada()["data"]}), json!({"user": "ada@acme.test", "data": {}})] {
        let answer = service.send("POST", "/leads", &key, other.to_string()).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(answer.problem()["field"], "Idempotency-Key");
    }
    assert_eq!(service.send("POST", "/leads", &key, ada().to_string()).await.status, 200);
    assert_eq!(service.get("/places").await.lines().len(), 3);
    let stats = service.get("/stats").await.json();
    assert_eq!((&stats["accepted"], &stats["duplicate"], &stats["refused"]), (&json!(1), &json!(1), &json!(2)));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_that_is_given_is_that_of_another_lead_s_content() {
    let service = held("").await;
    // What anybody can compute who knows what another lead will say: with it, that lead would be answered as a copy of this one.
    let id = lead_key("ada@acme.test", &ada()["data"].clone().into());
    let send = async |key: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        service.send("POST", "/leads", &headers, json!({"user": "bob", "data": {}}).to_string()).await
    };
    assert_eq!(send(id.trim_start_matches("content-")).await.status, 202, "a key as any other");
    let refused = send(&id).await;
    assert_eq!((refused.status, &refused.problem()["field"]), (400, &json!("Idempotency-Key")));
    let ada = service.lead(&ada()).await;
    assert_eq!((ada.status, &ada.json()["id"]), (202, &json!(id)));
    assert_eq!(service.get(&format!("/leads/{id}")).await.json()["user"], "ada@acme.test");
    // Two keys that differ in case are two keys.
    let hex = "ab".repeat(32);
    assert_eq!((send(&hex).await.status, send(&hex.to_uppercase()).await.status), (202, 202));
    service.stop().await;
}

/// The second lead differs from the first in a digit that no double has.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_reach_the_vendors_digit_by_digit_and_tell_leads_apart() {
    let vendors = SimulatedVendors::start(vendor_settings()).await.unwrap();
    let service = start(Some(&vendors), "", "").await;
    let data = |last: u8| format!(r#"{{"far":1e-400,"iccid":8901410321111851072{last},"rate":0.1250}}"#);
    let lead = |last: u8| format!(r#"{{"user":"ada","data":{}}}"#, data(last));
    for last in [0, 1] {
        let accepted = service.raw_lead(lead(last)).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        let id = accepted.json()["id"].as_str().unwrap().to_owned();
        service.until(&format!("/leads/{id}"), |lead| lead["status"] == "delivered").await;
        let shown = service.get(&format!("/leads/{id}")).await.text;
        assert!(shown.contains(&data(last)), "{shown}");
    }
    let another_form = lead(1).replace("0.1250", "125e-3").replace("89014103211118510721", "89014103211118510721.0");
    assert_eq!(service.raw_lead(another_form).await.status, 200);
    let key = [("content-type", "application/json"), ("idempotency-key", "order 17")];
    assert_eq!(service.send("POST", "/leads", &key, lead(2)).await.status, 202);
    assert_eq!(service.send("POST", "/leads", &key, lead(3)).await.status, 422, "another lead under the same key");
    let rows: Vec<String> = vendors.clay().rows().iter().map(|row| row.submitted.to_string()).collect();
    for last in [0, 1] {
        let members = data(last);
        assert!(
            rows.iter().any(|row| row.contains(members.trim_matches(['{', '}']).split(",\"rate").next().unwrap())),
            "{rows:?}"
        );
    }
    let events: Vec<String> = vendors.customer_io().events("ada").iter().map(|event| event.data.to_string()).collect();
    assert!(events.contains(&data(0)) && events.contains(&data(1)), "{events:?}");
    assert_eq!(vendors.customer_io().customer("ada").unwrap().attributes["rate"].get(), "0.1250");
    service.stop().await;
    vendors.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_decoded_within_the_limit_or_refused() {
    let service = held("[limits]\nbody_bytes = 20000").await;
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let send = async |encoding: &str, body: Vec<u8>| {
        service.send("POST", "/leads", &[("content-type", "application/json"), ("content-encoding", encoding)], body).await
    };
    let lead = ada().to_string();
    assert_eq!(send("gzip", gzip(&lead)).await.status, 202);
    assert_eq!(service.lead(&ada()).await.status, 200, "it is the same lead");
    let unknown = send("br", gzip(&lead)).await;
    assert_eq!((unknown.status, &unknown.problem()["field"]), (415, &json!("Content-Encoding")));
    assert_eq!(send("gzip", lead.into_bytes()).await.status, 400, "it is no gzip");
    assert_eq!(send("gzip", gzip(&" ".repeat(1_000_000))).await.status, 413);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_an_answer_for_each_line_and_bad_lines_do_no_harm() {
    let service = held("").await;
    let lines = [
        r#"{"user":"a","data":{}}"#,
        "",
        r#"{"user":"b","data":{},"colour":1}"#,
        r#"{"user":"c","data":{"x":1,"x":2}}"#,
        r#"{"user":"d","data":{}}"#,
        r#"{"data":{},"user":"a"}"#,
    ];
    let answer = service.batch(lines.join("\n")).await;
    assert_eq!(answer.status, 202);
    let answers = answer.lines();
    let seen: Vec<_> = answers.iter().map(|line| (line["line"].as_u64().unwrap(), line["status"].as_str().unwrap())).collect();
    assert_eq!(seen, [(1, "accepted"), (3, "refused"), (4, "refused"), (5, "accepted"), (6, "duplicate")]);
    assert!(answers[1]["errors"][0]["message"].as_str().unwrap().contains("no field `colour`"));
    assert_eq!((&answers[2]["errors"][0]["line"], &answers[2]["errors"][0]["column"]), (&json!(4), &json!(29)));
    assert_eq!(answers[0]["id"], answers[4]["id"]);
    assert_eq!(service.get("/places").await.lines().len(), 6);

    assert_eq!(service.batch(lines[0]).await.status, 200, "all known");
    assert_eq!(service.batch(lines[2]).await.status, 422, "all refused");
    assert_eq!(service.batch("\n \n").await.status, 422);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_long_is_refused_whole() {
    let service = held("[limits]\nbatch_leads = 2").await;
    let line = |user: u32| format!("{{\"user\":\"u{user}\",\"data\":{{}}}}\n");
    let answer = service.batch((0..3).map(line).collect::<String>()).await;
    assert_eq!(answer.status, 413);
    assert!(answer.problem()["message"].as_str().unwrap().contains("at most 2 leads"));
    assert_eq!(service.get("/places").await.text, "");
    let keyed = [("content-type", "application/x-ndjson"), ("idempotency-key", "one")];
    assert_eq!(service.send("POST", "/leads", &keyed, line(1)).await.status, 400);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_intake_and_says_when_to_come_again() {
    let service = held("[resilience.clay.queue]\ncapacity = 2").await;
    assert_eq!(service.get("/health/ready").await.status, 200);
    let line = |user: u32| format!("{{\"user\":\"u{user}\",\"data\":{{}}}}\n");
    assert_eq!(service.raw_lead(line(1)).await.status, 202);
    let full = service.raw_lead(line(2)).await;
    assert_eq!(full.status, 503, "its two operations at Customer.io have no room");
    assert_eq!(full.headers["retry-after"], "5");
    let batch = service.batch(line(1) + &line(3)).await;
    assert_eq!((batch.status, batch.lines()[1]["status"].as_str()), (200, Some("full")));
    let ready = service.get("/health/ready").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text.contains("the queue of Customer.io is full: 2 of 2"), "{ready:?}");
    assert_eq!(service.get("/health/live").await.status, 200, "a full queue is no reason for a restart");
    service.stop().await;
}

/// A store whose commits fail while `broken` is set.
#[derive(Clone)]
struct Breakable {
    inner: MemoryStore,
    broken: Arc<AtomicBool>,
}

impl Breakable {
    fn works(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) { Err(StoreError("database or disk is full".to_owned())) } else { Ok(()) }
    }
}

impl LeadStore for Breakable {
    type Backlog = <MemoryStore as LeadStore>::Backlog;

    fn backlog(&self, vendor: Vendor) -> Self::Backlog {
        self.inner.backlog(vendor)
    }

    async fn accept(&self, leads: Vec<NewLead>, now: UnixMillis) -> Result<Vec<Acceptance>, StoreError> {
        self.works()?;
        self.inner.accept(leads, now).await
    }

    async fn lead(&self, key: &str) -> Result<Option<LeadRecord>, StoreError> {
        self.inner.lead(key).await
    }

    async fn leads(&self, after: Option<&str>, limit: usize) -> Result<Vec<LeadRecord>, StoreError> {
        self.inner.leads(after, limit).await
    }

    async fn enrich(&self, lead: &str, found: Enrichment, follow_up: Vec<Operation>) -> Result<Recorded, StoreError> {
        self.works()?;
        self.inner.enrich(lead, found, follow_up).await
    }

    async fn forget_settled(&self, before: UnixMillis) -> Result<u64, StoreError> {
        self.inner.forget_settled(before).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.works()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_acknowledges_nothing_and_works_again_afterwards() {
    let dir = TempDir::new().unwrap();
    let store = Breakable { inner: MemoryStore::new(Bounds::default()), broken: Arc::new(AtomicBool::new(true)) };
    let broken = Arc::clone(&store.broken);
    let config = config(&dir, None, "", "");
    let service = start_on(store, dir, &config).await;
    let one = service.lead(&ada()).await;
    assert_eq!((one.status, one.headers["retry-after"].to_str().unwrap()), (503, "1"));
    assert!(!one.text.contains("disk is full"), "why is for the operator: {one:?}");
    assert_eq!(service.batch(ada().to_string()).await.status, 503);
    let ready = service.get("/health/ready").await;
    assert!(ready.status == 503 && ready.text.contains("disk is full"), "{ready:?}");
    assert_eq!(service.get("/places").await.text, "", "nothing was kept");

    broken.store(false, Ordering::SeqCst);
    assert_eq!(service.lead(&ada()).await.status, 202);
    service.until("/health/ready", |ready| ready["status"] == "ready").await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_and_places_are_read_page_by_page() {
    let service = held("").await;
    let lines: String = (0..1_000).map(|user| format!("{{\"user\":\"u{user}\",\"data\":{{}}}}\n")).collect();
    assert_eq!(service.batch(lines).await.status, 202);
    let all = service.get("/leads").await.lines();
    let keys: Vec<_> = all.iter().map(|lead| lead["id"].as_str().unwrap().to_owned()).collect();
    assert!(keys.len() == 1_000 && keys.is_sorted(), "each once, by key");
    let page = service.get(&format!("/leads?after={}&limit=3", keys[499])).await.lines();
    assert_eq!(page.iter().map(|lead| lead["id"].as_str().unwrap()).collect::<Vec<_>>(), keys[500..503]);
    assert_eq!(service.get("/places").await.lines().len(), 3_000);
    assert_eq!(service.get("/places?limit=2").await.lines().len(), 6);
    assert_eq!(service.get("/places?limits=2").await.status, 400, "a misspelt parameter is not ignored");
    assert_eq!(service.get(&format!("/leads/{}", "0".repeat(64))).await.status, 404);
    service.stop().await;
}
