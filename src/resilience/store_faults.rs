//! Errors of the store that no caller waits for: counted, and logged without a flood.
//!
//! A worker that meets an error of its store tries again 20 times a second. If each were dropped, nothing would say why no
//! lead is delivered; if each were logged, the log would hold nothing else.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::StoreError;

/// How often the errors of one store are logged at most.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The errors of a store since the start.
#[derive(Debug, Default)]
pub struct StoreFaults(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    logged: Option<(Instant, u64)>,
}

impl StoreFaults {
    /// Counts an error, and logs it together with how many were not logged before it. `what` says what failed, as in "leads
    /// are not listed".
    pub fn note(&self, what: &str, error: &StoreError) {
        let now = Instant::now();
        let more = {
            let mut seen = self.0.lock();
            seen.count += 1;
            let logged = seen.logged.map_or(0, |(_, count)| count);
            if seen.logged.is_some_and(|(at, _)| now.saturating_duration_since(at) < LOG_EVERY) {
                return;
            }
            seen.logged = Some((now, seen.count));
            seen.count - logged - 1
        };
        let more = if more == 0 { String::new() } else { format!("; {more} errors before it were not logged") };
        log::error!("{error} ({what}{more})");
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0.lock().count
    }

    #[cfg(test)]
    fn logged(&self) -> Option<u64> {
        self.0.lock().logged.map(|(_, count)| count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_is_counted_and_one_in_ten_seconds_is_logged() {
        let faults = StoreFaults::default();
        let error = StoreError("no disk".to_owned());
        for _ in 0..5 {
            faults.note("the queue", &error);
        }
        assert_eq!((faults.count(), faults.logged()), (5, Some(1)));
        tokio::time::advance(LOG_EVERY).await;
        faults.note("the queue", &error);
        assert_eq!((faults.count(), faults.logged()), (6, Some(6)));
    }
}
