//! JSON bodies, as far as the vendors look into them.

use serde::de::IgnoredAny;

/// Whether `body` is one JSON object, without building it.
pub(crate) fn is_object(body: &[u8]) -> bool {
    // The parser skips over strings without looking at their encoding, hence the check of the whole.
    std::str::from_utf8(body)
        .is_ok_and(|text| text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_objects_are_objects() {
        for good in [&b"{}"[..], b" {\"a\":1}\n", b"{\"a\":{\"b\":[1,2]}}"] {
            assert!(is_object(good), "{good:?}");
        }
        for bad in [&b""[..], b"[]", b"1", b"null", b"{", b"{}{}", b"{\"a\":}", b"{\"a\":\"\xff\"}"] {
            assert!(!is_object(bad), "{bad:?}");
        }
    }
}
