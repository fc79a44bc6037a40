//! In-flight limit: a vendor that has become slow does not take every connection and all memory with it.
//!
//! At a steady rate the requests under way grow with the time that an answer takes (Little's law), so a vendor that slows
//! down a hundredfold without failing holds a hundred times as many. The limit keeps them few, as a client's pool of
//! connections would; whoever finds no place waits for a bounded time, and that wait is measured apart from the vendor's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::settings::InFlightSettings;

/// What the waits for a place came to, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaceWaits {
    /// Attempts that had to wait, those too that found no place in the end.
    pub count: u64,
    /// Their waits together.
    pub total: Duration,
    /// The longest of them.
    pub longest: Duration,
}

/// Bounds and counts the attempts under way.
#[derive(Debug)]
pub(super) struct InFlight {
    places: Option<(Semaphore, Duration)>,
    under_way: AtomicU64,
    waits: AtomicU64,
    waited_us: AtomicU64,
    longest_us: AtomicU64,
}

/// One attempt under way, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay<'a> {
    count: &'a AtomicU64,
    _place: Option<SemaphorePermit<'a>>,
}

impl InFlight {
    /// As many places as the settings say; without settings attempts are only counted.
    pub(super) fn new(settings: Option<InFlightSettings>) -> Self {
        let places = settings.map(|settings| (Semaphore::new(settings.max.max(1) as usize), settings.max_wait));
        Self {
            places,
            under_way: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            waited_us: AtomicU64::new(0),
            longest_us: AtomicU64::new(0),
        }
    }

    /// Takes a place, after waiting for one if need be; `None` when none became free in time. Places are given in the order
    /// in which they were asked for.
    pub(super) async fn enter(&self) -> Option<UnderWay<'_>> {
        let place = match &self.places {
            None => None,
            Some((places, max_wait)) => match places.try_acquire() {
                Ok(place) => Some(place),
                Err(_) => Some(self.wait_for_place(places, *max_wait).await?),
            },
        };
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Some(UnderWay { count: &self.under_way, _place: place })
    }

    async fn wait_for_place<'a>(&self, places: &'a Semaphore, max_wait: Duration) -> Option<SemaphorePermit<'a>> {
        let asked = Instant::now();
        let place = timeout(max_wait, places.acquire()).await;
        let waited_us = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.waited_us.fetch_add(waited_us, Ordering::Relaxed);
        self.longest_us.fetch_max(waited_us, Ordering::Relaxed);
        // The semaphore is never closed: an error is a wait that was too long.
        place.ok()?.ok()
    }

    /// Attempts under way.
    pub(super) fn count(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// What waiting came to.
    pub(super) fn waits(&self) -> PlaceWaits {
        PlaceWaits {
            count: self.waits.load(Ordering::Relaxed),
            total: Duration::from_micros(self.waited_us.load(Ordering::Relaxed)),
            longest: Duration::from_micros(self.longest_us.load(Ordering::Relaxed)),
        }
    }
}

impl Drop for UnderWay<'_> {
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
    async fn never_more_than_the_limit_are_under_way_and_waits_are_measured() {
        let in_flight = Arc::new(InFlight::new(Some(InFlightSettings { max: 2, max_wait: 10 * SECOND })));
        let attempts: Vec<_> = (0..6)
            .map(|_| {
                let in_flight = Arc::clone(&in_flight);
                tokio::spawn(async move {
                    let _place = in_flight.enter().await.expect("a place in time");
                    assert!(in_flight.count() <= 2, "{} under way", in_flight.count());
                    sleep(SECOND).await;
                })
            })
            .collect();
        for attempt in attempts {
            attempt.await.expect("no panic");
        }
        assert_eq!(in_flight.count(), 0);
        let waits = in_flight.waits();
        assert_eq!(waits, PlaceWaits { count: 4, total: 6 * SECOND, longest: 2 * SECOND });
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_too_long_gets_none_and_takes_none() {
        let in_flight = InFlight::new(Some(InFlightSettings { max: 1, max_wait: SECOND }));
        let held = in_flight.enter().await.expect("the first");
        assert!(in_flight.enter().await.is_none());
        assert_eq!(in_flight.waits(), PlaceWaits { count: 1, total: SECOND, longest: SECOND });
        drop(held);
        assert!(in_flight.enter().await.is_some());
    }

    #[tokio::test]
    async fn without_a_limit_they_are_only_counted() {
        let in_flight = InFlight::new(None);
        let mut held = Vec::new();
        for _ in 0..1_000 {
            held.push(in_flight.enter().await.expect("always"));
        }
        assert_eq!(in_flight.count(), 1_000);
        drop(held);
        assert_eq!((in_flight.count(), in_flight.waits()), (0, PlaceWaits::default()));
    }
}
