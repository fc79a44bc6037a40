//! In-flight limit: a vendor that has become slow does not take every connection and all memory with it.
//!
//! At a steady rate the requests in flight grow with the time that an answer takes (Little's law), so a vendor that slows
//! down a hundredfold without failing holds a hundred times as many. The limit bounds them, as a client's connection pool
//! would. An attempt beyond it waits for a bounded time, and that wait is measured apart from the vendor's answer time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::settings::InFlightSettings;

/// The waits for a permit since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InFlightWaits {
    /// Attempts that had to wait, including those that got no permit.
    pub count: u64,
    /// The sum of their waits.
    pub total: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl InFlightWaits {
    fn add(&mut self, waited: Duration) {
        self.count += 1;
        self.total += waited;
        self.longest = self.longest.max(waited);
    }
}

/// Bounds and counts the attempts in flight.
#[derive(Debug)]
pub(super) struct InFlight {
    limit: Option<(Semaphore, Duration)>,
    in_flight: AtomicU64,
    waits: Mutex<InFlightWaits>,
}

/// One attempt in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct InFlightPermit<'a> {
    count: &'a AtomicU64,
    _permit: Option<SemaphorePermit<'a>>,
}

impl InFlight {
    /// A limit as the settings say; without settings attempts are only counted.
    pub(super) fn new(settings: Option<InFlightSettings>) -> Self {
        let limit = settings.map(|settings| (Semaphore::new(settings.max.max(1) as usize), settings.max_wait));
        Self { limit, in_flight: AtomicU64::new(0), waits: Mutex::default() }
    }

    /// The longest that an attempt waits for a permit.
    pub(super) fn longest_wait(&self) -> Duration {
        self.limit.as_ref().map_or(Duration::ZERO, |(_, max_wait)| *max_wait)
    }

    /// Acquires a permit, waiting if necessary; `None` when none became free in time. Waiters get theirs in order.
    pub(super) async fn acquire(&self) -> Option<InFlightPermit<'_>> {
        let permit = match &self.limit {
            None => None,
            Some((permits, max_wait)) => match permits.try_acquire() {
                Ok(permit) => Some(permit),
                Err(_) => Some(self.wait_for_permit(permits, *max_wait).await?),
            },
        };
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(InFlightPermit { count: &self.in_flight, _permit: permit })
    }

    async fn wait_for_permit<'a>(&self, permits: &'a Semaphore, max_wait: Duration) -> Option<SemaphorePermit<'a>> {
        let asked = Instant::now();
        let permit = timeout(max_wait, permits.acquire()).await;
        self.waits.lock().add(asked.elapsed());
        // The semaphore is never closed: an error is a wait that was too long.
        permit.ok()?.ok()
    }

    /// Attempts in flight.
    pub(super) fn count(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The waits so far.
    pub(super) fn waits(&self) -> InFlightWaits {
        *self.waits.lock()
    }
}

impl Drop for InFlightPermit<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn at_most_the_limit_is_in_flight_and_waits_are_measured() {
        let in_flight = Arc::new(InFlight::new(Some(InFlightSettings { max: 2, max_wait: 10 * SECOND })));
        let attempts: Vec<_> = (0..6)
            .map(|_| {
                let in_flight = Arc::clone(&in_flight);
                tokio::spawn(async move {
                    let _permit = in_flight.acquire().await.expect("a permit in time");
                    assert!(in_flight.count() <= 2, "{} in flight", in_flight.count());
                    sleep(SECOND).await;
                })
            })
            .collect();
        for attempt in attempts {
            attempt.await.expect("no panic");
        }
        assert_eq!(in_flight.count(), 0);
        let waits = in_flight.waits();
        assert_eq!(waits, InFlightWaits { count: 4, total: 6 * SECOND, longest: 2 * SECOND });
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_waits_too_long_gets_no_permit_and_holds_none() {
        let in_flight = InFlight::new(Some(InFlightSettings { max: 1, max_wait: SECOND }));
        let held = in_flight.acquire().await.expect("the first");
        assert!(in_flight.acquire().await.is_none());
        assert_eq!(in_flight.waits(), InFlightWaits { count: 1, total: SECOND, longest: SECOND });
        drop(held);
        assert!(in_flight.acquire().await.is_some());
    }

    #[tokio::test]
    async fn without_a_limit_attempts_are_only_counted() {
        let in_flight = InFlight::new(None);
        let mut held = Vec::new();
        for _ in 0..1_000 {
            held.push(in_flight.acquire().await.expect("always"));
        }
        assert_eq!(in_flight.count(), 1_000);
        drop(held);
        assert_eq!((in_flight.count(), in_flight.waits()), (0, InFlightWaits::default()));
    }
}
