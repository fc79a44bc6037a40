//! The Pipelines API.

use serde_json::json;

use super::*;

const STRICT: HeaderName = HeaderName::from_static("x-strict-mode");

#[test]
fn every_call_is_carried_out() {
    let vendor = vendor(|_| {});
    let reported = |call: &str, body: Value| {
        let answer = done(&vendor, &format!("POST /v1/{call}"), body);
        assert_eq!(&answer.body[..], b"{}\n");
        answer.effects.into_iter().map(|effect| effect.what.into_owned()).collect::<Vec<_>>().join(" ")
    };
    let traits = json!({"userId": "ada", "anonymousId": "cookie", "traits": {"plan": "pro"}});
    assert_eq!(reported("identify", traits), "customer.identified");
    assert_eq!(reported("identify", json!({"userId": "", "traits": {"email": "eve@example.com"}})), "customer.identified");
    assert_eq!(reported("identify", json!({"anonymousId": "who"})), "");
    let track = json!({"userId": "ada", "event": "bought", "properties": {"n": 1}, "messageId": "m1", "timestamp": "2026-11-20T22:00:00Z"});
    assert_eq!(reported("track", track), "event.recorded");
    assert_eq!(reported("track", json!({"anonymousId": "cookie", "event": "looked"})), "anonymous_event.recorded");
    assert_eq!(reported("page", json!({"userId": "ada", "name": "Pricing"})), "event.recorded");
    assert_eq!(reported("page", json!({"userId": "ada", "properties": {"url": "https://example.com"}})), "event.recorded");
    assert_eq!(reported("screen", json!({"userId": "ada", "name": "Home"})), "event.recorded");
    let group = json!({"userId": "ada", "groupId": "acme", "traits": {"seats": 3}});
    assert_eq!(reported("group", group), "object.identified relationship.added");
    assert_eq!(reported("alias", json!({"userId": "ada", "previousId": "eve@example.com"})), "customers.merged");
    let events = vendor.events("ada");
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["bought", "looked", "Pricing", "https://example.com", "Home"]);
    assert_eq!((events[0].timestamp, events[0].identity.as_deref()), (1_795_212_000, Some("m1")));
    assert_eq!(list(&vendor, "objects")[0]["customers"], json!(["ada"]));
    assert_eq!(vendor.customers().len(), 1);
}

#[test]
fn some_events_say_what_to_do() {
    let vendor = vendor(|_| {});
    let track = |event: &str, more: Value| {
        let mut body = json!({"userId": "ada", "event": event});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = done(&vendor, "POST /v1/track", body);
        answer.effects.into_iter().map(|effect| effect.what.into_owned()).collect::<Vec<_>>().join(" ")
    };
    let device = json!({"context": {"device": {"token": "t", "type": "ios"}}});
    done(&vendor, "POST /v1/group", json!({"userId": "ada", "groupId": "acme"}));
    assert_eq!(track("Device Created or Updated", device.clone()), "device.added");
    assert_eq!(json!(vendor.customer("ada").unwrap().devices[0])["platform"], "ios");
    assert_eq!(track("Device Deleted", device), "device.deleted");
    assert_eq!(track("Relationship Deleted", json!({"properties": {"objectId": "acme"}})), "relationship.deleted");
    assert_eq!(track("Object Deleted", json!({"properties": {"objectId": "acme", "objectTypeId": 1}})), "object.deleted");
    let report = json!({"properties": {"deliveryId": "d", "metric": "opened"}});
    assert_eq!(track("Report Delivery Event", report), "metric.recorded");
    assert_eq!(track("User Suppressed", json!({})), "customer.suppressed");
    assert_eq!(track("User Unsuppressed", json!({})), "customer.unsuppressed");
    done(&vendor, "POST /v1/identify", json!({"userId": "ada"}));
    assert_eq!(track("User Deleted", json!({})), "customer.deleted");
    assert_eq!(vendor.all_events(), []);
}

#[test]
fn what_is_wrong_is_dropped_in_silence_unless_the_request_is_strict() {
    let large = json!({"userId": "ada", "traits": {"a": "v".repeat(33 * 1024)}}).to_string();
    let batch = format!(
        r#"{{"batch":[{}]}}"#,
        vec![format!(r#"{{"type":"alias","userId":"a","f":"{}"}}"#, "f".repeat(30_000)); 18].join(",")
    );
    for (path, body) in [
        ("identify", "{"),
        ("identify", "{}"),
        ("identify", large.as_str()),
        ("track", r#"{"userId":"ada"}"#),
        ("track", r#"{"event":"a"}"#),
        ("track", r#"{"userId":"ada","event":"Device Deleted"}"#),
        ("group", r#"{"userId":"ada"}"#),
        ("alias", r#"{"userId":"ada"}"#),
        ("batch", r#"{"batch":{}}"#),
        ("batch", r#"{"batch":[{"type":"dance"}]}"#),
        ("batch", batch.as_str()),
    ] {
        let (vendor, path) = (vendor(|_| {}), format!("/v1/{path}"));
        let key = authorization(&path);
        let send =
            |strict: &str| send_with(&vendor, &[(AUTHORIZATION, &key), (STRICT, strict)], Method::POST, &path, body.as_bytes());
        let (silent, strict) = (send("0"), send("1"));
        assert_eq!((silent.status.as_u16(), &silent.body[..], silent.effects.len()), (200, &b"{}\n"[..], 0), "{path}");
        assert_eq!((strict.status.as_u16(), strict.effects.len()), (400, 0), "{path}");
        assert!(!error(&strict).is_empty());
    }
    for (strict, status) in [("0", 200), ("1", 401)] {
        let vendor = vendor(|_| {});
        let headers = [(AUTHORIZATION, basic("wrong:")), (STRICT, strict.to_owned())].map(|(name, value)| (name, value));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
        let answer = send_with(&vendor, &headers, Method::POST, "/v1/identify", br#"{"userId":"ada"}"#);
        assert_eq!((answer.status.as_u16(), answer.effects.len()), (status, 0));
        assert_eq!(vendor.customers(), []);
    }
}

#[test]
fn a_batch_has_calls_of_all_kinds() {
    let vendor = vendor(|_| {});
    let batch = json!({"batch": [
        {"type": "identify", "userId": "ada"},
        {"type": "track", "userId": "ada"},
        {"type": "track", "userId": "ada", "event": "a"},
        {"type": "screen", "userId": "ada", "name": "Home"},
    ]});
    let answer = done(&vendor, "POST /v1/batch", batch);
    assert_eq!(effects(&answer), [("customer.identified", "ada"), ("event.recorded", "ada"), ("event.recorded", "ada")]);
}

#[test]
fn a_call_that_comes_again_is_ignored_where_the_settings_say_so() {
    for (deduplicates, recorded) in [(true, [1, 0]), (false, [1, 1])] {
        let vendor = vendor(|settings| settings.pipelines_deduplication = deduplicates);
        let call = || done(&vendor, "POST /v1/track", json!({"userId": "ada", "event": "a", "messageId": "m1"})).effects.len();
        assert_eq!([call(), call()], recorded);
    }
}
