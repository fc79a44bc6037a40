//! Shares of a whole as people write them: `"5%"`, or 0.05.
//!
//! A key that counts in percent takes `"5%"` or 5. Its number below 1 would be a share elsewhere: it is asked back.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The mark of a number from 0 to 1 in a schema.
pub const SHARE: &str = "share";
/// The mark of a number from 0 to 100 in a schema.
pub const PERCENT: &str = "percent";

/// What `"5%"` says: 5. `None` for anything but a number from 0 to 100 before a percent sign.
pub fn parse_percentage(text: &str) -> Option<f64> {
    let percent = text.trim().strip_suffix('%')?.trim_end().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent)
}

/// A share in percent, without the noise of binary fractions: 29 for 0.29.
pub fn percent_of(share: f64) -> f64 {
    (share * 1e10).round() / 1e8
}

/// What is odd about a percentile below 1, which looks like a share.
pub fn percentile_like_a_share(percentile: f64) -> String {
    format!("a percentile is a number from 0 to 100, and {percentile} is next to the lowest")
}

/// The schema of a share: a number from 0 to 1, or a percentage.
pub fn share_schema(_: &mut SchemaGenerator) -> Schema {
    schema(SHARE, 1)
}

/// The schema of a number from 0 to 100 that may be written as a percentage.
pub fn percent_schema(_: &mut SchemaGenerator) -> Schema {
    schema(PERCENT, 100)
}

fn schema(mark: &str, maximum: u32) -> Schema {
    let text = json_schema!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? *%$", "x-is": mark });
    json_schema!({ "anyOf": [{ "type": "number", "minimum": 0, "maximum": maximum, "x-is": mark }, text] })
}

/// For `#[serde(deserialize_with)]`: a share that may be left out.
pub(crate) fn some_share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Share {
        Number(f64),
        Text(String),
    }
    Ok(match Option::<Share>::deserialize(deserializer)? {
        None => None,
        Some(Share::Number(share)) => Some(share),
        Some(Share::Text(text)) => {
            let percent = parse_percentage(&text);
            let wrong = || D::Error::custom(format!("\"{text}\" is not a percentage: write one like \"5%\", or 0.05"));
            Some(percent.ok_or_else(wrong)? / 100.0)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_has_its_sign_and_is_of_a_whole() {
        assert_eq!(["5%", " 0.5 % ", "100%", "0%"].map(parse_percentage), [Some(5.0), Some(0.5), Some(100.0), Some(0.0)]);
        assert_eq!(["5", "101%", "-1%", "%", "NaN%", "five%", ""].map(parse_percentage), [None; 7]);
    }

    #[test]
    fn a_share_is_read_in_both_ways() {
        let read = |text: &str| some_share(&mut serde_json::Deserializer::from_str(text)).map_err(|error| error.to_string());
        assert_eq!((read("0.05"), read("\"5%\""), read("null")), (Ok(Some(0.05)), Ok(Some(0.05)), Ok(None)));
        assert!(read("\"5\"").unwrap_err().contains("write one like \"5%\""));
    }
}
