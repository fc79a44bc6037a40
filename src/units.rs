//! Durations as k6 writes them, and figures as people read them.

use std::time::Duration;

pub use mock_server::duration::{DurationError, format_duration, parse_duration};
pub use mock_server::latency::Z99;

/// A duration in whole microseconds, at most `u64::MAX`.
pub fn micros(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(duration.subsec_micros()))
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

/// As [`format_latency`], for a difference of times in seconds, which may be below zero.
pub fn format_seconds(seconds: f64) -> String {
    let sign = if seconds <= -5e-7 { "−" } else { "" };
    format!("{sign}{}", format_latency((seconds.abs() * 1e6).round() as u64))
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
    use super::*;

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!(format_latency(850), "850 µs");
        assert_eq!(format_latency(12_340), "12.3 ms");
        assert_eq!(format_latency(999_700), "1.00 s");
        assert_eq!([0.0042, 1.5, -0.25, 0.0].map(format_seconds), ["4.20 ms", "1.50 s", "−250 ms", "0 µs"]);
        assert_eq!(format_count(50_000), "50,000");
        assert_eq!(format_count(999), "999");
        assert_eq!(format_duration(Duration::from_secs(150)), "2m30s");
        assert_eq!(format_bytes(22_400_000), "22.4 MB");
    }
}
