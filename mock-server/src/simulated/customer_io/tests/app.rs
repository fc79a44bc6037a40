//! Transactional messages, broadcasts, and people looked up.

use serde_json::json;

use super::*;

fn email() -> Value {
    json!({"to": "ada@example.com", "identifiers": {"id": "ada"}, "transactional_message_id": 3, "message_data": {"code": 7}})
}

#[test]
fn every_channel_takes_a_message() {
    let vendor = vendor(|_| {});
    done(&vendor, "PUT /api/v1/customers/ada", json!({}));
    let channels = ["email", "push", "sms", "whatsapp", "in_app", "inbox_message"];
    let mut ids = std::collections::BTreeSet::new();
    for channel in channels {
        let answer = done(&vendor, &format!("POST /v1/send/{channel}"), email());
        let body = body_of(&answer);
        assert!(body["queued_at"].as_i64().unwrap() > 1_700_000_000);
        let id = body["delivery_id"].as_str().unwrap().to_owned();
        assert_eq!(effects(&answer), [("delivery.created", "ada@example.com")]);
        assert_eq!(answer.effects[0].id.as_deref(), Some(id.as_str()));
        assert!(ids.insert(id));
    }
    let deliveries = list(&vendor, "deliveries");
    assert_eq!(deliveries.iter().map(|delivery| &delivery["channel"]).collect::<Vec<_>>(), channels);
    let first = &deliveries[0];
    assert_eq!((&first["customer"], &first["message"], &first["data"]), (&json!("ada"), &json!("3"), &json!({"code": 7})));
    assert_eq!(json!(vendor.section("deliveries").unwrap())[5]["channel"], "inbox_message");
    // There is no identity that a second attempt could carry: it is a second message.
    done(&vendor, "POST /v1/send/email", email());
    assert_eq!(list(&vendor, "deliveries").len(), 7);
}

#[test]
fn a_message_that_is_wrong_has_one_error() {
    let without = |name: &str| {
        let mut body = email();
        body.as_object_mut().unwrap().remove(name);
        body
    };
    let with = |name: &str, value: Value| {
        let mut body = email();
        body[name] = value;
        body
    };
    let many = |count: usize| vec!["a@example.com"; count].join(",");
    let whole = {
        let mut body = without("transactional_message_id");
        for (name, value) in [("body", "b"), ("subject", "s"), ("from", "f@example.com")] {
            body[name] = json!(value);
        }
        body
    };
    for (path, body, status) in [
        ("email", whole.clone(), 200),
        ("push", whole, 400),
        ("push", without("to"), 200),
        ("email", without("to"), 400),
        ("email", without("identifiers"), 400),
        ("sms", without("identifiers"), 400),
        ("email", without("transactional_message_id"), 400),
        ("email", with("identifiers", json!({"id": "ada", "email": "a@b"})), 400),
        ("email", with("message_data", json!([1])), 400),
        ("email", with("to", json!(many(15))), 200),
        ("email", with("to", json!(many(16))), 400),
        ("email", with("bcc", json!(many(15))), 400),
        ("email", with("attachments", json!([])), 400),
        ("email", with("attachments", json!({"a": "A".repeat(2 * 1024 * 1024 / 3 * 4), "b": "AA=="})), 200),
        ("email", with("attachments", json!({"a": "A".repeat(2 * 1024 * 1024 / 3 * 4 + 8)})), 413),
        ("email", with("message_data", json!({"d": "d".repeat(1024 * 1024)})), 413),
    ] {
        let vendor = vendor(|_| {});
        let answer = ask(&vendor, &format!("POST /v1/send/{path}"), body.to_string());
        let start: String = body.to_string().chars().take(200).collect();
        assert_eq!(answer.status, status, "{path} {start}");
        assert_eq!(answer.effects.len(), usize::from(status == 200));
        if status != 200 {
            assert!(!body_of(&answer)["meta"]["error"].as_str().unwrap().is_empty());
        }
    }
}

#[test]
fn the_largest_message_fits_into_the_largest_payload() {
    let mut body = email();
    body["attachments"] = json!({"a": "A".repeat(2 * 1024 * 1024 / 3 * 4)});
    let rest = body.to_string().len() - body["attachments"].to_string().len();
    body["message_data"] = json!({"d": "d".repeat(1024 * 1024 - rest)});
    assert_eq!(ask(&vendor(|_| {}), "POST /v1/send/email", body.to_string()).status, 200);
    assert!(body.to_string().len() <= LARGEST_PAYLOAD);
}

#[test]
fn broadcasts_are_triggered() {
    let vendor = vendor(|settings| settings.broadcasts = Some(vec![12]));
    done(&vendor, "PUT /api/v1/customers/ada", json!({"email": "ada@example.com"}));
    for (body, recipients) in [
        (json!({}), None),
        (json!({"data": {"a": 1}, "recipients": {"segment": {"id": 7}}}), None),
        (json!({"ids": ["ada"]}), Some(1)),
        (json!({"emails": ["ADA@example.com"]}), Some(1)),
        (json!({"ids": ["ada", "bob"], "id_ignore_missing": true}), Some(2)),
        (json!({"per_user_data": [{"id": "ada", "data": {"b": 2}}, {"email": "ada@example.com"}]}), Some(2)),
        (json!({"data_file_url": "https://example.com/people"}), None),
    ] {
        let answer = done(&vendor, "POST /v1/campaigns/12/triggers", body.clone());
        let number = list(&vendor, "broadcasts").len() as u64;
        assert_eq!(body_of(&answer), json!({"id": number}));
        assert_eq!(effects(&answer), [("broadcast.triggered", "12")]);
        assert_eq!(list(&vendor, "broadcasts").last().unwrap()["recipients"], json!(recipients), "{body}");
    }
    assert_eq!(ask(&vendor, "POST /v1/campaigns/12/triggers", "").status, 200);
}

#[test]
fn a_trigger_that_is_wrong_says_where() {
    let vendor = vendor(|settings| settings.broadcasts = Some(vec![12]));
    for (body, pointer) in [
        (json!({"data": [1]}), "/data"),
        (json!({"ids": "ada"}), "/ids"),
        (json!({"ids": ["a"], "emails": ["b"]}), "/emails"),
        (json!({"ids": ["nobody"]}), "/ids/0"),
        (json!({"ids": [null]}), "/ids/0"),
        (json!({"emails": ["nobody@example.com"], "id_ignore_missing": true}), "/emails/0"),
        (json!({"per_user_data": [{"data": {}}]}), "/per_user_data/0"),
        (json!({"recipients": [1]}), "/recipients"),
        (json!({"ids": vec!["a"; 10_001]}), "/ids"),
    ] {
        let answer = ask(&vendor, "POST /v1/campaigns/12/triggers", body.to_string());
        assert_eq!((answer.status.as_u16(), answer.effects.len()), (422, 0), "{pointer}");
        let error = body_of(&answer)["errors"][0].clone();
        assert_eq!((&error["status"], &error["source"]["pointer"]), (&json!("422"), &json!(pointer)));
        assert!(!error["detail"].as_str().unwrap().is_empty());
    }
    for (path, body, status) in [("13", "{}", "404"), ("twelve", "{}", "404"), ("12", "{", "400")] {
        let answer = ask(&vendor, &format!("POST /v1/campaigns/{path}/triggers"), body);
        assert_eq!((answer.status.as_str(), &body_of(&answer)["errors"][0]["status"]), (status, &json!(status)));
        assert!(body_of(&answer)["errors"][0]["detail"].as_str().unwrap().contains("(reference "));
    }
    assert_eq!(vendor.section("broadcasts"), Some(json!([]).into()));
}

#[test]
fn people_are_looked_up() {
    let vendor = vendor(|_| {});
    done(&vendor, "PUT /api/v1/customers/ada", json!({"email": "ada+x@example.com", "age": 36, "unsubscribed": true}));
    let cio_id = vendor.customer("ada").unwrap().identifiers.cio_id;
    let identifiers = json!({"id": "ada", "email": "ada+x@example.com", "cio_id": cio_id});
    let found = ask(&vendor, "GET /v1/customers?email=ada%2Bx%40example.com", "");
    assert_eq!(body_of(&found), json!({"results": [identifiers]}));
    assert_eq!(body_of(&ask(&vendor, "GET /v1/customers?email=eve%40example.com", "")), json!({"results": []}));
    assert_eq!(ask(&vendor, "GET /v1/customers", "").status, 400);
    for line in [
        "GET /v1/customers/ada/attributes".to_owned(),
        "GET /v1/customers/ada%2Bx%40example.com/attributes?id_type=email".to_owned(),
        format!("GET /v1/customers/{cio_id}/attributes?id_type=cio_id"),
    ] {
        let customer = body_of(&ask(&vendor, &line, ""))["customer"].clone();
        assert_eq!((&customer["id"], &customer["attributes"]["age"]), (&json!("ada"), &json!("36")), "{line}");
        assert_eq!((&customer["identifiers"], &customer["unsubscribed"]), (&identifiers, &json!(true)));
    }
    assert_eq!(ask(&vendor, "GET /v1/customers/eve/attributes", "").status, 404);
    assert_eq!(ask(&vendor, "GET /v1/customers/ada/attributes?id_type=phone", "").status, 400);
}
