//! A queue whose store fails at the worst moment: after the vendor accepted an entry, and before the entry is out.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::resilience::queue::Drained;
use crate::resilience::queue::backlog::{Backlog, CreditState};
use crate::resilience::queue::{
    Attempt, DeadLetter, DeadLetters, Entry, FallbackQueue, Leased, MemoryBacklog, Settled, StoreError,
};
use crate::resilience::settings::FallbackSettings;
use crate::resilience::wall::{DayClock, UnixMillis};

use super::forwarding::letters_are_those_of;
use super::*;

fn room_for(entries: usize) -> MemoryBacklog {
    MemoryBacklog::new(&FallbackSettings {
        queue_capacity: entries,
        dead_letter_capacity: entries,
        ..FallbackSettings::default()
    })
}

/// A queue in memory that takes nothing out while its store is broken, and dead letters that nothing is moved to.
struct Store {
    kept: MemoryBacklog,
    broken: AtomicBool,
    /// It gives nothing out, whatever is due.
    stuck: AtomicBool,
    letters: MemoryBacklog,
}

impl Store {
    fn new(broken: bool, stuck: bool) -> Self {
        let [kept, letters] = [room_for(10), room_for(10)];
        Self { kept, broken: AtomicBool::new(broken), stuck: AtomicBool::new(stuck), letters }
    }
}

impl FallbackQueue for Store {
    fn push(&self, entry: Entry, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.kept.push(entry, due)
    }

    async fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> Result<Option<Leased>, StoreError> {
        if self.stuck.load(Ordering::Relaxed) { Ok(None) } else { self.kept.lease(now, lease_end).await }
    }

    fn next_due(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send {
        self.kept.next_due()
    }

    async fn ack(&self, id: u64, settled: Settled) -> Result<(), StoreError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(StoreError("broken".to_owned()));
        }
        self.kept.ack(id, settled).await
    }

    fn holds(&self, user: &str) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.kept.holds(user)
    }

    fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.kept.fail(id, attempt, due)
    }

    fn release(&self, id: u64, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.kept.release(id, due)
    }
}

letters_are_those_of!(Store, letters);

impl Backlog for Store {
    fn bury(&self, _: u64, _: Attempt) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(false))
    }

    fn redrive(&self, _: u64, _: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(false))
    }

    fn counts(&self) -> (u64, u64) {
        (self.kept.depth(), 0)
    }

    fn credits(&self) -> impl Future<Output = Result<Option<CreditState>, StoreError>> + Send {
        ready(Ok(None))
    }

    fn keep_credits(&self, _: CreditState) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_and_could_not_be_taken_out_is_neither_sent_nor_counted_again() {
    let Rig { vendor, log, start, .. } = rig(no_retries());
    let store = Store::new(true, false);
    let rng = Seed(1).stream("store");
    let pipeline = Pipeline::with_backlog(no_retries(), vendor.clone(), store, emitter(start, &log), DayClock::start(), rng);
    vendor.next([status(503)]);
    pipeline.call(lead(1)).await;
    assert!(matches!(pipeline.drain_once().await, Drained::StoreFailed(_)));
    assert_eq!((pipeline.gauges().counts.delivered, pipeline.gauges().queue_depth), (1, 1));

    pipeline.backlog().broken.store(false, Ordering::Relaxed);
    let Drained::NotDue { until } = pipeline.drain_once().await else { panic!("it is leased") };
    tokio::time::advance(until - Instant::now()).await;
    assert_eq!(pipeline.drain_once().await, Drained::Duplicate);
    let counts = pipeline.gauges().counts;
    assert_eq!((counts.submitted, counts.delivered, counts.duplicate, counts.queued), (1, 1, 0, 0), "{counts:?}");
    assert_eq!(vendor.count(), 2, "the call, and one delivery");
}

#[tokio::test(start_paused = true)]
async fn while_the_store_cannot_write_what_was_delivered_each_worker_stays_with_its_entry() {
    const MINUTE: Duration = Duration::from_secs(60);
    let Rig { vendor, log, start, .. } = rig(no_retries());
    let store = Store { kept: room_for(100), ..Store::new(true, false) };
    let (wall, rng) = (DayClock::start(), Seed(1).stream("store"));
    let followed = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&followed);
    let pipeline = Pipeline::with_backlog(no_retries(), vendor.clone(), store, emitter(start, &log), wall, rng).with_follow_up(
        move |_, _, data| {
            hear.lock().expect("no panic").push(data.is_some());
            Vec::new()
        },
    );
    vendor.then(Step::Answer(Reply { status: Some(200), data: Some(json!({"found": 1}).into()), ..Reply::default() }));
    for number in 0..50 {
        let entry = Entry { operation: lead(number), timestamp: 0, retry_count: 0, redrives: 0, attempts: Vec::new() };
        assert_eq!(pipeline.backlog().push(entry, 0).await, Ok(true));
    }
    let pipeline = Arc::new(pipeline);
    let work = tokio::spawn(Arc::clone(&pipeline).work(4));
    tokio::time::sleep(MINUTE).await;
    assert_eq!((vendor.count(), pipeline.backlog().depth()), (4, 50), "no more is sent than there are workers");
    pipeline.backlog().broken.store(false, Ordering::Relaxed);
    tokio::time::sleep(MINUTE).await;
    work.abort();
    assert_eq!((vendor.count(), pipeline.backlog().depth()), (50, 0), "each once");
    assert_eq!(*followed.lock().expect("no panic"), [true; 50], "what follows is made of the vendor's answer");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_gives_nothing_out_without_a_reason_is_found_whatever_stops_it() {
    let Rig { vendor, log, start, .. } = rig(no_retries());
    let rng = Seed(1).stream("store");
    let store = Store::new(false, true);
    let pipeline = Pipeline::with_backlog(no_retries(), vendor.clone(), store, emitter(start, &log), DayClock::start(), rng);
    let long = pipeline.longest_standstill();
    assert!(long >= Duration::from_secs(60), "{long:?}");
    tokio::time::advance(10 * long).await;
    assert_eq!(pipeline.standstill().await, None, "an empty queue need not move");

    let due = pipeline.shared.now() + 5_000;
    let entry = Entry { operation: lead(1), timestamp: 0, retry_count: 0, redrives: 0, attempts: Vec::new() };
    assert_eq!(pipeline.backlog().push(entry, due).await, Ok(true));
    tokio::time::advance(Duration::from_millis(4_999)).await;
    assert_eq!(pipeline.standstill().await, None, "nothing is due");
    tokio::time::advance(long).await;
    assert_eq!(pipeline.standstill().await, None, "no longer than it may be");
    tokio::time::advance(Duration::from_millis(2)).await;
    assert!(pipeline.standstill().await.is_some_and(|still| still > long));

    pipeline.backlog().stuck.store(false, Ordering::Relaxed);
    assert_eq!(pipeline.drain_once().await, Drained::Delivered);
    assert_eq!(pipeline.standstill().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_guard_holds_does_not_stand_still() {
    let Rig { vendor, log, start, .. } = rig(no_retries());
    let rng = Seed(1).stream("store");
    let store = Store::new(false, true);
    let pipeline = Pipeline::with_backlog(no_retries(), vendor.clone(), store, emitter(start, &log), DayClock::start(), rng);
    vendor.next([status(503)]);
    pipeline.call(lead(1)).await;
    pipeline.breaker().expect("a breaker").set_mode(crate::resilience::settings::BreakerMode::ForcedOpen, Instant::now());
    tokio::time::advance(10 * pipeline.longest_standstill()).await;
    assert_eq!(pipeline.standstill().await, None);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_a_worker_meets_is_counted() {
    let Rig { vendor, log, start, .. } = rig(no_retries());
    let rng = Seed(1).stream("store");
    let store = Store::new(true, false);
    let pipeline = Pipeline::with_backlog(no_retries(), vendor.clone(), store, emitter(start, &log), DayClock::start(), rng);
    vendor.next([status(503)]);
    pipeline.call(lead(1)).await;
    assert!(matches!(pipeline.drain_once().await, Drained::StoreFailed(_)));
    assert!(pipeline.store_faults() > 100, "{} of a worker that tries until its lease is over", pipeline.store_faults());
}
