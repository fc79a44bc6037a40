//! The wall clock, read once and then carried forward by monotonic time.
//!
//! A budget that starts anew at midnight, and a Retry-After that names a date, need the time of day; but a wall clock can
//! be set back by an hour while leads are in flight. So it is read at the start only, and every later reading is that
//! anchor plus the time that has passed, which tests can pause and drive through many days.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::time::Instant;

/// Milliseconds since the Unix epoch: how entries of the queue and the dead letters are dated.
pub type UnixMillis = u64;

const DAY_S: i64 = 86_400;

/// A time as a date in UTC.
pub fn date(at: UnixMillis) -> String {
    i64::try_from(at)
        .ok()
        .and_then(DateTime::<Utc>::from_timestamp_millis)
        .map_or_else(|| format!("{at} ms after 1970"), |date| date.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A wall clock anchored at one instant.
#[derive(Debug, Clone, Copy)]
pub struct DayClock {
    /// What the wall clock showed at `start`.
    pub start_wall: DateTime<Utc>,
    /// The monotonic instant of the anchor.
    pub start: Instant,
}

impl DayClock {
    /// Anchors the machine's wall clock now.
    pub fn start() -> Self {
        Self { start_wall: crate::clock::wall_clock(), start: Instant::now() }
    }

    /// Anchors the machine's wall clock now, or `latest` where that is later: time that has been written down does not come
    /// again when the clock was set back in between.
    pub fn start_behind(latest: Option<UnixMillis>) -> Self {
        let clock = Self::start();
        let latest = latest.and_then(|latest| DateTime::from_timestamp_millis(i64::try_from(latest).ok()?));
        Self { start_wall: latest.map_or(clock.start_wall, |latest| latest.max(clock.start_wall)), ..clock }
    }

    /// Milliseconds since the Unix epoch at `now`; 0 for a clock that stands before 1970.
    pub fn unix_millis(&self, now: Instant) -> UnixMillis {
        let passed = i64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(i64::MAX);
        self.start_wall.timestamp_millis().saturating_add(passed).max(0) as u64
    }

    /// The instant at which this clock shows `at`; `now` when that has passed.
    pub fn instant(&self, at: UnixMillis, now: Instant) -> Instant {
        now + Duration::from_millis(at.saturating_sub(self.unix_millis(now)))
    }

    /// How long from `now` until the wall shows `date`; zero when it has passed.
    pub fn until(&self, date: SystemTime, now: Instant) -> Duration {
        let date = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        date.saturating_sub(Duration::from_millis(self.unix_millis(now)))
    }

    /// The number of the day, counted from 1970-01-01, where clocks differ from UTC by `offset_minutes`.
    pub fn day(&self, now: Instant, offset_minutes: i32) -> i64 {
        let local_s = (self.unix_millis(now) / 1_000) as i64 + i64::from(offset_minutes) * 60;
        local_s.div_euclid(DAY_S)
    }

    /// The first instant of the next day there.
    pub fn next_day(&self, now: Instant, offset_minutes: i32) -> Instant {
        let midnight_s = (self.day(now, offset_minutes) + 1) * DAY_S - i64::from(offset_minutes) * 60;
        self.instant(midnight_s.max(0) as u64 * 1_000, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock_at(text: &str) -> DayClock {
        DayClock { start_wall: text.parse().expect("a date"), start: Instant::now() }
    }

    #[test]
    fn a_day_ends_at_midnight_of_the_stated_offset() {
        let clock = clock_at("2026-03-01T22:59:59Z");
        let today = clock.day(clock.start, 60);
        assert_eq!(clock.day(clock.start + Duration::from_secs(1), 60), today + 1);
        assert_eq!(clock.day(clock.start + Duration::from_secs(1), 0), clock.day(clock.start, 0));
        assert_eq!(clock.next_day(clock.start, 60), clock.start + Duration::from_secs(1));
        assert_eq!(clock.next_day(clock.start, -120), clock.start + Duration::from_secs(3 * 3_600 + 1));
    }

    #[test]
    fn a_clock_that_was_set_back_goes_on_where_it_was() {
        let real = DayClock::start();
        let hour = 3_600_000;
        let ahead = real.unix_millis(real.start) + hour;
        let behind = DayClock::start_behind(Some(ahead));
        assert_eq!(behind.unix_millis(behind.start + Duration::from_secs(5)), ahead + 5_000);
        for latest in [None, Some(0), Some(ahead - 2 * hour), Some(u64::MAX)] {
            let clock = DayClock::start_behind(latest);
            assert!(clock.unix_millis(clock.start) < ahead, "{latest:?}");
        }
    }

    #[test]
    fn dates_become_waits() {
        let clock = clock_at("1994-11-06T08:49:00Z");
        let date = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        assert_eq!(clock.until(date, clock.start), Duration::from_secs(37));
        assert_eq!(clock.until(date, clock.start + Duration::from_secs(40)), Duration::ZERO);
    }
}
