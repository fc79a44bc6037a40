//! The key that an operation is known by, wherever it goes.
//!
//! A key made from JSON as it happens to be ordered takes two copies of one operation for two operations. This one is made
//! from canonical JSON, once, and travels with the operation through queue and dead letters.

use mock_server::json::Json;
use sha2::{Digest, Sha256};

use crate::text::{hex, unhex};

use crate::outcome::OperationKind;

/// SHA-256, in hex, of `{data, operation, user}` as canonical JSON (RFC 8785, and exact decimals where doubles are not): the
/// order of an object's keys and the way a number is written make no difference.
pub fn idempotency_key(kind: OperationKind, user: &str, data: &Json) -> String {
    digest(&format!(r#"{{"data":{},"operation":"{}","user":{}}}"#, data.canonical(), kind.as_str(), Json::of(user)))
}

/// What the keys of leads begin with that are made of their content. A key that a submitter gave never begins so: otherwise, whoever
/// gives a lead the key of another one's content would make that one vanish as a copy.
const OF_CONTENT: &str = "content-";

/// `content-` and the SHA-256, in hex, of `{data, user}` as canonical JSON: what a lead is known by when its submitter gave it no key.
pub fn lead_key(user: &str, data: &Json) -> String {
    format!("{OF_CONTENT}{}", digest(&format!(r#"{{"data":{},"user":{}}}"#, data.canonical(), Json::of(user))))
}

/// Whether a key has the form of those that [`lead_key`] makes.
pub(crate) fn is_of_content(key: &str) -> bool {
    key.strip_prefix(OF_CONTENT).is_some_and(|hex| packed(hex).is_some())
}

/// The 32 bytes that a key of 64 lower-case hex digits stands for; `None` for a key of any other form.
pub(crate) fn packed(key: &str) -> Option<[u8; 32]> {
    unhex(key).filter(|_| !key.bytes().any(|digit| digit.is_ascii_uppercase()))
}

fn digest(canonical: &str) -> String {
    hex(&Sha256::digest(canonical))
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
        let base = idempotency_key(OperationKind::Track, "u1", &json!({"a": 1}).into());
        assert_ne!(base, idempotency_key(OperationKind::Identify, "u1", &json!({"a": 1}).into()));
        assert_ne!(base, idempotency_key(OperationKind::Track, "u2", &json!({"a": 1}).into()));
        assert_ne!(base, idempotency_key(OperationKind::Track, "u1", &json!({"a": 2}).into()));
    }

    #[test]
    fn the_key_is_the_hash_of_canonical_json() {
        // printf '{"data":{"email":"ada@acme.test"},"operation":"enrich","user":"ada"}' | sha256sum
        let canonical = r#"{"data":{"email":"ada@acme.test"},"operation":"enrich","user":"ada"}"#;
        let expected: String = Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(idempotency_key(OperationKind::Enrich, "ada", &json!({"email": "ada@acme.test"}).into()), expected);
    }

    #[test]
    fn a_key_of_content_is_told_from_any_other() {
        let key = lead_key("ada", &json!({}).into());
        assert!(is_of_content(&key) && packed(&key).is_none(), "{key}");
        for other in [&key["content-".len()..], "content-", "content-cafe", &key.to_uppercase(), &format!("{key}0")] {
            assert!(!is_of_content(other), "{other}");
        }
    }

    #[test]
    fn numbers_are_compared_by_all_of_their_digits() {
        let key = |id: &str| {
            let data = format!("{{\"x\":1,\"id\":{id}}}");
            idempotency_key(OperationKind::Track, "u1", &serde_json::from_str(&data).expect("JSON"))
        };
        for (one, other) in [
            ("9007199254740993", "9007199254740992"),
            ("18446744073709551615", "18446744073709551614"),
            ("18446744073709551616", "18446744073709551617"),
            ("89014103211118510720", "89014103211118510721"),
            ("0.12345678901234567890", "0.12345678901234567891"),
            ("1e999", "1e998"),
        ] {
            assert_ne!(key(one), key(other), "{one}");
        }
        assert_eq!(key("89014103211118510720"), key("8.9014103211118510720e19"));
    }
}
