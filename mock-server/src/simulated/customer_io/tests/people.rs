//! People, their events, devices and segments, through version 1 of the Track API.

use serde_json::json;

use super::*;
use crate::limit::RateLimit;

const ULID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

#[test]
fn identifying_patches_attributes() {
    let vendor = vendor(|_| {});
    let answer = done(&vendor, "PUT /api/v1/customers/ada", json!({"email": "Ada@example.com", "plan": "free", "age": 36}));
    assert_eq!(effects(&answer), [("customer.identified", "ada")]);
    done(&vendor, "PUT /api/v1/customers/ada", json!({"plan": "pro", "age": null, "city": ""}));
    let ada = vendor.customer("ada").unwrap();
    assert_eq!(json!(ada.attributes), json!({"plan": "pro"}));
    assert_eq!(ada.identifiers.email.as_deref(), Some("Ada@example.com"));
    // Found by each identifier; an address in any case.
    assert_eq!(vendor.customer("ada@EXAMPLE.com"), Some(ada.clone()));
    assert_eq!(vendor.customer(&format!("cio_{}", ada.identifiers.cio_id)), Some(ada));
    assert_eq!(vendor.customers().len(), 1);
}

#[test]
fn an_effect_has_the_other_names_of_its_person() {
    let vendor = vendor(|_| {});
    let named = |path, body| done(&vendor, path, body).effects[0].names.clone();
    let attributes = json!({"id": "7", "email": "ada@example.com", "manager": {"mail": "bob@example.com"}, "note": "@ noon"});
    assert_eq!(named("PUT /api/v1/customers/7", attributes), ["ada@example.com", "bob@example.com"]);
    assert!(named("PUT /api/v1/customers/ada@example.com", json!({"email": "ada@example.com"})).is_empty());
    let event = json!({"name": "bought", "data": {"by": ["ada@example.com"]}});
    assert_eq!(named("POST /api/v1/customers/7/events", event), ["ada@example.com"]);
}

#[test]
fn numbers_are_read_back_digit_by_digit() {
    let vendor = vendor(|_| {});
    let body = r#"{"iccid":89014103211118510721,"n":1.50}"#;
    assert!(ask(&vendor, "PUT /api/v1/customers/ada", body).status.is_success());
    let event = format!("{{\"name\":\"bought\",\"data\":{body}}}");
    assert!(ask(&vendor, "POST /api/v1/customers/ada/events", event).status.is_success());
    for section in ["customers", "events"] {
        assert!(vendor.section(section).unwrap().get().contains(body), "{section}");
    }
    assert_eq!(vendor.events("ada")[0].data.get(), body);
    // An id is known by its value, and by all of its digits.
    for (id, is_ada) in [("89014103211118510720", false), ("89014103211118510721.0", true)] {
        let entity = format!(r#"{{"type":"person","action":"identify","identifiers":{{"id":{id}}}}}"#);
        assert!(ask(&vendor, "POST /api/v2/entity", entity).status.is_success());
        assert_eq!(vendor.customer("89014103211118510721").is_some(), is_ada, "{id}");
    }
}

#[test]
fn people_are_distinguished_by_their_identifiers() {
    let vendor = vendor(|_| {});
    done(&vendor, "PUT /api/v1/customers/ada@example.com", json!({"plan": "pro"}));
    // A new id with a known address: the person gets the id.
    done(&vendor, "PUT /api/v1/customers/ada", json!({"email": "ada@example.com"}));
    assert_eq!(vendor.customers().len(), 1);
    assert_eq!(vendor.customer("ada").unwrap().attributes["plan"], json!("pro"));
    // An address that belongs to somebody else is not taken from them; everything else is set.
    done(&vendor, "PUT /api/v1/customers/bob", json!({"email": "bob@example.com"}));
    done(&vendor, "PUT /api/v1/customers/bob", json!({"email": "ada@example.com", "plan": "free"}));
    let bob = vendor.customer("bob").unwrap();
    assert_eq!((bob.identifiers.email.as_deref(), json!(bob.attributes["plan"])), (Some("bob@example.com"), json!("free")));
    assert_eq!(json!(vendor.section("store").unwrap())["attribute_update_failures"], 1);
    // An id is changed by way of the cio_id alone.
    done(&vendor, "PUT /api/v1/customers/bob@example.com", json!({"id": "robert"}));
    assert_eq!(vendor.customer("bob@example.com").unwrap().id, "bob");
    done(&vendor, &format!("PUT /api/v1/customers/cio_{}", bob.identifiers.cio_id), json!({"id": "robert"}));
    assert_eq!(vendor.customer("bob@example.com").unwrap().id, "robert");
    assert_eq!(vendor.customer("bob"), None);
}

#[test]
fn no_person_is_created_where_that_is_not_allowed() {
    let vendor = vendor(|_| {});
    for (line, body) in [
        ("PUT /api/v1/customers/ada", json!({"_update": true, "plan": "pro"})),
        ("PUT /api/v1/customers/cio_0123456789ab", json!({"plan": "pro"})),
        ("PUT /api/v1/customers/ada", json!({"cio_id": "0123456789ab"})),
        ("POST /api/v1/customers/cio_0123456789ab/events", json!({"name": "a"})),
        ("DELETE /api/v1/customers/ada", json!({})),
        ("DELETE /api/v1/customers/ada/devices/t", json!({})),
        ("POST /api/v1/customers/ada/unsuppress", json!({})),
        ("POST /api/v1/merge_customers", json!({"primary": {"id": "ada"}, "secondary": {"id": "bob"}})),
        ("POST /api/v1/segments/7/remove_customers", json!({"ids": ["ada"]})),
        ("POST /unsubscribe/none", json!({"unsubscribe": true})),
    ] {
        assert_eq!(effects(&done(&vendor, line, body)), [], "{line}");
    }
    assert_eq!(vendor.customers(), []);
    assert_eq!(vendor.all_events(), []);
}

#[test]
fn attributes_of_a_person_are_limited_over_all_requests() {
    let vendor = vendor(|_| {});
    let some = |from: usize, to: usize| (from..to).map(|number| (format!("a{number}"), json!(number))).collect::<Value>();
    done(&vendor, "PUT /api/v1/customers/ada", some(0, 200));
    done(&vendor, "PUT /api/v1/customers/ada", some(200, 305));
    assert_eq!(vendor.customer("ada").unwrap().attributes.len(), 300);
    assert_eq!(json!(vendor.section("store").unwrap())["attribute_update_failures"], 5);
}

#[test]
fn events_create_people_and_are_theirs() {
    let vendor = vendor(|_| {});
    let body = json!({"name": " signed_up ", "id": ULID, "timestamp": 1_700_000_000, "data": {"plan": "pro"}});
    let answer = done(&vendor, "POST /api/v1/customers/ada/events", body);
    assert_eq!(effects(&answer), [("event.recorded", "ada")]);
    assert_eq!(answer.effects[0].id.as_deref(), Some(ULID));
    done(&vendor, "POST /api/v1/customers/ada/events", json!({"name": "/pricing", "type": "page"}));
    done(&vendor, "POST /api/v1/customers/ada/events", json!({"name": "Home", "type": "screen"}));
    done(&vendor, "POST /api/v1/customers/bob/events", json!({"name": "odd", "type": "else"}));
    let events = vendor.events("ada");
    let kinds: Vec<_> = events.iter().map(|event| (event.name.as_str(), event.kind)).collect();
    assert_eq!(kinds, [("signed_up", EventKind::Event), ("/pricing", EventKind::Page), ("Home", EventKind::Screen)]);
    assert_eq!((events[0].timestamp, json!(events[0].data)), (1_700_000_000, json!({"plan": "pro"})));
    assert!(events[1].timestamp > 1_700_000_000 && events[1].data.get() == "null");
    assert_eq!((vendor.events("bob")[0].kind, vendor.all_events().len()), (EventKind::Event, 4));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_again_is_ignored_within_the_window() {
    let vendor = vendor(|settings| settings.deduplication_window = Duration::from_secs(60));
    let track = |customer: &str, id: &str| {
        let answer = done(&vendor, &format!("POST /api/v1/customers/{customer}/events"), json!({"name": "a", "id": id}));
        answer.effects.len()
    };
    assert_eq!([track("ada", ULID), track("ada", ULID), track("ada", &ULID.to_lowercase())], [1, 0, 0]);
    // In a workspace, whomever it is about; and through each API.
    assert_eq!(track("bob", ULID), 0);
    assert_eq!(effects(&done(&vendor, "POST /api/v1/events", json!({"name": "a", "id": ULID}))), []);
    let entity = json!({"type": "person", "action": "event", "identifiers": {"id": "ada"}, "name": "a", "id": ULID});
    assert_eq!(effects(&done(&vendor, "POST /api/v2/entity", entity)), []);
    // Only a valid ULID is one.
    assert_eq!([track("ada", "order-7"), track("ada", "order-7")], [1, 1]);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(track("ada", ULID), 1);
    assert_eq!(vendor.events("ada").len(), 4);
    assert!(vendor.customer("bob").is_none());
    assert_eq!(json!(vendor.section("store").unwrap())["duplicate_events"], 5);
}

#[test]
fn anonymous_events_find_their_person() {
    let vendor = vendor(|_| {});
    let answer = done(&vendor, "POST /api/v1/events", json!({"name": "looked", "anonymous_id": "cookie"}));
    assert_eq!(effects(&answer), [("anonymous_event.recorded", "cookie")]);
    let old = json!({"name": "long_ago", "anonymous_id": "cookie", "timestamp": 1_000_000_000});
    done(&vendor, "POST /api/v1/events", old);
    done(&vendor, "POST /api/v1/events", json!({"name": "invited", "data": {"recipient": "eve@example.com"}}));
    assert_eq!(vendor.events("ada"), []);
    done(&vendor, "PUT /api/v1/customers/ada", json!({"anonymous_id": "cookie"}));
    done(&vendor, "POST /api/v1/events", json!({"name": "bought", "anonymous_id": "cookie"}));
    let names: Vec<_> = vendor.events("ada").into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["looked", "bought"]);
    assert_eq!(vendor.all_events().len(), 4);
}

#[test]
fn the_deleted_are_gone_and_may_come_back() {
    let vendor = vendor(|_| {});
    done(&vendor, "PUT /api/v1/customers/ada", json!({"email": "ada@example.com", "plan": "pro"}));
    done(&vendor, "POST /api/v1/customers/ada/events", json!({"name": "a"}));
    assert_eq!(effects(&done(&vendor, "DELETE /api/v1/customers/ada", json!({}))), [("customer.deleted", "ada")]);
    assert_eq!((vendor.customer("ada"), vendor.customer("ada@example.com"), vendor.all_events().len()), (None, None, 0));
    done(&vendor, "POST /api/v1/customers/ada/events", json!({"name": "b"}));
    let ada = vendor.customer("ada").unwrap();
    assert_eq!((ada.attributes.len(), ada.events, vendor.events("ada")[0].name.as_str()), (0, 1, "b"));
}

#[test]
fn the_suppressed_are_ignored_by_all_of_their_identifiers() {
    let vendor = vendor(|_| {});
    done(&vendor, "PUT /api/v1/customers/ada", json!({"email": "ada@example.com"}));
    let answer = done(&vendor, "POST /api/v1/customers/ada/suppress", json!({}));
    assert_eq!(effects(&answer), [("customer.suppressed", "ada")]);
    for (line, body) in [
        ("POST /api/v1/customers/ada/suppress", json!({})),
        ("PUT /api/v1/customers/ada", json!({"plan": "pro"})),
        ("PUT /api/v1/customers/ADA@example.com", json!({"plan": "pro"})),
        ("PUT /api/v1/customers/eve", json!({"email": "ada@example.com"})),
        ("POST /api/v1/customers/ada/events", json!({"name": "a", "id": ULID})),
        ("PUT /api/v1/customers/ada/devices", json!({"device": {"id": "t", "platform": "ios"}})),
        ("POST /api/v1/segments/7/add_customers", json!({"ids": ["ada"]})),
    ] {
        assert_eq!(effects(&done(&vendor, line, body)), [], "{line}");
    }
    assert_eq!((vendor.customers().len(), vendor.all_events().len()), (0, 0));
    assert_eq!(json!(vendor.section("suppressed").unwrap())[0]["id"], "ada");
    // One identifier frees them all; what was ignored was not remembered.
    done(&vendor, "POST /api/v1/customers/ada@example.com/unsuppress", json!({}));
    let answer = done(&vendor, "POST /api/v1/customers/ada/events", json!({"name": "a", "id": ULID}));
    assert_eq!(effects(&answer), [("event.recorded", "ada")]);
}

#[test]
fn devices_come_and_go() {
    let vendor = vendor(|_| {});
    let device = json!({"device": {"id": "t/1", "platform": "ios", "last_used": 7, "attributes": {"app_version": "2"}}});
    assert_eq!(effects(&done(&vendor, "PUT /api/v1/customers/ada/devices", device)), [("device.added", "ada")]);
    done(&vendor, "PUT /api/v1/customers/ada/devices", json!({"device": {"id": "t/1", "platform": "android"}}));
    let devices = vendor.customer("ada").unwrap().devices;
    assert_eq!((devices.len(), &json!(devices[0])["id"], &json!(devices[0])["platform"]), (1, &json!("t/1"), &json!("android")));
    assert_eq!(json!(vendor.section("devices").unwrap())[0]["customer"], "ada");
    let answer = done(&vendor, "DELETE /api/v1/customers/ada/devices/t%2F1", json!({}));
    assert_eq!(effects(&answer), [("device.deleted", "ada")]);
    assert!(vendor.customer("ada").unwrap().devices.is_empty());
    for (body, part) in [
        (json!({}), "device"),
        (json!({"device": {"platform": "ios"}}), "needs its id"),
        (json!({"device": {"id": "t", "platform": "windows"}}), "ios or android"),
    ] {
        refused(&ask(&vendor, "PUT /api/v1/customers/ada/devices", body.to_string()), part);
    }
}

#[test]
fn merging_fills_what_the_primary_lacks() {
    let vendor = vendor(|_| {});
    done(&vendor, "PUT /api/v1/customers/ada", json!({"plan": "pro"}));
    done(&vendor, "POST /api/v1/customers/ada/events", json!({"name": "first"}));
    done(&vendor, "PUT /api/v1/customers/eve@example.com", json!({"plan": "free", "city": "Rome", "anonymous_id": "cookie"}));
    done(&vendor, "POST /api/v1/customers/eve@example.com/events", json!({"name": "second"}));
    done(&vendor, "POST /api/v1/segments/7/add_customers?id_type=email", json!({"ids": ["eve@example.com"]}));
    let delivery = json!({"identifiers": {"email": "eve@example.com"}, "transactional_message_id": 3});
    done(&vendor, "POST /v1/send/push", delivery);
    let merge = json!({"primary": {"id": "ada"}, "secondary": {"email": "eve@example.com"}});
    assert_eq!(effects(&done(&vendor, "POST /api/v1/merge_customers", merge.clone())), [("customers.merged", "ada")]);
    let ada = vendor.customer("ada").unwrap();
    assert_eq!(json!(ada.attributes), json!({"plan": "pro", "city": "Rome"}));
    assert_eq!((ada.segments, ada.events), (vec![7], 2));
    assert_eq!(vendor.events("ada").iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(list(&vendor, "deliveries")[0]["customer"], "ada");
    assert_eq!((vendor.customers().len(), vendor.customer("eve@example.com")), (1, None));
    done(&vendor, "POST /api/v1/events", json!({"name": "third", "anonymous_id": "cookie"}));
    assert_eq!(vendor.events("ada").len(), 3);
    assert_eq!(effects(&done(&vendor, "POST /api/v1/merge_customers", merge)), []);
}

#[test]
fn a_merge_that_is_wrong_has_one_error() {
    for body in [
        json!({}),
        json!({"primary": {"id": "ada"}}),
        json!({"primary": {"id": "ada", "email": "a@b"}, "secondary": {"id": "bob"}}),
        json!({"primary": {"id": ""}, "secondary": {"id": "bob"}}),
        json!({"primary": {"name": "ada"}, "secondary": {"id": "bob"}}),
        json!({"primary": "ada", "secondary": "bob"}),
    ] {
        let answer = ask(&vendor(|_| {}), "POST /api/v1/merge_customers", body.to_string());
        assert_eq!(answer.status, 400, "{body}");
        assert!(!body_of(&answer)["meta"]["error"].as_str().unwrap().is_empty());
    }
}

#[test]
fn segments_take_a_thousand_people_of_one_type() {
    let vendor = vendor(|_| {});
    let answer = done(&vendor, "POST /api/v1/segments/7/add_customers", json!({"ids": ["ada", 12, null, "ada"]}));
    assert_eq!(effects(&answer), [("segment.customers_added", "7")]);
    done(&vendor, "POST /api/v1/segments/7/add_customers?id_type=email", json!({"ids": ["eve@example.com"]}));
    assert_eq!(list(&vendor, "segments"), [json!({"id": "7", "customers": ["ada", "12", "eve@example.com"]})]);
    assert_eq!(effects(&done(&vendor, "POST /api/v1/segments/7/add_customers", json!({"ids": ["ada"]}))), []);
    done(&vendor, "POST /api/v1/segments/7/remove_customers", json!({"ids": ["ada", "12"]}));
    assert_eq!(json!(vendor.section("segments").unwrap()), json!([{"id": "7", "customers": ["eve@example.com"]}]));
    let many = |count: usize| ask(&vendor, "POST /api/v1/segments/8/add_customers", json!({"ids": vec!["x"; count]}).to_string());
    assert_eq!(many(1_000).status, 200);
    refused(&many(1_001), "1000");
    refused(&ask(&vendor, "POST /api/v1/segments/seven/add_customers", r#"{"ids":[]}"#), "number");
    refused(&ask(&vendor, "POST /api/v1/segments/7/add_customers", "{}"), "list");
    refused(&ask(&vendor, "POST /api/v1/segments/7/add_customers?id_type=phone", r#"{"ids":[]}"#), "phone");
}

#[test]
fn reports_on_deliveries_are_kept() {
    let vendor = vendor(|_| {});
    let metric = json!({"delivery_id": "d1", "metric": "bounced", "recipient": "a@example.com", "timestamp": 7});
    assert_eq!(effects(&done(&vendor, "POST /api/v1/metrics", metric)), [("metric.recorded", "d1")]);
    done(&vendor, "POST /api/v1/push/events", json!({"delivery_id": "d2", "event": "opened", "device_id": "t"}));
    let metrics = list(&vendor, "metrics");
    assert_eq!(
        (&metrics[0]["metric"], &metrics[0]["at"], &metrics[0]["recipient"]),
        (&json!("bounced"), &json!(7), &json!("a@example.com"))
    );
    assert_eq!((&metrics[1]["metric"], &metrics[1]["recipient"]), (&json!("opened"), &json!("t")));
    refused(&ask(&vendor, "POST /api/v1/metrics", r#"{"metric":"opened"}"#), "delivery_id");
    refused(&ask(&vendor, "POST /api/v1/metrics", r#"{"delivery_id":"d","metric":"read"}"#), "one of");
    refused(&ask(&vendor, "POST /api/v1/push/events", r#"{"delivery_id":"d","event":"bounced"}"#), "one of");
}

#[test]
fn a_form_creates_the_person_that_it_names() {
    let vendor = vendor(|_| {});
    let form = json!({"data": {"email": "ada@example.com", "city": "Rome", "form_name": "Contact"}});
    let answer = done(&vendor, "POST /api/v1/forms/contact/submit", form);
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    let ada = vendor.customer("ada@example.com").unwrap();
    assert_eq!(json!(ada.attributes), json!({"city": "Rome"}));
    assert_eq!((vendor.events("ada@example.com")[0].kind, ada.events), (EventKind::Form, 1));
    for (body, part) in [
        (json!({}), "data"),
        (json!({"data": {"city": "Rome"}}), "id and email"),
        (json!({"data": {"email": "ada@example.com", "age": 7}}), "`age` must be a string"),
    ] {
        refused(&ask(&vendor, "POST /api/v1/forms/contact/submit", body.to_string()), part);
    }
}

#[test]
fn unsubscribing_needs_no_credentials() {
    let vendor = vendor(|_| {});
    done(&vendor, "PUT /api/v1/customers/ada", json!({}));
    let sent =
        done(&vendor, "POST /v1/send/email", json!({"to": "a@b", "identifiers": {"id": "ada"}, "transactional_message_id": 1}));
    let path = format!("/unsubscribe/{}", body_of(&sent)["delivery_id"].as_str().unwrap());
    let unsubscribe = |wants: bool| {
        let body = json!({"unsubscribe": wants}).to_string();
        assert_eq!(send_as(&vendor, None, Method::POST, &path, body.as_bytes()).status, 200);
        vendor.customer("ada").unwrap().attributes.get("unsubscribed").cloned()
    };
    assert_eq!([unsubscribe(false), unsubscribe(true)], [None, Some(json!(true).into())]);
}

#[test]
fn the_oldest_make_room_for_the_newest() {
    let vendor = vendor(|settings| settings.stored_bytes = 64 * 1024);
    for number in 0..1_000 {
        done(&vendor, &format!("PUT /api/v1/customers/c{number}"), json!({"email": format!("c{number}@example.com")}));
        done(&vendor, &format!("POST /api/v1/customers/c{number}/events"), json!({"name": "a", "data": {"n": number}}));
        done(&vendor, "POST /api/v1/events", json!({"name": "a", "anonymous_id": format!("x{number}")}));
    }
    let store = json!(vendor.section("store").unwrap());
    let bytes: u64 = store["shelves"].as_object().unwrap().values().map(|shelf| shelf["bytes"].as_u64().unwrap()).sum();
    assert!((16 * 1024..=64 * 1024).contains(&bytes), "{store}");
    let customers = vendor.customers();
    assert_eq!(store["shelves"]["customers"]["forgotten"].as_u64().unwrap() + customers.len() as u64, 1_000);
    assert_eq!(customers.last().unwrap().id, "c999");
    assert_eq!((vendor.customer("c0"), vendor.customer("c0@example.com")), (None, None));
    assert_eq!(vendor.events("c999").len(), 1);
    // Who was forgotten begins again.
    done(&vendor, "POST /api/v1/customers/c0/events", json!({"name": "b"}));
    assert_eq!(vendor.customer("c0").unwrap().identifiers.email, None);
}

#[test]
fn a_reset_leaves_nothing() {
    let vendor = vendor(|settings| settings.rate_limit = Some(RateLimit { rate: 0.001, burst: 2 }));
    let track = || ask(&vendor, "POST /api/v1/customers/ada/events", json!({"name": "a", "id": ULID}).to_string());
    assert_eq!([track().effects.len(), track().effects.len()], [1, 0]);
    assert_eq!(track().status, 429);
    vendor.reset();
    assert_eq!((vendor.customers().len(), vendor.all_events().len()), (0, 0));
    assert_eq!(track().effects.len(), 1);
}

#[test]
fn what_one_person_has_is_bounded() {
    let vendor = vendor(|_| {});
    for number in 0..1_005 {
        let device = json!({"device": {"id": format!("t{number}"), "platform": "ios"}});
        done(&vendor, "PUT /api/v1/customers/ada/devices", device);
        done(&vendor, &format!("POST /api/v1/segments/{number}/add_customers"), json!({"ids": ["ada"]}));
        done(&vendor, "PUT /api/v1/customers/ada", json!({"anonymous_id": format!("x{number}")}));
        done(&vendor, "POST /v1/group", json!({"userId": format!("c{number}"), "groupId": "acme"}));
    }
    let ada = vendor.customer("ada").unwrap();
    assert_eq!((ada.devices.len(), &json!(ada.devices[0])["id"]), (1_000, &json!("t5")));
    assert_eq!((ada.segments.len(), ada.segments[0]), (1_000, 5));
    let object = list(&vendor, "objects").remove(0);
    assert_eq!((object["customers"].as_array().unwrap().len(), &object["customers"][0]), (1_000, &json!("c5")));
    for (id, events) in [("x4", 0), ("x1004", 1)] {
        done(&vendor, "POST /api/v1/events", json!({"name": "a", "anonymous_id": id}));
        assert_eq!(vendor.events("ada").len(), events);
    }
}

#[test]
fn events_that_come_by_an_anonymous_id_do_not_pile_up_either() {
    let vendor = vendor(|settings| settings.stored_bytes = 64 * 1024);
    done(&vendor, "PUT /api/v1/customers/ada", json!({"anonymous_id": "cookie"}));
    for _ in 0..5_000 {
        done(&vendor, "POST /api/v1/events", json!({"name": "a", "anonymous_id": "cookie"}));
    }
    let store = json!(vendor.section("store").unwrap());
    let bytes = store["shelves"]["customers"]["bytes"].as_u64().unwrap();
    assert!(bytes <= 64 * 1024 / 32 * 11, "{store}");
    assert_eq!(vendor.events("ada").len() as u64, store["shelves"]["events"]["kept"].as_u64().unwrap());
}

#[test]
fn addresses_are_the_same_in_any_case_in_any_alphabet() {
    let vendor = vendor(|_| {});
    for email in ["%C3%89va@example.com", "%C3%89va@example.com", "%C3%A9va@example.com", "%C3%89VA@example.com"] {
        done(&vendor, &format!("PUT /api/v1/customers/{email}"), json!({}));
    }
    assert_eq!(vendor.customers().len(), 1);
}
