//! Entities and batches.

use serde_json::json;

use super::*;

fn person(id: &str, action: &str, more: Value) -> Value {
    let mut operation = json!({"type": "person", "action": action, "identifiers": {"id": id}});
    for (name, value) in more.as_object().unwrap() {
        operation[name] = value.clone();
    }
    operation
}

#[test]
fn every_action_on_people_is_carried_out() {
    let vendor = vendor(|_| {});
    let reported = |operation: Value| {
        let answer = done(&vendor, "POST /api/v2/entity", operation);
        assert_eq!(&answer.body[..], b"{}\n");
        answer.effects.into_iter().map(|effect| effect.what.into_owned()).collect::<Vec<_>>().join(" ")
    };
    let acme = json!({"cio_relationships": [{"identifiers": {"object_type_id": "1", "object_id": "acme"}}]});
    assert_eq!(reported(person("ada", "identify", json!({"attributes": {"plan": "pro"}}))), "customer.identified");
    assert_eq!(reported(person("ada", "event", json!({"name": "a", "attributes": {"n": 1}}))), "event.recorded");
    assert_eq!(reported(person("ada", "page", json!({"name": "/a"}))), "event.recorded");
    assert_eq!(reported(person("ada", "screen", json!({"name": "A"}))), "event.recorded");
    let device = json!({"device": {"token": "t", "platform": "ios"}});
    assert_eq!(reported(person("ada", "add_device", device)), "device.added");
    assert_eq!(reported(person("ada", "delete_device", json!({"device": {"token": "t"}}))), "device.deleted");
    assert_eq!(reported(person("ada", "add_relationships", acme.clone())), "relationship.added");
    assert_eq!(reported(person("ada", "add_relationships", acme.clone())), "");
    assert_eq!(reported(person("ada", "delete_relationships", acme)), "relationship.deleted");
    assert_eq!(reported(person("bob", "identify", json!({}))), "customer.identified");
    let merge = json!({"type": "person", "action": "merge", "primary": {"id": "ada"}, "secondary": {"id": "bob"}});
    assert_eq!(reported(merge), "customers.merged");
    assert_eq!(reported(person("ada", "suppress", json!({}))), "customer.suppressed");
    assert_eq!(reported(person("ada", "unsuppress", json!({}))), "customer.unsuppressed");
    assert_eq!(reported(person("eve", "identify", json!({}))), "customer.identified");
    assert_eq!(reported(person("eve", "delete", json!({}))), "customer.deleted");
    assert_eq!((vendor.customers().len(), vendor.all_events().len()), (0, 0));
}

#[test]
fn objects_have_people() {
    let vendor = vendor(|_| {});
    let acme = |action: &str, related: Value| {
        let identifiers = json!({"object_type_id": 1, "object_id": "acme"});
        let related = json!([{"identifiers": related}]);
        json!({"type": "object", "action": action, "identifiers": identifiers, "attributes": {"seats": 3}, "cio_relationships": related})
    };
    done(&vendor, "POST /api/v2/entity", acme("identify", json!({"id": "ada"})));
    done(&vendor, "POST /api/v2/entity", acme("add_relationships", json!({"email": "eve@example.com"})));
    done(&vendor, "POST /api/v2/entity", acme("identify_anonymous", json!({"anonymous_id": "cookie"})));
    let related =
        json!({"action": "add_relationships", "relationships": [{"identifiers": {"object_type_id": "1", "object_id": "acme"}}]});
    done(&vendor, "PUT /api/v1/customers/zoe", json!({"cio_relationships": related}));
    let object = list(&vendor, "objects").remove(0);
    assert_eq!((&object["id"], &object["attributes"]["seats"]), (&json!("1/acme"), &json!(3)));
    assert_eq!(object["customers"], json!(["ada", "eve@example.com", "zoe"]));
    assert_eq!(object["anonymous_ids"], json!(["cookie"]));
    done(&vendor, "PUT /api/v1/customers/ivy", json!({"anonymous_id": "cookie"}));
    done(&vendor, "POST /api/v2/entity", acme("delete_relationships", json!({"id": "ada"})));
    done(&vendor, "POST /api/v1/merge_customers", json!({"primary": {"id": "zoe"}, "secondary": {"email": "eve@example.com"}}));
    let object = list(&vendor, "objects").remove(0);
    assert_eq!(object["customers"], json!(["zoe", "ivy"]));
    let given = json!({"type": "object", "action": "delete", "identifiers": {"cio_object_id": object["cio_object_id"]}});
    assert_eq!(effects(&done(&vendor, "POST /api/v2/entity", given)).len(), 1);
    assert_eq!(vendor.section("objects"), Some(json!([]).into()));
}

#[test]
fn deliveries_are_reported_on() {
    let vendor = vendor(|_| {});
    let report = json!({"type": "delivery", "action": "event", "identifiers": {"id": "d1"}, "name": "opened",
                        "attributes": {"device_token": "t"}});
    assert_eq!(effects(&done(&vendor, "POST /api/v2/entity", report)), [("metric.recorded", "d1")]);
}

#[test]
fn problems_are_reported_by_field() {
    for (operation, field) in [
        (json!({}), "type"),
        (json!({"type": "person"}), "action"),
        (json!({"type": "robot", "action": "identify"}), "type"),
        (person("ada", "dance", json!({})), "action"),
        (json!({"type": "person", "action": "identify"}), "identifiers"),
        (json!({"type": "person", "action": "identify", "identifiers": {"id": "a", "email": "b"}}), "identifiers"),
        (person("ada", "identify", json!({"attributes": [1]})), "attributes"),
        (person("ada", "identify", json!({"attributes": {"a": "v".repeat(1_001)}})), "attributes"),
        (person("ada", "event", json!({})), "name"),
        (person("ada", "event", json!({"name": "n".repeat(101)})), "name"),
        (person("ada", "event", json!({"name": "a", "attributes": 7})), "attributes"),
        (person("ada", "add_device", json!({})), "device"),
        (person("ada", "delete_device", json!({"device": {}})), "device.token"),
        (person("ada", "add_relationships", json!({})), "cio_relationships"),
        (person("ada", "add_relationships", json!({"cio_relationships": {}})), "cio_relationships"),
        (json!({"type": "person", "action": "merge", "primary": {"id": "ada"}}), "secondary"),
        (json!({"type": "object", "action": "identify", "identifiers": {"object_id": "acme"}}), "identifiers"),
        (json!({"type": "delivery", "action": "send"}), "action"),
        (json!({"type": "delivery", "action": "event", "identifiers": {"id": "d"}, "name": "bounced"}), "name"),
    ] {
        let answer = ask(&vendor(|_| {}), "POST /api/v2/entity", operation.to_string());
        assert_eq!(answer.status, 400, "{operation}");
        let error = body_of(&answer)["errors"][0].clone();
        assert_eq!(error["field"], field, "{operation}: {error}");
        assert!(!error["reason"].as_str().unwrap().is_empty() && !error["message"].as_str().unwrap().is_empty());
        assert_eq!(error.get("batch_index"), None);
        assert_eq!(answer.effects, []);
    }
}

/// An identify of so many bytes.
fn sized(bytes: usize) -> String {
    let operation = |filling: &str| person("ada", "identify", json!({"filling": filling})).to_string();
    operation(&"f".repeat(bytes - operation("").len()))
}

#[test]
fn sizes_are_limited_at_the_byte() {
    let vendor = vendor(|_| {});
    assert_eq!(ask(&vendor, "POST /api/v2/entity", sized(32 * 1024)).status, 200);
    let answer = ask(&vendor, "POST /api/v2/entity", sized(32 * 1024 + 1));
    assert_eq!((answer.status.as_u16(), &body_of(&answer)["errors"][0]["reason"]), (400, &json!("too_large")));
    let answer = ask(&vendor, "POST /api/v2/batch", format!(r#"{{"batch":[{},{}]}}"#, sized(32 * 1024 + 1), sized(300)));
    assert_eq!((answer.status.as_u16(), &body_of(&answer)["errors"][0]["batch_index"]), (207, &json!(0)));
    assert_eq!(answer.effects.len(), 1);
    let batch = |bytes: usize| {
        let items = vec![sized(32 * 1024 - 1); 15].join(",");
        let rest = bytes - items.len() - r#"{"batch":[,]}"#.len();
        ask(&vendor, "POST /api/v2/batch", format!(r#"{{"batch":[{items},{}]}}"#, sized(rest)))
    };
    assert_eq!(batch(500 * 1024).status, 200);
    assert_eq!(batch(500 * 1024 + 1).status, 400);
}

#[test]
fn a_batch_that_is_malformed_is_refused_whole() {
    for body in ["", "[]", "{}", r#"{"batch":7}"#, r#"{"batch":[{"#] {
        let answer = ask(&vendor(|_| {}), "POST /api/v2/batch", body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(body_of(&answer)["errors"][0]["message"].is_string());
    }
}

proptest! {
    /// Whatever is mixed: each invalid item is reported with its place, each valid one is carried out, and in order.
    #[test]
    fn a_batch_reports_the_places_of_problems(kinds in proptest::collection::vec(0_u8..5, 0..60)) {
        let vendor = vendor(|_| {});
        let item = |(index, kind): (usize, &u8)| match kind {
            0 => json!({"type": "person"}),
            1 => json!(7),
            2 => person("ada", "event", json!({})),
            _ => person("ada", "event", json!({"name": format!("e{index}")})),
        };
        let items: Vec<Value> = kinds.iter().enumerate().map(item).collect();
        let answer = ask(&vendor, "POST /api/v2/batch", json!({"batch": items}).to_string());
        let wrong: Vec<usize> = (0..kinds.len()).filter(|index| kinds[*index] < 3).collect();
        let right: Vec<String> = (0..kinds.len()).filter(|index| kinds[*index] >= 3).map(|index| format!("e{index}")).collect();
        prop_assert_eq!(answer.status.as_u16(), if wrong.is_empty() { 200 } else { 207 });
        let errors = body_of(&answer)["errors"].as_array().cloned().unwrap_or_default();
        let places: Vec<usize> = errors.iter().map(|error| error["batch_index"].as_u64().unwrap() as usize).collect();
        prop_assert_eq!(places, wrong);
        prop_assert_eq!(answer.effects.len(), right.len());
        let names: Vec<String> = vendor.events("ada").into_iter().map(|event| event.name).collect();
        prop_assert_eq!(names, right);
    }

    /// Whatever events come how often, through either version: each identity is recorded once.
    #[test]
    fn each_identity_is_recorded_once(arrivals in proptest::collection::vec((0_u8..3, 0_u8..20), 1..80)) {
        let vendor = vendor(|_| {});
        let mut recorded = 0;
        for (way, event) in &arrivals {
            let id = format!("01ARZ3NDEKTSV4RRFFQ69G5F{event:02}");
            let operation = person("ada", "event", json!({"name": "a", "id": id}));
            let answer = match way {
                0 => done(&vendor, "POST /api/v1/customers/ada/events", json!({"name": "a", "id": id})),
                1 => done(&vendor, "POST /api/v2/entity", operation),
                _ => done(&vendor, "POST /api/v2/batch", json!({"batch": [operation, operation]})),
            };
            recorded += answer.effects.len();
        }
        let distinct: std::collections::BTreeSet<u8> = arrivals.iter().map(|(_, event)| *event).collect();
        prop_assert_eq!(recorded, distinct.len());
        prop_assert_eq!(vendor.events("ada").len(), distinct.len());
    }
}

#[test]
fn relations_of_an_unknown_person_can_be_removed() {
    let vendor = vendor(|_| {});
    let reported = |action: &str| {
        let body = json!({
            "type": "object", "action": action, "identifiers": {"object_type_id": "1", "object_id": "acme"},
            "cio_relationships": [{"identifiers": {"anonymous_id": "cookie"}}],
        });
        done(&vendor, "POST /api/v2/entity", body).effects.len()
    };
    assert_eq!([reported("add_relationships"), reported("delete_relationships"), reported("delete_relationships")], [1, 1, 0]);
    assert_eq!(list(&vendor, "objects")[0]["anonymous_ids"], json!([]));
}
