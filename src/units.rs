//! Durations as k6 writes them, and figures as people read them.

use std::time::Duration;

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

/// Writes a duration in the form that [`parse_duration`] reads: `1h30m`, `2m30s`, `350ms`, `0s`.
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

fn trim_zeros(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writes a latency with three significant figures and the unit that suits it: `850 µs`, `12.3 ms`, `1.25 s`.
pub fn format_latency(us: u64) -> String {
    let value = us as f64;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..999_500 => format!("{} ms", three_figures(value / 1e3)),
        _ => format!("{} s", three_figures(value / 1e6)),
    }
}

/// Three significant figures: `1.25`, `12.3`, `123`, `1234`.
pub fn three_figures(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Writes a count with thousands separated: `50,000`.
pub fn format_count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a size in bytes: `512 B`, `1.5 KB`, `22.4 MB`, with powers of 1000.
pub fn format_bytes(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", three_figures(value / 1e3)),
        1_000_000..1_000_000_000 => format!("{} MB", three_figures(value / 1e6)),
        _ => format!("{} GB", three_figures(value / 1e9)),
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
    fn figures_are_written_for_people() {
        assert_eq!(format_latency(850), "850 µs");
        assert_eq!(format_latency(12_340), "12.3 ms");
        assert_eq!(format_latency(999_700), "1.00 s");
        assert_eq!(format_count(50_000), "50,000");
        assert_eq!(format_count(999), "999");
        assert_eq!(format_duration(Duration::from_secs(150)), "2m30s");
        assert_eq!(format_bytes(22_400_000), "22.4 MB");
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
