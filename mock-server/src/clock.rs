//! The wall clock, for headers and answers that give a date. Everything else runs on tokio's clock, which tests can pause.

use std::time::SystemTime;

/// The date and time by the machine's wall clock.
#[allow(clippy::disallowed_methods, reason = "an HTTP date is a wall date; nothing is measured with it")]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Microseconds since 1970 by the machine's wall clock; 0 before.
pub(crate) fn unix_micros() -> u64 {
    let since = wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A date and time as ISO 8601 gives it, in UTC and to the millisecond: `2026-06-16T17:50:00.000Z`. Dates before 1970 are
/// given as its first moment.
pub(crate) fn iso_8601(date: SystemTime) -> String {
    let since = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// Year, month and day of the day with this number since 1970, by the Gregorian calendar. Years are counted from March, so
/// that the leap day is a year's last, and in eras of 400 years, which are all of one length.
fn civil(days: u64) -> (u64, u64, u64) {
    // From 0000-03-01 to 1970-01-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * era + year_of_era + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_781_632_200, "2026-06-16T17:50:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso_8601(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        assert!(iso_8601(SystemTime::UNIX_EPOCH + Duration::from_millis(1_234)).ends_with(":01.234Z"));
    }
}
