//! JSON bodies, as far as the vendors look into them.

use serde::de::IgnoredAny;

/// Bytes of the longest e-mail address (RFC 5321).
const LONGEST_ADDRESS: usize = 254;

/// Whether `body` is one JSON object, without building it.
pub(crate) fn is_object(body: &[u8]) -> bool {
    // The parser skips over strings without looking at their encoding, hence the check of the whole.
    std::str::from_utf8(body)
        .is_ok_and(|text| text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// The e-mail addresses among the strings of a JSON text, those with escapes left out.
pub(crate) fn addresses(json: &str) -> impl Iterator<Item = String> {
    let is_address = |text: &&str| text.contains('@') && text.len() <= LONGEST_ADDRESS && !text.contains(['\\', ' ']);
    json.split('"').filter(is_address).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_wherever_they_are() {
        let found: Vec<String> =
            addresses(r#"{"a":"x@y.test","b":[{"x@z.test":"mail me @ home"}],"c":"x\u0040q.test","d":1}"#).collect();
        assert_eq!(found, ["x@y.test", "x@z.test"]);
    }

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
