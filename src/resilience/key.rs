//! The key that an operation is known by, wherever it goes.
//!
//! A key made from JSON as it happens to be ordered takes two copies of one operation for two operations. This one is made
//! from canonical JSON, once, and travels with the operation through queue and dead letters.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::text::{hex, unhex};

use crate::outcome::OperationKind;

/// SHA-256, in hex, of `{data, operation, user}` as canonical JSON (RFC 8785): the order of an object's keys and the way a
/// number is written make no difference.
pub fn idempotency_key(kind: OperationKind, user: &str, data: &Value) -> String {
    #[derive(Serialize)]
    struct Material<'a> {
        user: &'a str,
        operation: OperationKind,
        data: &'a Value,
    }
    digest(&Material { user, operation: kind, data }, data, || format!("{user:?} {kind:?} {}", sorted(data)))
}

/// SHA-256, in hex, of `{data, user}` as canonical JSON: what a lead is known by when its submitter gave it no key.
pub fn lead_key(user: &str, data: &Value) -> String {
    #[derive(Serialize)]
    struct Material<'a> {
        user: &'a str,
        data: &'a Value,
    }
    digest(&Material { user, data }, data, || format!("{user:?} {}", sorted(data)))
}

/// The 32 bytes that a key of 64 lower-case hex digits stands for; `None` for a key of any other form.
pub(crate) fn packed(key: &str) -> Option<[u8; 32]> {
    unhex(key).filter(|_| !key.bytes().any(|digit| digit.is_ascii_uppercase()))
}

/// Of `material` as canonical JSON. That has only doubles: where `data` has integers beyond 2^53, which it refuses or rounds,
/// the text of `otherwise` is hashed.
fn digest(material: &impl Serialize, data: &Value, otherwise: impl FnOnce() -> String) -> String {
    let canonical = if has_long_integer(data) { None } else { serde_json_canonicalizer::to_vec(material).ok() };
    let bytes = canonical.unwrap_or_else(|| otherwise().into_bytes());
    hex(&Sha256::digest(&bytes))
}

fn has_long_integer(value: &Value) -> bool {
    const LONGEST: u64 = 1 << 53;
    match value {
        Value::Number(number) => {
            number.as_u64().is_some_and(|n| n > LONGEST) || number.as_i64().is_some_and(|n| n.unsigned_abs() > LONGEST)
        }
        Value::Array(items) => items.iter().any(has_long_integer),
        Value::Object(fields) => fields.values().any(has_long_integer),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// JSON with the keys of every object in order.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name:?}:{}", sorted(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_and_the_form_of_numbers_do_not_matter() {
        let key = |text: &str| idempotency_key(OperationKind::Track, "u1", &serde_json::from_str(text).expect("JSON"));
        assert_eq!(key(r#"{"a":1,"b":{"d":2,"c":[1,2]}}"#), key(r#"{"b":{"c":[1.0,2e0],"d":2.0},"a":1}"#));
        assert_ne!(key(r#"{"a":[1,2]}"#), key(r#"{"a":[2,1]}"#));
        assert_eq!(key("{}").len(), 64);
    }

    #[test]
    fn user_operation_and_data_all_count() {
        let base = idempotency_key(OperationKind::Track, "u1", &json!({"a": 1}));
        assert_ne!(base, idempotency_key(OperationKind::Identify, "u1", &json!({"a": 1})));
        assert_ne!(base, idempotency_key(OperationKind::Track, "u2", &json!({"a": 1})));
        assert_ne!(base, idempotency_key(OperationKind::Track, "u1", &json!({"a": 2})));
    }

    #[test]
    fn the_key_is_the_hash_of_canonical_json() {
        // printf '{"data":{"email":"ada@acme.test"},"operation":"enrich","user":"ada"}' | sha256sum
        let canonical = r#"{"data":{"email":"ada@acme.test"},"operation":"enrich","user":"ada"}"#;
        let expected: String = Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(idempotency_key(OperationKind::Enrich, "ada", &json!({"email": "ada@acme.test"})), expected);
    }

    #[test]
    fn neighbouring_integers_beyond_doubles_are_different() {
        let key = |id: u64| idempotency_key(OperationKind::Track, "u1", &json!({"id": id, "x": 1}));
        assert_ne!(key(9_007_199_254_740_993), key(9_007_199_254_740_992));
        assert_ne!(key(u64::MAX), key(u64::MAX - 1));
    }
}
