//! Credits over many lives: a process that is killed at any moment has not spent what the next one spends again.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rand::Rng;

use crate::resilience::credits::CreditBudget;
use crate::resilience::operation::Disposition;
use crate::resilience::queue::{
    Attempt, Backlog, CreditState, DeadLetter, DeadLetters, Entry, FallbackQueue, Leased, MemoryBacklog, Settled, StoreError,
};
use crate::resilience::settings::CreditSettings;
use crate::resilience::wall::{DayClock, UnixMillis};

use super::forwarding::{letters_are_those_of, queue_is_that_of};
use super::*;

const NOON: &str = "2026-03-01T12:00:00Z";
const DAY: Duration = Duration::from_secs(86_400);

/// What outlives the process: the credits, as they were kept last. Everything else is lost with each life.
#[derive(Debug, Default)]
struct Disk {
    kept: Mutex<Option<CreditState>>,
    writes: AtomicU32,
    broken: AtomicBool,
}

/// The backlog of one life. Keeping credits takes a moment before and after it is durable, in which a life may end.
pub(super) struct Life {
    disk: Arc<Disk>,
    backlog: MemoryBacklog,
}

queue_is_that_of!(Life, backlog);
letters_are_those_of!(Life, backlog);

impl Backlog for Life {
    fn bury(&self, id: u64, attempt: Attempt) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.backlog.bury(id, attempt)
    }

    fn redrive(&self, letter: u64, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.backlog.redrive(letter, due)
    }

    fn counts(&self) -> (u64, u64) {
        self.backlog.counts()
    }

    fn credits(&self) -> impl Future<Output = Result<Option<CreditState>, StoreError>> + Send {
        ready(Ok(*self.disk.kept.lock().expect("no panic")))
    }

    async fn keep_credits(&self, state: CreditState) -> Result<(), StoreError> {
        tokio::time::sleep(Duration::from_millis(3)).await;
        if self.disk.broken.load(Ordering::Relaxed) {
            return Err(StoreError("the disk is full".to_owned()));
        }
        *self.disk.kept.lock().expect("no panic") = Some(state);
        self.disk.writes.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(3)).await;
        Ok(())
    }
}

pub(super) struct World {
    disk: Arc<Disk>,
    pub(super) vendor: Arc<Script>,
    wall: DayClock,
    log: Arc<Log>,
    settings: PipelineSettings,
}

pub(super) fn world(credits: CreditSettings) -> World {
    let Rig { vendor, log, start, .. } = rig(plain());
    let wall = DayClock { start_wall: NOON.parse().expect("a date"), start };
    World { disk: Arc::default(), vendor, wall, log, settings: PipelineSettings { credits: Some(credits), ..no_retries() } }
}

impl World {
    /// A new process on the same disk.
    pub(super) async fn live(&self, number: u64) -> Arc<Pipeline<Arc<Script>, Life>> {
        let life = Life { disk: Arc::clone(&self.disk), backlog: MemoryBacklog::new(&self.settings.fallback) };
        let rng = Seed(5).numbered_stream("life", number);
        let emitter = emitter(self.wall.start, &self.log);
        let pipeline = Pipeline::with_backlog(self.settings.clone(), self.vendor.clone(), life, emitter, self.wall, rng);
        pipeline.restore().await.expect("a disk that can be read");
        Arc::new(pipeline)
    }

    /// The leads that the vendor was sent on each day from noon of the first; it charges when it is asked.
    fn charged_by_day(&self) -> Vec<u64> {
        let mut days = Vec::new();
        for (at, ..) in self.vendor.got.lock().expect("no panic").iter() {
            let day = ((*at + DAY / 2).as_secs() / DAY.as_secs()) as usize;
            days.resize(days.len().max(day + 1), 0);
            days[day] += self.settings.credits.expect("credits").per_lead;
        }
        days
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_every_moment_of_many_days_no_day_is_overspent() {
    let mut rng = Seed(20_260_301).stream("kills");
    let credits = CreditSettings { daily_limit: 120, per_lead: 6, ..CreditSettings::default() };
    let world = world(credits);
    world.vendor.then(Step::Late(Duration::from_millis(20), Reply { status: Some(200), ..Reply::default() }));
    let mut number = 0;
    for life in 0..600 {
        let pipeline = world.live(life).await;
        let calls: Vec<_> = (0..rng.random_range(1..6))
            .map(|_| {
                number += 1;
                let (pipeline, operation) = (Arc::clone(&pipeline), lead(number));
                tokio::spawn(async move { pipeline.call(operation).await })
            })
            .collect();
        // The kill comes before, in the middle of, or after a write or a request.
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..40))).await;
        calls.iter().for_each(tokio::task::JoinHandle::abort);
        tokio::time::sleep(Duration::from_secs(rng.random_range(0..3_600))).await;
    }
    let days = world.charged_by_day();
    assert!(days.len() > 10 && days.iter().all(|&charged| charged <= 120), "{days:?}");
    assert!(days.iter().filter(|&&charged| charged >= 60).count() > 5, "and most of a day's credits can be used: {days:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_gives_no_credit_twice_and_loses_at_most_a_block() {
    let world = world(CreditSettings { daily_limit: 6_000, per_lead: 6, ..CreditSettings::default() });
    let first = world.live(1).await;
    for number in 0..100 {
        assert_eq!(first.call(lead(number)).await, Disposition::Delivered { attempts: 1 });
    }
    assert_eq!(world.disk.writes.load(Ordering::Relaxed), 10, "one write for ten leads, a hundredth of the day's");
    drop(first);
    let second = world.live(2).await;
    let mut delivered = 0;
    for number in 100..2_000 {
        delivered += u64::from(second.call(lead(number)).await == Disposition::Delivered { attempts: 1 });
    }
    assert_eq!(delivered, 900, "killed between two blocks it loses none");
    assert_eq!(world.charged_by_day(), [6_000]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_not_spent() {
    let world = world(CreditSettings::default());
    let pipeline = world.live(1).await;
    world.disk.broken.store(true, Ordering::Relaxed);
    let disposition = pipeline.call(lead(1)).await;
    assert!(matches!(disposition, Disposition::Fallback { cause: FailureKind::BudgetExhausted, .. }), "{disposition:?}");
    assert_eq!((world.vendor.count(), pipeline.gauges().credits_reserved), (0, 0));
    world.disk.broken.store(false, Ordering::Relaxed);
    assert_eq!(pipeline.call(lead(2)).await, Disposition::Delivered { attempts: 1 });
}

#[tokio::test(start_paused = true)]
async fn that_the_vendor_has_no_more_today_outlives_a_restart_but_not_midnight() {
    let world = world(CreditSettings::default());
    world.vendor.next([status(402)]);
    let first = world.live(1).await;
    first.call(lead(1)).await;
    drop(first);
    let second = world.live(2).await;
    let disposition = second.call(lead(2)).await;
    assert!(matches!(disposition, Disposition::Fallback { cause: FailureKind::BudgetExhausted, .. }), "{disposition:?}");
    assert_eq!(world.vendor.count(), 1, "the vendor is not asked again");
    drop(second);
    tokio::time::advance(DAY).await;
    let third = world.live(3).await;
    assert_eq!(third.call(lead(3)).await, Disposition::Delivered { attempts: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_is_retried_after_midnight_is_covered_on_the_new_day() {
    let world = World {
        settings: PipelineSettings {
            credits: Some(CreditSettings { daily_limit: 6, per_lead: 6, ..CreditSettings::default() }),
            ..plain()
        },
        ..world(CreditSettings::default())
    };
    tokio::time::advance(DAY / 2 - Duration::from_millis(500)).await;
    world.vendor.next([status(503)]);
    let first = world.live(1).await;
    assert_eq!(first.call(lead(1)).await, Disposition::Delivered { attempts: 2 });
    drop(first);
    let kept = world.disk.kept.lock().expect("no panic").expect("credits");
    assert_eq!((kept.day, kept.spent), (world.wall.day(Instant::now(), 0), 6));
    let second = world.live(2).await;
    second.call(lead(2)).await;
    assert_eq!(world.vendor.count(), 2, "the new day's only lead was the retried one");
}

#[test]
fn a_clock_that_was_set_back_over_midnight_gives_no_credit_twice() {
    let start = Instant::now();
    let clock = DayClock { start_wall: NOON.parse().expect("a date"), start };
    let today = clock.day(start, 0);
    let budget = CreditBudget::new(CreditSettings::default(), clock, emitter(start, &Arc::default()), start);
    let state = CreditState { day: today + 1, spent: 500, ..CreditState::default() };
    budget.restore(state, start);
    assert!(budget.reserve(start).is_err() && budget.would_refuse(start).is_some());
    assert!(budget.reserve(start + DAY).is_err(), "the day that was kept has begun, and is spent");
    assert!(budget.reserve(start + 2 * DAY).is_ok());
    let old = CreditBudget::new(CreditSettings::default(), clock, emitter(start, &Arc::default()), start);
    old.restore(CreditState { day: today - 1, ..state }, start);
    assert!(old.reserve(start).is_ok(), "yesterday's credits are yesterday's");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_leads_at_once_wait_for_few_writes_and_do_not_overspend() {
    let world = world(CreditSettings { daily_limit: 3_000, per_lead: 6, ..CreditSettings::default() });
    let pipeline = world.live(1).await;
    let calls: Vec<_> = (0..1_000)
        .map(|number| {
            let pipeline = Arc::clone(&pipeline);
            tokio::spawn(async move { pipeline.call(lead(number)).await })
        })
        .collect();
    for call in calls {
        call.await.expect("no panic");
    }
    assert_eq!(world.charged_by_day(), [3_000]);
    assert!(world.disk.writes.load(Ordering::Relaxed) < 5, "{:?}", world.disk.writes);
}
