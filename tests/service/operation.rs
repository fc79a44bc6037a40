//! What an operator reads and does: health, metrics, events, dead letters, breakers, the token.

use std::collections::BTreeMap;

use mock_server::simulation::SimulatedVendors;
use plimsoll::outcome::Vendor;
use plimsoll::service::Stats;
use serde_json::{Value, json};

use crate::fixture::{held, start, vendor_settings};

/// A page of OpenMetrics text: the value of each sample by its name and labels. Panics at what a scraper would refuse.
fn parse(page: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut types = BTreeMap::new();
    let body = page.strip_suffix("# EOF\n").expect("the page ends with # EOF");
    for line in body.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (family, kind) = declared.split_once(' ').unwrap();
            assert!(types.insert(family.to_owned(), kind.to_owned()).is_none(), "declared twice: {line}");
        } else if !line.starts_with('#') {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let owner = types.iter().find(|(family, kind)| {
                let suffixes: &[&str] = match kind.as_str() {
                    "counter" => &["_total"],
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                suffixes.iter().any(|suffix| format!("{family}{suffix}") == name)
            });
            assert!(owner.is_some(), "no family was declared for {line}");
            if let Some(labels) = sample.strip_prefix(name).filter(|labels| !labels.is_empty()) {
                let inner = labels.strip_prefix('{').and_then(|labels| labels.strip_suffix('}')).unwrap();
                assert!(inner.split("\",").all(|label| label.contains("=\"")), "{line}");
            }
            assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "there twice: {line}");
        }
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_what_a_scraper_reads_and_say_what_happened() {
    let vendors = SimulatedVendors::start(vendor_settings()).await.unwrap();
    let service = start(Some(&vendors), "", "").await;
    for user in ["a", "b", "b"] {
        service.lead(&json!({"user": user, "data": {"email": format!("{user}@acme.test")}})).await;
    }
    service.raw_lead("{").await;
    // An operation is delivered, then out of the queue: whoever asks in between sees it twice.
    let settled = |vendor: &Value, count: u64| vendor["leads"]["delivered"] == count && vendor["queue_depth"] == 0;
    service.until("/stats", |stats| settled(&stats["clay"], 2) && settled(&stats["customer_io"], 4)).await;
    let answer = service.get("/metrics").await;
    assert_eq!(answer.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let samples = parse(&answer.text);
    for (sample, value) in [
        ("clay_queue_depth", 0.0),
        ("customer_io_queue_depth", 0.0),
        ("plimsoll_leads_total{outcome=\"accepted\"}", 2.0),
        ("plimsoll_leads_total{outcome=\"duplicate\"}", 1.0),
        ("plimsoll_leads_total{outcome=\"refused\"}", 1.0),
        // Each may cost 12, until a callback says what it did cost.
        ("plimsoll_clay_credits_left", 476.0),
        ("plimsoll_clay_credits_reserved", 24.0),
        ("plimsoll_breaker_state{vendor=\"clay\",guard=\"circuit_breaker\",state=\"CLOSED\"}", 1.0),
        ("plimsoll_breaker_state{vendor=\"clay\",guard=\"circuit_breaker\",state=\"OPEN\"}", 0.0),
        ("plimsoll_attempt_duration_seconds_count{route=\"customer_io.identify\"}", 2.0),
        ("plimsoll_intake_duration_seconds_count", 4.0),
        ("plimsoll_ready", 1.0),
    ] {
        assert_eq!(samples.get(sample), Some(&value), "{sample} in {}", answer.text);
    }
    let identified = samples.iter().find(|(name, _)| name.contains("customer_io.identify") && name.contains("\"2xx\""));
    assert_eq!(identified.map(|(_, count)| *count), Some(2.0), "{}", answer.text);
    let infinity = samples.iter().find(|(name, _)| name.starts_with("plimsoll_intake") && name.contains("+Inf"));
    assert_eq!(infinity.map(|(_, count)| *count), Some(4.0));

    let stats: Stats = serde_json::from_str(&service.get("/stats").await.text).unwrap();
    assert_eq!((stats.accepted, stats.duplicate, stats.refused, stats.vendors[Vendor::Clay].credits_left), (2, 1, 1, Some(476)));
    let health = service.get("/health").await.json();
    assert_eq!(health["healthy"], true);
    let clay = &health["vendors"]["clay"];
    assert_eq!((&clay["circuit"], &clay["queue_depth"], &clay["last_failure"]), (&json!("CLOSED"), &json!(0), &json!(null)));
    assert!(clay["latency_ms"].as_f64().unwrap() > 0.0 && clay["last_success"].as_str().unwrap().ends_with('Z'), "{clay}");
    service.stop().await;
    vendors.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_is_down_makes_the_service_neither_dead_nor_unready() {
    let service = start(None, "", "[resilience.customer_io.breaker]\nfailures = 1").await;
    assert_eq!(service.lead(&json!({"user": "a", "data": {}})).await.status, 202);
    // The breaker hears of a failure before the health check does.
    let down = |vendor: &Value| vendor["circuit"] == "OPEN" && vendor["grade"] == "unhealthy";
    let health = service.until("/health", |health| down(&health["vendors"]["customer_io"])).await;
    assert_eq!(health["healthy"], false);
    assert_eq!(service.get("/health/live").await.status, 200);
    assert_eq!(service.get("/health/ready").await.status, 200);
    let events = service.get("/events").await.lines();
    let opened = events.iter().find(|event| event["event"] == "transition").unwrap();
    assert_eq!((&opened["vendor"], &opened["to"]), (&json!("customer_io"), &json!("OPEN")));
    let clock = service.get("/clock").await.json()["elapsed_us"].as_u64().unwrap();
    assert!(opened["at_us"].as_u64().unwrap() <= clock);
    assert_eq!(service.get("/events?after=1000").await.text, "");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_brought_back_by_hand() {
    let mut settings = vendor_settings();
    settings.clay.webhook_id = "another".to_owned();
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    let service = start(Some(&vendors), "", "").await;
    let id = service.lead(&json!({"user": "a", "data": {"email": "a@acme.test"}})).await.json()["id"].clone();
    let path = format!("/leads/{}", id.as_str().unwrap());
    let dead = service.until(&path, |lead| lead["status"] == "dead_lettered").await;
    let attempt = &dead["operations"][0]["attempts"][0];
    assert_eq!((&attempt["cause"], &attempt["status"]), (&json!("client_error"), &json!(404)));
    let redriven = service.send("POST", "/admin/redrive", &[], "").await.json();
    assert_eq!((&redriven["clay"]["moved"], &redriven["customer_io"]["moved"]), (&json!(1), &json!(0)));
    service.until(&path, |lead| lead["status"] == "dead_lettered" && lead["operations"][0]["redrives"] == 1).await;
    service.stop().await;
    vendors.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn breakers_are_set_by_hand() {
    let service = held("").await;
    for (mode, state) in
        [("reset", "CLOSED"), ("disabled", "DISABLED"), ("metrics_only", "METRICS_ONLY"), ("forced_open", "FORCED_OPEN")]
    {
        let answer = service.send("POST", "/admin/breakers/clay", &[], json!({ "mode": mode }).to_string()).await;
        assert_eq!((answer.status, &answer.json()["state"]), (200, &json!(state)), "{answer:?}");
        assert_eq!(service.get("/stats").await.json()["clay"]["breaker"], state);
    }
    for (vendor, body, status, says) in [
        ("clay", r#"{"mode":"forced"}"#, 422, "did you mean `forced_open`?"),
        ("clay", r#"{"state":"open"}"#, 422, "there is no field `state`"),
        ("clay", "{}", 422, "`mode` is missing"),
        ("clay", "{", 400, "EOF"),
        ("klay", "{}", 404, "did you mean `clay`?"),
    ] {
        let answer = service.send("POST", &format!("/admin/breakers/{vendor}"), &[], body).await;
        assert!(answer.status == status && answer.text.contains(says), "{vendor} {body}: {answer:?}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_and_never_told() {
    let service = start(None, "token = { env = \"TOKEN\" }", "").await;
    let right = [("authorization", "Bearer right"), ("content-type", "application/json")];
    let wrong = [("authorization", "Bearer wrong"), ("content-type", "application/json")];
    let lead = r#"{"user":"a","data":{}}"#;
    assert_eq!(service.send("POST", "/leads", &right, lead).await.status, 202);
    for (method, path) in [
        ("POST", "/leads"),
        ("GET", "/leads"),
        ("GET", "/places"),
        ("GET", "/metrics"),
        ("GET", "/stats"),
        ("GET", "/events"),
        ("GET", "/health"),
        ("POST", "/admin/redrive"),
        ("POST", "/admin/breakers/clay"),
    ] {
        let answer = service.send(method, path, &wrong, lead).await;
        assert_eq!(answer.status, 401, "{method} {path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert!(!answer.text.contains("right"));
    }
    assert_eq!(service.get("/health/live").await.status, 200);
    assert_eq!(service.get("/health/ready").await.status, 200);
    assert_eq!(service.send("POST", "/callbacks/clay", &[], "{}").await.status, 401, "a callback has its signature");
    service.stop().await;
}
