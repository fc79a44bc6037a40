//! Dates as the Pipelines API gives them: ISO 8601 with a time, `2026-03-01T12:30:00.250Z`.

/// The Unix time of a date, in whole seconds; `None` where it is no date of that form. Without an offset it is UTC.
pub(super) fn unix_seconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-');
    let mut part = || number(parts.next()?);
    let (year, month, day) = (part()?, part()?, part()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    let (clock, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => (&time[..at], offset(&time[at..])?),
        None => (time, 0),
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let second = parts.next().map_or(Some(0), |second| number(second.split(['.', ',']).next()?))?;
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset)
}

/// Digits only: a sign is not part of a date.
fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Seconds that a zone is ahead of UTC: `Z`, `+02:00`, `-0530`.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = zone.split_at_checked(1)?;
    let digits = digits.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = match minutes.len() {
        0 => 0,
        1 | 2 => number(minutes)?,
        _ => return None,
    };
    let seconds = number(hours)? * 3_600 + minutes * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

/// Days from 1 January 1970 in the Gregorian calendar. Years are counted from March, so that the leap day comes last
/// (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
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
