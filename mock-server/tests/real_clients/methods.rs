//! Every method that the clients have for an endpoint of the simulated vendor, and what it leaves behind.

use mock_server::ledger::Entry;
use mock_server::simulated::Vendor;
use mock_server::simulation::SimulatedVendors;
use serde_json::{Value, json};

use crate::harness::{Client, Outcome, are_installed, vendors};

const ULID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// A case for each of a client's parts, over both schemes where it can speak both.
fn case(vendors: &SimulatedVendors, client: &str, tls: bool, path: &str, calls: Value) -> Value {
    let url = vendors.customer_io_url();
    let url = if tls { url.replace("http://", "https://") } else { url };
    let key = match client {
        "track" => "simulated-site:simulated-customer-io-key",
        "app" => "simulated-customer-io-app-key",
        _ => "simulated-customer-io-write-key",
    };
    json!({ "case": client, "client": client, "url": format!("{url}{path}"), "key": key, "calls": calls })
}

fn succeeded<'a>(outcome: &'a Outcome, calls: &Value) -> &'a [Value] {
    assert!(outcome.error.is_none(), "{}: call {}: {:?}", outcome.case, outcome.answers.len() + 1, outcome.error);
    assert_eq!(outcome.answers.len(), calls.as_array().unwrap().len());
    &outcome.answers
}

/// Everything that any request changed, in order.
fn effects(vendors: &SimulatedVendors) -> Vec<String> {
    let entries = vendors.ledger().entries();
    let of = |entry: &Entry| entry.effects.iter().map(|effect| effect.what.clone().into_owned()).collect::<Vec<_>>();
    entries.iter().flat_map(|entry| of(entry)).collect()
}

async fn node_track(tls: bool) {
    let vendors = vendors(Vec::new()).await;
    let calls = json!([
        ["identify", "ada", { "email": "ada@example.com", "plan": "pro" }],
        ["identify", "a/b c@é", {}],
        ["track", "ada", { "name": "signed_up", "id": ULID, "data": { "plan": "pro" } }],
        ["track", "ada", { "name": "signed_up", "id": ULID, "data": { "plan": "pro" } }],
        ["trackPageView", "ada", "/pricing"],
        ["trackAnonymous", "cookie", { "name": "looked" }],
        ["trackAnonymous", "", { "name": "invited", "data": { "recipient": "eve@example.com" } }],
        ["trackPush", { "delivery_id": "d1", "event": "opened", "device_id": "t1", "timestamp": 1 }],
        ["addDevice", "ada", "t1", "ios", { "last_used": 7, "app_version": "2" }],
        ["addDevice", "ada", "t2", "android"],
        ["deleteDevice", "ada", "t2"],
        ["batch", [
            { "type": "person", "action": "identify", "identifiers": { "id": "bob" } },
            { "type": "person", "action": "dance", "identifiers": { "id": "bob" } },
        ]],
        ["entity", { "type": "person", "action": "event", "identifiers": { "id": "bob" }, "name": "paid" }],
        ["mergeCustomers", "id", "ada", "id", "bob"],
        ["addCustomersToSegment", 7, ["ada", "zoe"]],
        ["removeCustomersFromSegment", 7, ["zoe"]],
        ["submitForm", "contact", { "email": "ivy@example.com", "city": "Rome" }],
        ["reportMetric", { "delivery_id": "d1", "metric": "clicked" }],
        ["unsubscribe", "d1", true],
        ["getAccountRegion"],
        ["destroy", "zoe"],
        ["suppress", "ivy@example.com"],
        ["unsuppress", "ivy@example.com"],
    ]);
    let outcomes = Client::Node.run(&vendors, &[case(&vendors, "track", tls, "/api/v1", calls.clone())]).await;
    let answers = succeeded(&outcomes["track"], &calls);
    assert_eq!(answers[11]["errors"][0]["batch_index"], 1);
    assert_eq!(answers[19], json!({ "url": "https://track.customer.io", "region": "us", "environment_id": 1 }));
    let expected = [
        "customer.identified",
        "customer.identified",
        "event.recorded",
        "event.recorded",
        "anonymous_event.recorded",
        "anonymous_event.recorded",
        "metric.recorded",
        "device.added",
        "device.added",
        "device.deleted",
        "customer.identified",
        "event.recorded",
        "customers.merged",
        "segment.customers_added",
        "segment.customers_removed",
        "customer.identified",
        "event.recorded",
        "metric.recorded",
        "customer.deleted",
        "customer.suppressed",
        "customer.unsuppressed",
    ];
    assert_eq!(effects(&vendors), expected);
    let workspace = vendors.customer_io();
    let ada = workspace.customer("ada").unwrap();
    assert_eq!(
        (ada.devices.len(), &json!(ada.devices[0])["id"], &json!(ada.devices[0])["last_used"]),
        (1, &json!("t1"), &json!(7))
    );
    assert_eq!(json!(ada.devices[0])["attributes"], json!({ "app_version": "2" }));
    let names: Vec<String> = workspace.events("ada").into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["signed_up", "/pricing", "paid"]);
    assert!(workspace.customer("a/b c@é").is_some());
    assert_eq!(json!(workspace.section("segments").unwrap()), json!([{ "id": "7", "customers": ["ada"] }]));
    vendors.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_client_tracks_over_plain_http() {
    if are_installed() {
        node_track(false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_client_tracks_over_tls() {
    if are_installed() {
        node_track(true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_client_sends_messages_and_pipelines() {
    if !are_installed() {
        return;
    }
    let vendors = vendors(Vec::new()).await;
    let to_ada = json!({ "identifiers": { "id": "ada" }, "transactional_message_id": 3, "to": "ada@example.com" });
    // One process, one after another: what the second case looks up, the first has left.
    let pipelines = json!([
        ["identify", { "userId": "ada", "anonymousId": "cookie", "traits": { "email": "ada@example.com", "plan": "pro" } }],
        ["track", { "userId": "ada", "event": "bought", "properties": { "n": 1 } }],
        ["page", { "userId": "ada", "name": "Pricing" }],
        ["screen", { "userId": "ada", "name": "Home" }],
        ["group", { "userId": "ada", "groupId": "acme", "traits": { "seats": 3 } }],
        ["identify", { "userId": "old" }],
        ["alias", { "userId": "ada", "previousId": "old" }],
        ["batch", [{ "type": "track", "userId": "ada", "event": "left" }, { "type": "identify", "userId": "bob" }]],
    ]);
    let outcomes = Client::Node.run(&vendors, &[case(&vendors, "pipelines", true, "/v1", pipelines.clone())]).await;
    succeeded(&outcomes["pipelines"], &pipelines);
    let workspace = vendors.customer_io();
    let names: Vec<String> = workspace.events("ada").into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["bought", "Pricing", "Home", "left"]);
    assert!(workspace.customer("bob").is_some() && workspace.customer("old").is_none());
    assert_eq!(json!(workspace.section("objects").unwrap())[0]["customers"], json!(["ada"]));

    let app = json!([
        ["sendEmail", { "$email": to_ada }],
        ["sendPush", { "$push": to_ada }],
        ["sendSMS", { "$sms": to_ada }],
        ["sendWhatsApp", { "$whatsapp": to_ada }],
        ["sendInboxMessage", { "$inbox": to_ada }],
        ["sendInApp", { "$inApp": to_ada }],
        ["triggerBroadcast", 12, { "headline": "News" }, { "segment": { "id": 7 } }],
        ["triggerBroadcast", 12, {}, { "ids": ["ada", "nobody"], "id_ignore_missing": true }],
        ["getCustomersByEmail", "ada@example.com"],
        ["getAttributes", "ada"],
        ["triggerBroadcast", 12, {}, { "ids": ["nobody"] }],
    ]);
    let outcomes = Client::Node.run(&vendors, &[case(&vendors, "app", true, "/v1", app)]).await;
    let outcome = &outcomes["app"];
    assert_eq!(outcome.answers.len(), 10, "{:?}", outcome.error);
    assert_eq!((&outcome.answers[6], &outcome.answers[7]), (&json!({ "id": 1 }), &json!({ "id": 2 })));
    assert_eq!(outcome.answers[8]["results"][0]["id"], "ada");
    assert_eq!(outcome.answers[9]["customer"]["attributes"]["plan"], "pro");
    assert_eq!(outcome.error.as_ref().and_then(|error| error.status), Some(422));
    let section = json!(workspace.section("deliveries").unwrap());
    let deliveries = section.as_array().unwrap();
    let channels: Vec<&Value> = deliveries.iter().map(|delivery| &delivery["channel"]).collect();
    assert_eq!(channels, ["email", "push", "sms", "whatsapp", "inbox_message", "in_app"]);
    for (delivery, answer) in deliveries.iter().zip(&outcome.answers) {
        assert_eq!((&answer["delivery_id"], &delivery["customer"]), (&delivery["id"], &json!("ada")));
        assert_eq!(answer["queued_at"], delivery["queued_at"]);
    }
    assert_eq!(json!(workspace.section("broadcasts").unwrap())[0]["data"], json!({ "headline": "News" }));
    vendors.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_client_tracks_and_sends_messages() {
    if !are_installed() {
        return;
    }
    let vendors = vendors(Vec::new()).await;
    let track = json!([
        ["identify", ["ada"], { "email": "ada@example.com", "plan": "pro" }],
        ["identify", ["a/b c@é"], {}],
        ["track", ["ada", "signed_up", { "plan": "pro" }], { "id": ULID }],
        ["track", ["ada", "signed_up", { "plan": "pro" }], { "id": ULID }],
        ["track_anonymous", ["cookie", "looked", {}], {}],
        ["pageview", ["ada", "/pricing"], {}],
        ["backfill", ["ada", "bought", 1_700_000_000], { "n": 1 }],
        ["add_device", ["ada", "t1", "ios"], {}],
        ["add_device", ["ada", "t2", "android"], { "last_used": 7 }],
        ["delete_device", ["ada", "t2"], {}],
        ["batch", [[{ "type": "person", "action": "identify", "identifiers": { "id": "bob" } }, {}]], {}],
        ["merge_customers", ["id", "ada", "id", "bob"], {}],
        ["identify", ["zoe"], {}],
        ["delete", ["zoe"], {}],
        ["suppress", ["eve"], {}],
        ["unsuppress", ["eve"], {}],
    ]);
    let to_ada = json!({ "identifiers": { "id": "ada" }, "transactional_message_id": 3 });
    let email = json!({ "identifiers": { "id": "ada" }, "transactional_message_id": 3, "to": "ada@example.com" });
    let app = json!([
        ["send_email", [{ "$Email": email }], {}],
        ["send_push", [{ "$Push": to_ada }], {}],
        ["send_sms", [{ "$SMS": to_ada }], {}],
        ["send_whatsapp", [{ "$WhatsApp": to_ada }], {}],
        ["send_inbox_message", [{ "$InboxMessage": to_ada }], {}],
        ["send_in_app", [{ "$InApp": to_ada }], {}],
    ]);
    let cases = [case(&vendors, "track", true, "", track.clone()), case(&vendors, "app", false, "", app.clone())];
    let outcomes = Client::Python.run(&vendors, &cases).await;
    let answers = succeeded(&outcomes["track"], &track);
    assert_eq!((&answers[0]["status"], &answers[0]["body"]), (&json!(200), &json!("{}\n")));
    assert_eq!(answers[10]["status"], 207);
    assert!(succeeded(&outcomes["app"], &app).iter().all(|answer| answer["delivery_id"].is_string()));
    let workspace = vendors.customer_io();
    let names: Vec<String> = workspace.events("ada").into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["signed_up", "/pricing", "bought"]);
    let ada = workspace.customer("ada").unwrap();
    assert_eq!((ada.devices.len(), json!(ada.attributes["plan"])), (1, json!("pro")));
    let mut ids: Vec<String> = workspace.customers().into_iter().map(|customer| customer.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a/b c@é", "ada"]);
    assert_eq!(json!(workspace.section("deliveries").unwrap()).as_array().unwrap().len(), 6);
    vendors.shutdown().await;
}
