//! Dates as the Pipelines API gives them: ISO 8601 with a time, `2026-03-01T12:30:00.250Z`.

use chrono::{DateTime, NaiveDateTime};

/// The Unix time of a date, in whole seconds; `None` where it is no date of that form. Without an offset it is UTC.
pub(super) fn unix_seconds(text: &str) -> Option<i64> {
    let text = text.to_ascii_uppercase().replacen('T', " ", 1).replace(',', ".");
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"].into_iter().find_map(|format| {
        let with_offset = DateTime::parse_from_str(&text, &format!("{format}%#z")).map(|date| date.timestamp());
        with_offset.or_else(|_| NaiveDateTime::parse_from_str(&text, format).map(|date| date.and_utc().timestamp())).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_unix_time() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2026-11-20T22:00:00.123Z", 1_795_212_000),
            ("2026-11-20T23:30:00+01:30", 1_795_212_000),
            ("2026-11-20T17:00:00-0500", 1_795_212_000),
            ("2026-11-20 22:00", 1_795_212_000),
            ("1969-12-31T23:59:59Z", -1),
        ] {
            assert_eq!(unix_seconds(text), Some(seconds), "{text}");
        }
        for other in [
            "",
            "yesterday",
            "2026-11-20",
            "2026-13-01T00:00:00Z",
            "2026-11-20T25:00:00Z",
            "2026-11-20T1é:00Z",
            "--T:",
            "2026-11-20T22:00+029223372036854775807",
        ] {
            assert_eq!(unix_seconds(other), None, "{other}");
        }
    }
}
