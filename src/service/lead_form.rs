//! What a submitted lead must look like.
//!
//! A lead that the vendors can only refuse would be acknowledged, tried for hours, and end among the dead letters. So every
//! mistake that can be found is reported at once, to the client that can correct it.

use http::StatusCode;
use mock_server::json::{Fields, fields_of, text_of};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::refusal::{Problem, Refusal, nearest};
use super::strict_json;
use crate::resilience::key::{is_of_content, packed};
use crate::resilience::lead_key;
use crate::store::NewLead;
use crate::text::hex;
use crate::vendor_api::{RESERVED_FIELDS, lead_operations, limits};

const FIELDS: [&str; 2] = ["user", "data"];
const FORM: &str = "send {\"user\": \"…\", \"data\": {…}}";
/// Most unknown fields that are named, so that the answer does not dwarf the request.
const MOST_UNKNOWN: usize = 10;

/// Reads one lead. `key` is its submitter's; without one the lead is identified by its content.
pub(super) fn read(body: &[u8], key: Option<&str>) -> Result<NewLead, Refusal> {
    let whole = strict_json::read(body)?;
    let Some(fields) = whole.fields() else {
        let problem = Problem::new(format!("a lead is an object, not {}", kind(whole.get()))).at(1, 1).help(FORM);
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, problem));
    };
    let mut errors = unknown(&fields);
    let user = user(&fields).map_err(|problem| errors.push(problem));
    let data = data(&fields).map_err(|problems| errors.extend(problems));
    match (user, data) {
        (Ok(user), Ok(data)) if errors.is_empty() => {
            let data = data.to_owned().into();
            let key = key.map_or_else(|| lead_key(&user, &data), submitted_key);
            Ok(NewLead { operations: lead_operations(&key, &user, &data), key, user, data })
        }
        _ => Err(Refusal::unprocessable(errors)),
    }
}

/// The key of a lead from its submitter's key for it: 64 lower-case hex digits as they are, anything else hashed.
fn submitted_key(text: &str) -> String {
    if packed(text).is_some() { text.to_owned() } else { hex(&Sha256::digest(text)) }
}

/// The key of the lead that is asked for by its id, or by its submitter's key.
pub(crate) fn key_of(name: &str) -> String {
    if is_of_content(name) { name.to_owned() } else { submitted_key(name) }
}

fn unknown(fields: &Fields<'_>) -> Vec<Problem> {
    let unknown = || fields.keys().filter(|name| !FIELDS.contains(&&***name));
    let problem = |name: &std::borrow::Cow<'_, str>| {
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

fn user(fields: &Fields<'_>) -> Result<String, Problem> {
    let refuse =
        |message: String| Problem::of("user", message).help("name the person by e-mail address or id, in at most 150 bytes");
    let Some(given) = fields.get("user") else { return Err(refuse("`user` is missing".to_owned())) };
    match text_of(given) {
        None => Err(refuse(format!("`user` is a text, not {}", kind(given.get())))),
        Some(user) if user.trim().is_empty() => Err(refuse("`user` is empty".to_owned())),
        Some(user) => match limits::identifier("user", &user) {
            Some(objection) => Err(refuse(objection)),
            None => Ok(user),
        },
    }
}

fn data<'a>(fields: &Fields<'a>) -> Result<&'a RawValue, Vec<Problem>> {
    let wrong = |message: String, help: &str| Problem::of("data", message).help(help);
    let Some(data) = fields.get("data") else { return Err(vec![wrong("`data` is missing".to_owned(), FORM)]) };
    let Some(members) = fields_of(data) else {
        return Err(vec![wrong(format!("`data` is an object, not {}", kind(data.get())), FORM)]);
    };
    let mut problems = Vec::new();
    if let Some(reserved) = RESERVED_FIELDS.into_iter().find(|name| members.contains_key(*name)) {
        let message = format!("`data.{reserved}` is written by the service into Clay's row");
        problems.push(wrong(message, "give the field another name"));
    }
    let objections = limits::lead(data, &members).into_iter();
    problems.extend(objections.map(|objection| wrong(objection, "send what both vendors need, and keep the rest")));
    if problems.is_empty() { Ok(data) } else { Err(problems) }
}

fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'n') => "null",
        Some(b't' | b'f') => "true or false",
        Some(b'"') => "a text",
        Some(b'[') => "a list",
        Some(b'{') => "an object",
        _ => "a number",
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

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
        let hex = "ab".repeat(32);
        assert_eq!(read(body, Some(&hex)).unwrap().key, hex);
        assert_ne!(read(body, Some(&hex.to_uppercase())).unwrap().key, hex, "another key");
        let hashed = read(body, Some("order 17")).unwrap().key;
        assert_eq!((hashed.len(), &hashed), (64, &read(reordered, Some("order 17")).unwrap().key));
    }

    #[test]
    fn neighbouring_numbers_beyond_doubles_are_two_leads() {
        let key = |id: u64| read(json!({"user": "ada", "data": {"id": id}}).to_string().as_bytes(), None).unwrap().key;
        assert_ne!(key(9_007_199_254_740_993), key(9_007_199_254_740_992));
        let key = |id: &str| read(format!(r#"{{"user":"ada","data":{{"id":{id}}}}}"#).as_bytes(), None).unwrap().key;
        assert_ne!(key("89014103211118510720"), key("89014103211118510721"));
        assert_eq!(key("89014103211118510720"), key("8901410321111851072.0E+1"));
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
    fn data_is_what_both_vendors_take() {
        let lead = |data: Value| json!({"user": "ada", "data": data});
        let fields = |count: usize, bytes: usize| -> Value {
            (0..count).map(|field| (format!("f{field:03}"), json!("x".repeat(bytes)))).collect::<Map<_, _>>().into()
        };
        let text = |name: &str, bytes: usize| json!({ name: "é".repeat(bytes / 2) });
        let largest = fields(100, 989);
        assert_eq!(largest.to_string().len(), 99_901);
        for data in [largest, text("x", 1_000), fields(300, 1), json!({ "n".repeat(150): 1 }), json!({ "id": "x".repeat(150) })] {
            assert!(read(lead(data.clone()).to_string().as_bytes(), None).is_ok(), "{data}");
        }
        for (data, words) in [
            (fields(100, 990), "`data` has 100001 bytes, and an event of Customer.io holds 100000"),
            (text("x", 1_002), "`x` has 1002 bytes, and an attribute of Customer.io holds 1000"),
            (json!({ "x": ["y".repeat(1_000)] }), "`x` has 1004 bytes"),
            (fields(301, 1), "there are 301 fields, and a person of Customer.io has 300"),
            (json!({ "n".repeat(151): 1 }), "has 151 bytes, and an attribute's of Customer.io 150"),
            (json!({ "id": "x".repeat(151) }), "`data.id` has 151 bytes, and Customer.io takes 150"),
        ] {
            let (status, said) = refused(&lead(data));
            assert!(status == 422 && said.contains(words), "{words}: {said}");
        }
    }

    #[test]
    fn a_number_is_passed_on_as_it_was_written_and_has_a_bound() {
        let body = |number: &str| format!(r#"{{"user":"ada", "data":{{ "n" : {number} }} }}"#);
        for number in ["1.50", "89014103211118510721", "1e999", &"9".repeat(400)] {
            let lead = read(body(number).as_bytes(), None).unwrap();
            assert_eq!(lead.data.get(), format!("{{\"n\":{number}}}"));
            assert!(lead.operations.iter().all(|operation| operation.data.get().contains(number)));
        }
        for number in ["9".repeat(401), "1e99999999999999999999".to_owned()] {
            let refusal = read(body(&number).as_bytes(), None).unwrap_err();
            assert_eq!((refusal.status.as_u16(), refusal.errors[0].column), (422, Some(31)), "{refusal:?}");
            assert!(refusal.errors[0].message.contains("more than 400 characters"), "{refusal:?}");
        }
    }
}
