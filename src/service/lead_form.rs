//! What a submitted lead must look like.
//!
//! A lead that the vendors can only refuse would be acknowledged, tried for hours, and end among the dead letters. So every
//! mistake that can be found is reported at once, to the client that can correct it.

use http::StatusCode;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::refusal::{Problem, Refusal, nearest};
use super::strict_json;
use crate::resilience::lead_key;
use crate::store::NewLead;
use crate::text::hex;
use crate::vendor_api::{RESERVED_FIELDS, lead_operations};

/// Customer.io's bound of an identifier, in bytes.
pub(super) const LONGEST_USER: usize = 150;
/// Bytes of a lead's data as compact JSON: Customer.io's bound of an event's data. Clay's, of a row, is 102,400.
pub(super) const LARGEST_DATA: usize = 100_000;

const FIELDS: [&str; 2] = ["user", "data"];
const FORM: &str = "send {\"user\": \"…\", \"data\": {…}}";
/// Most unknown fields that are named, so that the answer does not dwarf the request.
const MOST_UNKNOWN: usize = 10;
/// By how much JSON may grow when its numbers are written out: `1e15` becomes `1000000000000000.0`.
const GROWTH: usize = 5;

/// Reads one lead. `key` is its submitter's; without one the lead is identified by its content.
pub(super) fn read(body: &[u8], key: Option<&str>) -> Result<NewLead, Refusal> {
    let value = strict_json::read(body).map_err(|problem| Refusal::new(StatusCode::BAD_REQUEST, problem))?;
    let Value::Object(mut fields) = value else {
        let problem = Problem::new(format!("a lead is an object, not {}", kind(&value))).at(1, 1).help(FORM);
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, problem));
    };
    let mut errors = unknown(&fields);
    let user = user(&mut fields).map_err(|problem| errors.push(problem));
    let data = data(&mut fields, body.len()).map_err(|problem| errors.push(problem));
    match (user, data) {
        (Ok(user), Ok(data)) if errors.is_empty() => {
            let key = key.map_or_else(|| lead_key(&user, &data), submitted_key);
            Ok(NewLead { operations: lead_operations(&key, &user, &data), key, user, data })
        }
        _ => Err(Refusal::unprocessable(errors)),
    }
}

/// The key of a lead from its submitter's name for it: 64 hex digits as they are, anything else hashed.
pub(crate) fn submitted_key(text: &str) -> String {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return text.to_ascii_lowercase();
    }
    hex(&Sha256::digest(text))
}

fn unknown(fields: &Map<String, Value>) -> Vec<Problem> {
    let unknown = || fields.keys().filter(|name| !FIELDS.contains(&name.as_str()));
    let problem = |name: &String| {
        let name = shortened(name);
        Problem::new(format!("a lead has no field `{name}`")).help(nearest(&name, &FIELDS))
    };
    let mut problems: Vec<Problem> = unknown().take(MOST_UNKNOWN).map(problem).collect();
    match unknown().count().saturating_sub(MOST_UNKNOWN) {
        0 => {}
        more => problems.push(Problem::new(format!("{more} more fields are unknown")).help(FORM)),
    }
    problems
}

fn user(fields: &mut Map<String, Value>) -> Result<String, Problem> {
    let refuse =
        |message: String| Problem::of("user", message).help("name the person by e-mail address or id, in at most 150 bytes");
    match fields.remove("user") {
        None => Err(refuse("`user` is missing".to_owned())),
        Some(Value::String(user)) if user.trim().is_empty() => Err(refuse("`user` is empty".to_owned())),
        Some(Value::String(user)) if user.len() > LONGEST_USER => {
            Err(refuse(format!("`user` has {} bytes, and Customer.io takes {LONGEST_USER}", user.len())))
        }
        Some(Value::String(user)) => Ok(user),
        Some(other) => Err(refuse(format!("`user` is a text, not {}", kind(&other)))),
    }
}

fn data(fields: &mut Map<String, Value>, body_bytes: usize) -> Result<Value, Problem> {
    let data = match fields.remove("data") {
        None => return Err(Problem::of("data", "`data` is missing").help(FORM)),
        Some(Value::Object(data)) => data,
        Some(other) => return Err(Problem::of("data", format!("`data` is an object, not {}", kind(&other))).help(FORM)),
    };
    if let Some(reserved) = RESERVED_FIELDS.into_iter().find(|name| data.contains_key(*name)) {
        let message = format!("`data.{reserved}` is written by the service into Clay's row");
        return Err(Problem::of("data", message).help("give the field another name"));
    }
    let data = Value::Object(data);
    // Small bodies (nearly all) are not serialized to be measured.
    if body_bytes.saturating_mul(GROWTH) > LARGEST_DATA {
        let bytes = serde_json::to_vec(&data).map_or(usize::MAX, |text| text.len());
        if bytes > LARGEST_DATA {
            let message = format!("`data` has {bytes} bytes, and an event of Customer.io holds {LARGEST_DATA}");
            return Err(Problem::of("data", message).help("send what both vendors need, and keep the rest"));
        }
    }
    Ok(data)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(body: &Value) -> (u16, String) {
        let refusal = read(body.to_string().as_bytes(), None).unwrap_err();
        let said: Vec<_> = refusal.errors.iter().map(|problem| format!("{} ({:?})", problem.message, problem.help)).collect();
        (refusal.status.as_u16(), said.join("; "))
    }

    #[test]
    fn a_lead_is_known_by_its_content_or_by_the_key_that_it_was_given() {
        let body = br#"{"user":"ada","data":{"a":1,"b":2}}"#;
        let reordered = br#"{ "data": {"b":2,"a":1.0}, "user":"ada" }"#;
        let by_content = read(body, None).unwrap();
        assert_eq!(by_content.key, read(reordered, None).unwrap().key);
        assert_eq!(by_content.operations.len(), 3);
        assert_ne!(by_content.key, read(br#"{"user":"ada","data":{"a":1,"b":3}}"#, None).unwrap().key);
        let hex = "AB".repeat(32);
        assert_eq!(read(body, Some(&hex)).unwrap().key, "ab".repeat(32));
        let hashed = read(body, Some("order 17")).unwrap().key;
        assert_eq!((hashed.len(), &hashed), (64, &read(reordered, Some("order 17")).unwrap().key));
    }

    #[test]
    fn neighbouring_numbers_beyond_doubles_are_two_leads() {
        let key = |id: u64| read(json!({"user": "ada", "data": {"id": id}}).to_string().as_bytes(), None).unwrap().key;
        assert_ne!(key(9_007_199_254_740_993), key(9_007_199_254_740_992));
    }

    #[test]
    fn every_mistake_is_said_at_once_with_what_would_be_right() {
        let (status, said) = refused(&json!({"usr": "ada", "extra": 1, "data": []}));
        assert_eq!(status, 422);
        for words in ["no field `usr`", "did you mean `user`?", "no field `extra`", "`user` is missing", "not a list"] {
            assert!(said.contains(words), "no {words:?} in {said}");
        }
        for (body, words) in [
            (json!({"user": " ", "data": {}}), "`user` is empty"),
            (json!({"user": "é".repeat(76), "data": {}}), "`user` has 152 bytes"),
            (json!({"user": 7, "data": {}}), "not a number"),
            (json!({"user": "ada"}), "`data` is missing"),
            (json!({"user": "ada", "data": {"idempotency_key": "x"}}), "`data.idempotency_key` is written by the service"),
            (json!([1]), "an object, not a list"),
        ] {
            let (status, said) = refused(&body);
            assert!(status == 422 && said.contains(words), "{body}: {status} {said}");
        }
    }

    #[test]
    fn an_answer_is_not_many_times_what_was_sent() {
        let fields: Map<String, Value> = (0..50_000).map(|number| (format!("{number:x}"), json!(1))).collect();
        let refusal = read(Value::Object(fields).to_string().as_bytes(), None).unwrap_err();
        assert_eq!(refusal.errors.len(), MOST_UNKNOWN + 3, "and how many more, and that user and data are missing");
        assert!(refusal.errors[MOST_UNKNOWN].message.contains("49990 more"), "{:?}", refusal.errors[MOST_UNKNOWN]);
        let long = read(json!({"user": "a", "data": {}, "x".repeat(900_000): 1}).to_string().as_bytes(), None).unwrap_err();
        assert!(long.errors[0].message.len() < 200, "{long:?}");
    }

    #[test]
    fn data_is_as_large_as_both_vendors_take() {
        let with = |bytes: usize| json!({"user": "ada", "data": {"text": "x".repeat(bytes - r#"{"text":""}"#.len())}});
        assert!(read(with(LARGEST_DATA).to_string().as_bytes(), None).is_ok());
        assert!(refused(&with(LARGEST_DATA + 1)).1.contains("100001 bytes"));
        // Short as sent, long as it is sent on.
        let numbers = format!(r#"{{"user":"ada","data":{{"n":[{}]}}}}"#, vec!["1e15"; 12_000].join(","));
        assert!(numbers.len() < LARGEST_DATA);
        assert!(read(numbers.as_bytes(), None).is_err());
    }
}
