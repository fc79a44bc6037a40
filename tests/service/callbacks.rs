//! Clay's callbacks: signed, repeated, forged, and for unknown leads.

use hmac::{Hmac, Mac};
use mock_server::fault::{Fault, FaultKind, SimulatedVendor, WebhookFault};
use mock_server::simulation::SimulatedVendors;
use plimsoll::outcome::Vendor;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::fixture::{Answer, Fixture, SECRET, held, start, vendor_settings};

fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digest}")
}

async fn call_back(service: &Fixture, body: &Value) -> Answer {
    let text = body.to_string();
    let signature = signature(SECRET, &text);
    service.send("POST", "/callbacks/clay", &[("x-clay-signature", &signature)], text).await
}

/// A lead that waits, and its row as Clay would send it back.
async fn waiting(service: &Fixture) -> (String, Value) {
    let id = service.lead(&json!({"user": "ada", "data": {"email": "ada@acme.test"}})).await.json()["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    let lead = service.get(&format!("/leads/{id}")).await.json();
    let key = lead["operations"][0]["key"].clone();
    let row = json!({
        "id": "r_1",
        "status": "enriched",
        "submitted": {"email": "ada@acme.test", "plimsoll_lead": id, "idempotency_key": key},
        "enriched": {"title": "CTO", "phone": null},
    });
    (id, row)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clay_finds_is_kept_and_told_to_customer_io_however_often_it_calls() {
    let mut settings = vendor_settings();
    let twice = FaultKind::Webhook { how: WebhookFault::Twice };
    settings.faults = vec![Fault { vendor: Some(SimulatedVendor::Clay), ..Fault::new("twice", twice) }];
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    vendors.start_timetable();
    let service = start(Some(&vendors), "", "").await;
    let data = json!({"email": "ada@acme.test", "callback_url": format!("{}/callbacks/clay", service.url)});
    let id = service.lead(&json!({"user": "ada", "data": data})).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/leads/{id}");
    let lead =
        service.until(&path, |lead| lead["operations"].as_array().unwrap().len() == 4 && lead["status"] == "delivered").await;
    assert_eq!((&lead["enrichments"][0]["source"], lead["enrichments"].as_array().unwrap().len()), (&json!("vendor"), 1));
    let title = lead["enrichments"][0]["data"]["title"].clone();
    let customer = vendors.customer_io().customer("ada").unwrap();
    let attributes = serde_json::to_value(&customer).unwrap()["attributes"].clone();
    assert_eq!((&attributes["title"], &attributes["enriched_by"]), (&title, &json!("vendor")));
    let left = service.running.stats().vendors[Vendor::Clay].credits_left;
    assert_eq!(left, Some(500 - vendors.clay().credits().charged), "the budget knows what it did cost");
    let metrics = service.get("/metrics").await.text;
    assert!(metrics.contains("plimsoll_callbacks_total{outcome=\"recorded\"} 1"), "{metrics}");
    service.stop().await;
    vendors.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_callback_changes_nothing_and_is_answered_200() {
    let service = held("").await;
    let (id, row) = waiting(&service).await;
    let first = call_back(&service, &row).await;
    assert_eq!((first.status, &first.json()["status"]), (200, &json!("recorded")));
    let after = service.get(&format!("/leads/{id}")).await.json();
    let follow_up = &after["operations"][3];
    assert_eq!((&follow_up["kind"], &follow_up["place"]), (&json!("identify"), &json!("queued")));
    for _ in 0..3 {
        let replayed = call_back(&service, &row).await;
        assert_eq!((replayed.status, &replayed.json()["status"]), (200, &json!("repeated")));
    }
    assert_eq!(service.get(&format!("/leads/{id}")).await.json(), after);
    // A table whose columns stand at the top of the body, and one that found nothing.
    let top = json!({"plimsoll_lead": id, "title": "CEO"});
    assert_eq!(call_back(&service, &top).await.json()["status"], "recorded");
    let nothing = json!({"status": "not_found", "submitted": row["submitted"], "enriched": null});
    assert_eq!(call_back(&service, &nothing).await.json()["status"], "nothing found");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_signature_is_refused_whatever_the_body_says() {
    let service = held("").await;
    let (id, row) = waiting(&service).await;
    let before = service.get(&format!("/leads/{id}")).await.json();
    let text = row.to_string();
    let right = signature(SECRET, &text);
    let changed = text.replace("CTO", "CEO");
    for (given, body) in [
        (Some(signature("another secret", &text)), &text),
        (Some(right.clone()), &changed),
        (Some(right[..right.len() - 2].to_owned()), &text),
        (Some(right.replace("sha256=", "")), &text),
        (Some("sha256=zz".to_owned()), &text),
        (None, &text),
    ] {
        let headers: Vec<_> = given.iter().map(|given| ("x-clay-signature", given.as_str())).collect();
        let answer = service.send("POST", "/callbacks/clay", &headers, body.clone()).await;
        assert_eq!(answer.status, 401, "{given:?}: {answer:?}");
        assert!(!answer.text.contains(SECRET));
    }
    assert_eq!(service.get(&format!("/leads/{id}")).await.json(), before);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_for_an_unknown_lead_is_404() {
    let service = held("").await;
    let (_, row) = waiting(&service).await;
    let mut unknown = row.clone();
    unknown["submitted"]["plimsoll_lead"] = json!("ab".repeat(32));
    assert_eq!(call_back(&service, &unknown).await.status, 404);
    let mut of_another = row.clone();
    of_another["submitted"]["idempotency_key"] = json!("cd".repeat(32));
    assert_eq!(call_back(&service, &of_another).await.status, 404, "its row was made by another operation");
    assert_eq!(call_back(&service, &json!({"enriched": {"title": "CTO"}})).await.status, 422);
    assert_eq!(call_back(&service, &json!([])).await.status, 422);
    let text = "{";
    let signed = signature(SECRET, text);
    assert_eq!(service.send("POST", "/callbacks/clay", &[("x-clay-signature", &signed)], text).await.status, 400);
    service.stop().await;
}
