//! JSON bodies, as far as the vendors look into them.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// Whether `body` is one JSON object, without building it.
pub(crate) fn is_object(body: &[u8]) -> bool {
    // The parser skips over strings without looking at their encoding, hence the check of the whole.
    std::str::from_utf8(body)
        .is_ok_and(|text| text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// `body` as a JSON object.
pub(crate) fn object(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

/// The bytes that `value` takes: a string's own, or the JSON text of anything else.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_objects_are_objects() {
        for good in [&b"{}"[..], b" {\"a\":1}\n", b"{\"a\":{\"b\":[1,2]}}"] {
            assert!(is_object(good), "{good:?}");
            assert!(object(good).is_some(), "{good:?}");
        }
        for bad in [&b""[..], b"[]", b"1", b"null", b"{", b"{}{}", b"{\"a\":}", b"{\"a\":\"\xff\"}"] {
            assert!(!is_object(bad), "{bad:?}");
            assert!(object(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_are_of_strings_or_json_text() {
        assert_eq!(size(&Value::from("é")), 2);
        assert_eq!(size(&serde_json::json!({"a": 1})), 7);
    }
}
