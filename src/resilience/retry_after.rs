//! The header Retry-After, which comes as seconds, as a date, as nonsense, or as a year.
//!
//! A client that reads seconds only treats a date as nothing, and hammers a vendor that has just asked for a pause.

use std::time::Duration;

use tokio::time::Instant;

use super::sender::RetryAfter;
use super::wall::DayClock;

/// Reads the header's value (RFC 9110, section 10.2.3): whole seconds, or an HTTP date in any of its three forms.
pub fn parse_retry_after(value: &str) -> RetryAfter {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Digits beyond u64 are still a delay: the longest one.
        return RetryAfter::Delay(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    match httpdate::parse_http_date(value) {
        Ok(date) => RetryAfter::Until(date),
        Err(_) => RetryAfter::Unreadable,
    }
}

impl RetryAfter {
    /// How long from `now`; `None` when it could not be read.
    pub fn wait(self, clock: &DayClock, now: Instant) -> Option<Duration> {
        match self {
            Self::Delay(delay) => Some(delay),
            Self::Until(date) => Some(clock.until(date, now)),
            Self::Unreadable => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_dates_and_garbage() {
        let date = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        for (value, expected) in [
            ("30", RetryAfter::Delay(Duration::from_secs(30))),
            (" 0 ", RetryAfter::Delay(Duration::ZERO)),
            ("86400", RetryAfter::Delay(Duration::from_secs(86_400))),
            ("99999999999999999999999", RetryAfter::Delay(Duration::from_secs(u64::MAX))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", RetryAfter::Until(date)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", RetryAfter::Until(date)),
            ("Sun Nov  6 08:49:37 1994", RetryAfter::Until(date)),
            ("", RetryAfter::Unreadable),
            ("-1", RetryAfter::Unreadable),
            ("1.5", RetryAfter::Unreadable),
            ("soon", RetryAfter::Unreadable),
        ] {
            assert_eq!(parse_retry_after(value), expected, "{value:?}");
        }
    }
}
