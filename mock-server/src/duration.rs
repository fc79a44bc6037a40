//! Durations as people and k6 write them: `500ms`, `30s`, `2m`, `1h30m`.
//!
//! Whoever writes a fault by hand, in a scenario or to the admin API, writes its times like this; numbers without a unit are
//! refused, for seconds and milliseconds are too easily taken for each other.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DurationError {
    /// Nothing there.
    #[error("a duration is missing: write one like \"30s\", \"2m\" or \"1h30m\"")]
    Empty,
    /// A number without a unit.
    #[error("\"{0}\" has no unit: write \"{0}s\" for seconds, or use ms, m, h, d")]
    NoUnit(String),
    /// A minus sign.
    #[error("a duration cannot be negative")]
    Negative,
    /// Anything else.
    #[error("\"{0}\" is not a duration: write one like \"500ms\", \"30s\", \"2m\" or \"1h30m\"")]
    Malformed(String),
    /// Longer than a hundred years.
    #[error("\"{0}\" is too long")]
    TooLong(String),
}

/// Reads a duration in k6's form: numbers with units `d`, `h`, `m`, `s`, `ms`, `us`, in a row (`1h30m`, `1.5s`, `0s`).
/// A lone `0` needs no unit.
///
/// # Errors
/// When the text is anything else.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    if text.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(DurationError::NoUnit(text.to_owned()));
    }
    let malformed = || DurationError::Malformed(text.to_owned());
    let mut rest = text;
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(malformed)?;
        let number: f64 = rest[..digits].parse().map_err(|_| malformed())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        seconds += number
            * match &rest[..letters] {
                "d" => 86_400.0,
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                _ => return Err(malformed()),
            };
        rest = &rest[letters..];
    }
    if seconds > 100.0 * 365.0 * 86_400.0 {
        return Err(DurationError::TooLong(text.to_owned()));
    }
    Ok(Duration::from_micros((seconds * 1e6).round() as u64))
}

/// Writes a duration in the form that [`parse_duration`] reads: `1h30m`, `2m30s`, `350ms`, `0s`. Parts of a millisecond
/// beside seconds are left out.
pub fn format_duration(duration: Duration) -> String {
    let us = duration.as_micros();
    if us == 0 {
        return "0s".to_owned();
    }
    if us < 1_000 {
        return format!("{us}us");
    }
    if us < 1_000_000 {
        return format!("{}ms", trim_zeros(us as f64 / 1e3));
    }
    let mut seconds = us as f64 / 1e6;
    let mut text = String::new();
    for (unit, length) in [("h", 3_600.0), ("m", 60.0)] {
        let count = (seconds / length).floor();
        if count > 0.0 {
            text.push_str(&format!("{count:.0}{unit}"));
            seconds -= count * length;
        }
    }
    if seconds > 0.000_5 || text.is_empty() {
        text.push_str(&format!("{}s", trim_zeros(seconds)));
    }
    text
}

/// Microseconds, at most as many as the number holds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn trim_zeros(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A duration that is written as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

impl From<Period> for Duration {
    fn from(period: Period) -> Self {
        period.0
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = format_duration(self.0);
        // The form for people rounds; what is read back must be what was meant.
        let is_exact = parse_duration(&text).is_ok_and(|read| read.as_micros() == self.0.as_micros());
        if is_exact { serializer.serialize_str(&text) } else { serializer.collect_str(&format_args!("{}us", self.0.as_micros())) }
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: \"500ms\", \"30s\", \"2m\" or \"1h30m\".",
            "pattern": "^(0|([0-9]+(\\.[0-9]+)?(d|h|m|s|ms|us|µs))+)$",
            "x-is": "duration",
        })
    }
}

/// For `#[serde(with)]`: a duration that is written as a [`Period`] is, or one that may be left out.
pub(crate) mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Period;

    pub(crate) fn serialize<T: Copy + Into<Option<Duration>>, S: Serializer>(
        duration: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (*duration).into().map(Period).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: From<Duration>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        Period::deserialize(deserializer).map(|Period(duration)| T::from(duration))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_k6_reads_them() {
        for (text, ms) in [("0", 0), ("0s", 0), ("500ms", 500), ("1.5s", 1_500), ("2m", 120_000), ("1h30m", 5_400_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_says_what_would_be() {
        assert_eq!(parse_duration(""), Err(DurationError::Empty));
        assert_eq!(parse_duration("10"), Err(DurationError::NoUnit("10".into())));
        assert_eq!(parse_duration("-2m"), Err(DurationError::Negative));
        for text in ["2 minutes", "m", "s2", "1h30", "1..5s", "2mm", "inf", "1e3s", "99999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_is_a_text() {
        let period: Period = serde_json::from_str("\"1m30s\"").unwrap();
        assert_eq!(period.0, Duration::from_secs(90));
        assert_eq!(serde_json::to_string(&period).unwrap(), "\"1m30s\"");
        let odd = Period(Duration::from_micros(90_000_001));
        assert_eq!(serde_json::from_str::<Period>(&serde_json::to_string(&odd).unwrap()).unwrap(), odd);
        assert!(serde_json::from_str::<Period>("\"30\"").unwrap_err().to_string().contains("has no unit"));
    }

    proptest! {
        #[test]
        fn a_written_duration_is_read_back(ms in 0_u64..10_000_000_000) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,24}") {
            let _ = parse_duration(&text);
        }
    }
}
