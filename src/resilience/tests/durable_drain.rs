//! The drain of a service: operations come into the queue untried, and everything about them happens from there.

use std::collections::BTreeMap;

use mock_server::json::Json;

use crate::outcome::RestingState;
use crate::resilience::held::{Held, HeldBy};
use crate::resilience::operation::Source;
use crate::resilience::queue::Drained;
use crate::resilience::queue::{Attempt, Entry, FallbackQueue, Leased, Settled, StoreError};
use crate::resilience::queue::{Backlog, CreditState, DeadLetter, DeadLetters, MemoryBacklog};
use crate::resilience::settings::{CreditSettings, FallbackSettings, FallbackStep, InFlightSettings, LimiterSettings};
use crate::resilience::wall::{DayClock, UnixMillis};

use super::forwarding::letters_are_those_of;
use super::*;

/// A backlog in memory that remembers how each entry ended.
#[derive(Clone)]
pub(super) struct Keeping {
    pub(super) kept: Arc<MemoryBacklog>,
    settled: Arc<Mutex<Vec<Settled>>>,
    /// Held, it stalls the store where credits are kept.
    pub(super) stall: Arc<tokio::sync::Mutex<()>>,
}

impl FallbackQueue for Keeping {
    async fn push(&self, entry: Entry, due: UnixMillis) -> Result<bool, StoreError> {
        self.kept.push(entry, due).await
    }

    async fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> Result<Option<Leased>, StoreError> {
        self.kept.lease(now, lease_end).await
    }

    async fn next_due(&self) -> Result<Option<UnixMillis>, StoreError> {
        self.kept.next_due().await
    }

    async fn ack(&self, id: u64, settled: Settled) -> Result<(), StoreError> {
        self.settled.lock().expect("no panic").push(settled.clone());
        self.kept.ack(id, settled).await
    }

    async fn holds(&self, user: &str) -> Result<bool, StoreError> {
        self.kept.holds(user).await
    }

    async fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> Result<(), StoreError> {
        self.kept.fail(id, attempt, due).await
    }

    async fn release(&self, id: u64, due: UnixMillis) -> Result<(), StoreError> {
        self.kept.release(id, due).await
    }
}

letters_are_those_of!(Keeping, kept);

impl Backlog for Keeping {
    async fn bury(&self, id: u64, attempt: Attempt) -> Result<bool, StoreError> {
        self.kept.bury(id, attempt).await
    }

    async fn redrive(&self, letter: u64, due: UnixMillis) -> Result<bool, StoreError> {
        // Others go on meanwhile, as with any store outside memory.
        tokio::task::yield_now().await;
        self.kept.redrive(letter, due).await
    }

    fn counts(&self) -> (u64, u64) {
        self.kept.counts()
    }

    async fn credits(&self) -> Result<Option<CreditState>, StoreError> {
        self.kept.credits().await
    }

    async fn keep_credits(&self, state: CreditState) -> Result<(), StoreError> {
        drop(self.stall.lock().await);
        self.kept.keep_credits(state).await
    }
}

pub(super) struct Service {
    pub(super) pipeline: Arc<Pipeline<Arc<Script>, Keeping>>,
    pub(super) vendor: Arc<Script>,
    pub(super) store: Keeping,
    pub(super) start: Instant,
    pub(super) wall: DayClock,
}

pub(super) fn service(settings: PipelineSettings) -> Service {
    with_hook(settings, |_, _, _| Vec::new())
}

fn with_hook(
    settings: PipelineSettings,
    hook: impl Fn(&Operation, Source, Option<&Json>) -> Vec<Operation> + Send + Sync + 'static,
) -> Service {
    let Rig { vendor, log, start, .. } = rig(settings.clone());
    let store =
        Keeping { kept: Arc::new(MemoryBacklog::new(&settings.fallback)), settled: Arc::default(), stall: Arc::default() };
    let (wall, rng) = (DayClock::start(), Seed(1).stream("service"));
    let pipeline = Pipeline::with_backlog(settings, vendor.clone(), store.clone(), emitter(start, &log), wall, rng);
    Service { pipeline: Arc::new(pipeline.with_follow_up(hook)), vendor, store, start, wall }
}

impl Service {
    /// Accepts an operation as a service does: into the queue, due at once, untried.
    pub(super) async fn accept(&self, operation: Operation) {
        let now = self.wall.unix_millis(Instant::now());
        let entry = Entry { operation, timestamp: now, retry_count: 0, redrives: 0, attempts: Vec::new() };
        assert_eq!(self.store.push(entry, now).await, Ok(true));
        self.pipeline.wake();
    }

    pub(super) async fn accept_leads(&self, count: u32) {
        for number in 0..count {
            self.accept(lead(number)).await;
        }
    }

    pub(super) fn work(&self, workers: usize) -> tokio::task::JoinHandle<()> {
        tokio::spawn(Arc::clone(&self.pipeline).work(workers))
    }

    pub(super) fn ends(&self) -> Vec<(RestingState, Option<Source>, Option<FailureKind>)> {
        let settled = self.store.settled.lock().expect("no panic");
        settled.iter().map(|settled| (settled.place, settled.source, settled.cause)).collect()
    }
}

fn with_steps(steps: &[FallbackStep]) -> PipelineSettings {
    let fallback = FallbackSettings { steps: steps.to_vec(), ..FallbackSettings::default() };
    PipelineSettings { fallback, ..plain() }
}

pub(super) fn slow(seconds: u64) -> Step {
    Step::Late(Duration::from_secs(seconds), Reply { status: Some(200), ..Reply::default() })
}

#[tokio::test(start_paused = true)]
async fn quick_retries_come_first_then_the_waits_of_the_queue_and_every_attempt_is_kept() {
    let service = service(PipelineSettings { breaker: None, ..plain() });
    service.vendor.then(status(503));
    service.accept(lead(1)).await;
    let work = service.work(3);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    work.abort();
    let times: Vec<f64> = service.vendor.times().iter().map(|time| time.round()).collect();
    let minute = 60.0;
    let expected = [0.0, 1.0, 3.0, 7.0, 7.0 + minute, 7.0 + 3.0 * minute, 7.0 + 7.0 * minute, 7.0 + 15.0 * minute];
    assert_eq!(times[..8], expected);
    assert_eq!((times.len(), times[8]), (9, 7.0 + 31.0 * minute));
    assert_eq!(service.vendor.attempts(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let letters = service.store.page(0, 10).await.expect("working letters");
    assert_eq!(letters.len(), 1);
    let history: Vec<_> = letters[0].entry.attempts.iter().map(|attempt| (attempt.cause, attempt.status)).collect();
    assert_eq!(history, [(FailureKind::ServerError, Some(503)); 9]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_of_the_retries_goes_on_where_they_were() {
    let settings = PipelineSettings { breaker: None, ..plain() };
    let first = service(settings.clone());
    first.vendor.then(status(503));
    first.accept(lead(1)).await;
    let work = first.work(1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    work.abort();
    assert_eq!(first.vendor.count(), 3);
    // Another life on the same store.
    let log = Arc::new(Log::default());
    let rng = Seed(2).stream("second life");
    let second =
        Pipeline::with_backlog(settings, first.vendor.clone(), first.store.clone(), emitter(first.start, &log), first.wall, rng);
    let work = tokio::spawn(Arc::new(second).work(1));
    tokio::time::sleep(Duration::from_secs(60)).await;
    work.abort();
    let times: Vec<f64> = first.vendor.times().iter().map(|time| time.round()).collect();
    assert_eq!(times, [0.0, 1.0, 3.0, 7.0], "the fourth attempt, and no first one again");
    assert_eq!(first.vendor.attempts(), [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_quick_retries() {
    let retry = RetrySettings { deadline: Some(Duration::from_secs(2)), ..plain().retry };
    let service = service(PipelineSettings { breaker: None, retry, ..plain() });
    service.vendor.then(status(503));
    service.accept(lead(1)).await;
    let work = service.work(1);
    tokio::time::sleep(Duration::from_secs(62)).await;
    work.abort();
    let times: Vec<f64> = service.vendor.times().iter().map(|time| time.round()).collect();
    assert_eq!(times, [0.0, 1.0, 61.0], "a third attempt at 3 s would be too late");
}

#[tokio::test(start_paused = true)]
async fn workers_send_at_once_and_what_never_failed_has_no_pace() {
    let service = service(plain());
    service.vendor.then(slow(10));
    let work = service.work(16);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let now = service.wall.unix_millis(Instant::now());
    for number in 0..64 {
        let entry = Entry { operation: lead(number), timestamp: now, retry_count: 0, redrives: 0, attempts: Vec::new() };
        service.store.push(entry, now).await.expect("a working queue");
    }
    service.pipeline.wake();
    tokio::time::sleep(Duration::from_secs(45)).await;
    work.abort();
    assert_eq!(service.ends().len(), 64);
    let times: Vec<f64> = service.vendor.times().iter().map(|time| time.round()).collect();
    let waves: Vec<f64> = (0..64).map(|index| f64::from(index / 16) * 10.0 + 1.0).collect();
    assert_eq!(times, waves, "sixteen at a time, one bell for all");
}

#[tokio::test(start_paused = true)]
async fn one_user_s_operations_are_sent_one_after_the_other_however_many_workers_there_are() {
    let service = service(plain());
    service.vendor.then(slow(1));
    for number in 0..10 {
        service.accept(Operation::new(OperationKind::Track, "ada", json!({ "number": number }))).await;
    }
    let work = service.work(8);
    tokio::time::sleep(Duration::from_secs(30)).await;
    work.abort();
    let times: Vec<f64> = service.vendor.times().iter().map(|time| time.round()).collect();
    assert_eq!(times, (0..10).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_failed_waits_at_its_pace_and_does_not_hold_up_what_is_fresh() {
    let fallback = FallbackSettings { drain_pacing: Duration::from_secs(1), ..FallbackSettings::default() };
    let service = service(PipelineSettings { fallback, breaker: None, ..plain() });
    let now = service.wall.unix_millis(Instant::now());
    let why = Attempt { at: now, cause: FailureKind::ServerError, status: Some(503) };
    for number in 0..100 {
        service.store.push(Entry::new(lead(number), why), now).await.expect("a working queue");
    }
    for number in 100..200 {
        service.accept(lead(number)).await;
    }
    let work = service.work(4);
    tokio::time::sleep(Duration::from_secs(200)).await;
    work.abort();
    let got = service.vendor.got.lock().expect("no panic").clone();
    let fresh = |user: &str| user.trim_start_matches("user").parse::<u32>().expect("a number") >= 100;
    let last_fresh = got.iter().filter(|(_, user, _)| fresh(user)).map(|&(at, ..)| at).max().expect("fresh ones");
    assert!(last_fresh < Duration::from_secs(3), "{last_fresh:?}");
    let failed: Vec<f64> = got.iter().filter(|(_, user, _)| !fresh(user)).map(|(at, ..)| at.as_secs_f64()).collect();
    assert_eq!(failed.len(), 100);
    assert!(failed.windows(2).all(|pair| pair[1] - pair[0] >= 0.999), "a second apart: {failed:?}");
    assert!(*failed.last().expect("some") < 150.0, "and no turn is wasted for long: {failed:?}");
}

#[tokio::test(start_paused = true)]
async fn what_follows_from_an_answer_leaves_with_it_in_one_commit() {
    let followed = |operation: &Operation, source: Source, data: Option<&Json>| {
        vec![Operation::new(OperationKind::Identify, &operation.user, json!({ "source": source, "data": data }))]
    };
    let steps = [FallbackStep::Cache, FallbackStep::Local, FallbackStep::Queue];
    let service = with_hook(
        PipelineSettings { breaker: None, retry: RetrySettings { max_retries: 1, ..plain().retry }, ..with_steps(&steps) },
        followed,
    );
    let answer = json!({ "industry": "anvils" });
    service.vendor.next([Step::Answer(Reply { status: Some(200), data: Some(answer.clone().into()), ..Reply::default() })]);
    service.vendor.then(status(503));
    service.accept(lead(1)).await;
    assert_eq!(service.pipeline.drain_once().await, Drained::Delivered);
    service.accept(lead(2)).await;
    assert_eq!(service.pipeline.drain_once().await, Drained::Failed, "its quick retry is still to come");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(service.pipeline.drain_once().await, Drained::Degraded);
    let settled = service.store.settled.lock().expect("no panic").clone();
    let follow_up = |index: usize| {
        let [operation] = settled[index].follow_up.as_slice() else { panic!("{settled:?}") };
        (operation.kind, operation.data.clone())
    };
    assert_eq!(follow_up(0), (OperationKind::Identify, json!({ "source": "vendor", "data": answer }).into()));
    let guessed = json!({ "email": "lead2@big-corp.test", "industry": "anvils" });
    assert_eq!(follow_up(1), (OperationKind::Identify, json!({ "source": "cache", "data": guessed }).into()));
    assert_eq!(
        (settled[1].place, settled[1].source, settled[1].status),
        (RestingState::Degraded, Some(Source::Cache), Some(503))
    );
    assert_eq!(service.store.depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_follows_rings_the_bell_of_whoever_does_it() {
    let other = service(plain());
    let store = other.store.clone();
    let wall = other.wall;
    let Rig { vendor, log, start, .. } = rig(plain());
    let settings = plain();
    let backlog =
        Keeping { kept: Arc::new(MemoryBacklog::new(&settings.fallback)), settled: Arc::default(), stall: Arc::default() };
    let pipeline = Pipeline::with_backlog(settings, vendor, backlog.clone(), emitter(start, &log), wall, Seed(1).stream("first"))
        .with_follow_up(|operation, _, _| vec![operation.clone()])
        .notifying(other.pipeline.notifier());
    let work = other.work(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    // The store of the test moves nothing between queues: what follows is put into the other one before it is rung.
    let entry = Entry { operation: lead(1), timestamp: 0, retry_count: 0, redrives: 0, attempts: Vec::new() };
    store.push(entry.clone(), 0).await.expect("a working queue");
    backlog.push(entry, 0).await.expect("a working queue");
    assert_eq!(pipeline.drain_once().await, Drained::Delivered);
    tokio::time::sleep(Duration::from_millis(10)).await;
    work.abort();
    assert_eq!(other.vendor.count(), 1, "at once, and not when it would have looked anyway");
}

#[tokio::test(start_paused = true)]
async fn while_nothing_can_be_sent_the_steps_before_the_queue_answer() {
    use FallbackStep::{Cache, Drop, Local, Queue};
    let cause = Some(FailureKind::BreakerOpen);
    for (steps, expected) in [
        (vec![Cache, Local, Queue], vec![(RestingState::Degraded, Some(Source::Local), cause)]),
        (vec![Local], vec![(RestingState::Degraded, Some(Source::Local), cause)]),
        (vec![Cache, Drop], vec![(RestingState::Rejected, None, cause)]),
        (vec![Queue, Local], vec![]),
        (vec![Cache, Queue], vec![]),
    ] {
        let service = service(with_steps(&steps));
        service.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::ForcedOpen, Instant::now());
        service.accept(lead(1)).await;
        let work = service.work(2);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(service.ends(), expected, "{steps:?}");
        assert_eq!(service.store.depth(), u64::from(expected.is_empty()));
        assert_eq!(service.vendor.count(), 0);
        service.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::InForce, Instant::now());
        tokio::time::sleep(Duration::from_secs(120)).await;
        work.abort();
        assert_eq!(service.ends().len(), 1, "{steps:?}: in the end each is settled once");
    }
}

#[tokio::test(start_paused = true)]
async fn without_credits_a_guess_answers_and_without_a_guess_the_queue_keeps_it_until_midnight() {
    let credits = CreditSettings { daily_limit: 6, per_lead: 6, ..CreditSettings::default() };
    let steps = [FallbackStep::Local, FallbackStep::Queue];
    let service = service(PipelineSettings { credits: Some(credits), ..with_steps(&steps) });
    service.accept(lead(1)).await;
    service.accept(lead(2)).await;
    service.accept(Operation::new(OperationKind::Enrich, "nobody", json!({ "name": "no domain" }))).await;
    let work = service.work(1);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let exhausted = Some(FailureKind::BudgetExhausted);
    let expected =
        [(RestingState::Delivered, Some(Source::Vendor), None), (RestingState::Degraded, Some(Source::Local), exhausted)];
    assert_eq!(service.ends(), expected);
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    work.abort();
    assert_eq!(service.ends().len(), 3, "the next day it is sent");
    assert_eq!(service.vendor.users(), ["user1", "nobody"]);
}

#[tokio::test(start_paused = true)]
async fn when_no_attempt_is_left_the_steps_behind_the_queue_answer() {
    use FallbackStep::{Drop, Local, Queue};
    let cause = Some(FailureKind::ServerError);
    for (steps, expected) in [
        (vec![Queue, Local], (RestingState::Degraded, Some(Source::Local), cause)),
        (vec![Queue, Drop], (RestingState::Rejected, None, cause)),
    ] {
        let service = service(PipelineSettings { breaker: None, ..with_steps(&steps) });
        service.vendor.then(status(503));
        service.accept(lead(1)).await;
        let work = service.work(1);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        work.abort();
        assert_eq!(service.vendor.count(), 9, "every attempt first");
        assert_eq!(service.ends(), [expected]);
        assert_eq!(service.store.counts(), (0, 0));
        let counts = service.pipeline.gauges().counts;
        assert_eq!(counts.degraded + counts.rejected, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_panics_costs_its_entry_and_no_worker() {
    let service = service(plain());
    service.vendor.next([Step::Panic]);
    service.accept_leads(3).await;
    let work = service.work(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    work.abort();
    assert_eq!((service.ends().len(), service.store.counts()), (2, (0, 1)));
    let letters = service.store.page(0, 1).await.expect("working letters");
    assert_eq!(letters[0].cause, FailureKind::Panicked);
}

#[tokio::test(start_paused = true)]
async fn stopping_finishes_what_is_in_hand_and_takes_nothing_more() {
    let service = service(plain());
    service.vendor.then(slow(5));
    service.accept_leads(10).await;
    let work = service.work(4);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(service.pipeline.stop(Duration::from_secs(8)).await, "all were answered in time");
    work.await.expect("the workers end by themselves");
    assert_eq!(service.start.elapsed().as_secs(), 5);
    assert_eq!((service.vendor.count(), service.ends().len(), service.store.depth()), (4, 4, 6));
}

#[tokio::test(start_paused = true)]
async fn stopping_gives_back_at_the_deadline_what_is_not_answered() {
    let service = service(PipelineSettings { timeout: Duration::from_secs(60), ..plain() });
    service.vendor.then(Step::Hang);
    service.accept_leads(10).await;
    let work = service.work(4);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!service.pipeline.stop(Duration::from_secs(8)).await, "some were cut off");
    work.await.expect("the workers end by themselves");
    assert_eq!(service.start.elapsed().as_secs(), 9);
    assert_eq!((service.vendor.count(), service.store.depth(), service.pipeline.gauges().in_flight), (4, 10, 0));
    let now = service.wall.unix_millis(Instant::now());
    let mut free = 0;
    while service.store.lease(now, now + 1_000).await.expect("a working queue").is_some() {
        free += 1;
    }
    assert_eq!(free, 10, "no entry waits for a lease to expire");
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_with_a_full_queue_the_vendor_gets_no_more_than_its_limits() {
    let limiter = LimiterSettings { rate: 50.0, burst: 10, max_wait: Duration::from_secs(5) };
    let in_flight = InFlightSettings { max: 8, max_wait: Duration::from_secs(5) };
    let breaker = BreakerSettings { half_open_permits: 3, success_threshold: 3, ..BreakerSettings::default() };
    let settings = PipelineSettings { limiter: Some(limiter), in_flight: Some(in_flight), breaker: Some(breaker), ..plain() };
    let service = service(settings);
    service.vendor.then(status(503));
    service.accept_leads(5_000).await;
    let work = service.work(16);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let back = service.start.elapsed().as_secs_f64();
    let in_outage = service.vendor.count();
    assert!(in_outage < 200, "{in_outage} while it was down");
    service.vendor.then(Step::Late(Duration::from_millis(50), Reply { status: Some(200), ..Reply::default() }));
    let mut most_in_flight = 0;
    for _ in 0..2_000 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        most_in_flight = most_in_flight.max(service.pipeline.gauges().in_flight);
    }
    work.abort();
    let times: Vec<f64> = service.vendor.times().into_iter().filter(|&time| time >= back).collect();
    for second in 0..200 {
        let from = back + f64::from(second);
        let sent = times.iter().filter(|&&time| time >= from && time < from + 1.0).count();
        assert!(sent <= 61, "{sent} in second {second}: fifty, a burst of ten, and the edge");
    }
    let probes = times.iter().filter(|&&time| time < times[0] + 0.05).count();
    assert!(probes <= 3, "{probes} at once while the vendor was not known to be back");
    assert!(most_in_flight <= 8, "{most_in_flight} in flight");
    assert_eq!((service.ends().len(), service.store.counts()), (5_000, (0, 0)));
}

/// What a service does with its defaults, but for the retries' jitter.
fn defaults() -> PipelineSettings {
    PipelineSettings { retry: plain().retry, ..PipelineSettings::of(Vendor::Clay) }
}

#[tokio::test(start_paused = true)]
async fn after_an_error_of_8_s_all_is_delivered_when_the_circuit_breaker_lets_it_through() {
    let service = service(defaults());
    service.vendor.then(status(503));
    let work = service.work(20);
    for number in 0..6 {
        service.accept(lead(number)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    service.vendor.then(status(200));
    let until = service.start + Duration::from_secs(46);
    tokio::time::sleep_until(until).await;
    work.abort();
    let gauges = service.pipeline.gauges();
    assert_eq!((gauges.counts.delivered, gauges.counts.queued), (6, 0), "{gauges:?}");
    assert_eq!(gauges.credit_breaker, Some(BreakerState::Closed), "no lead had used up its attempts");
}

#[tokio::test(start_paused = true)]
async fn to_the_credit_budget_a_lead_fails_once_however_often_it_is_tried() {
    let service = service(PipelineSettings { breaker: None, ..defaults() });
    service.vendor.then(status(503));
    let work = service.work(1);
    service.accept_leads(5).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!((service.vendor.count(), service.pipeline.gauges().credit_breaker), (15, Some(BreakerState::Closed)));
    tokio::time::sleep(Duration::from_secs(4)).await;
    work.abort();
    assert_eq!((service.vendor.count(), service.pipeline.gauges().credit_breaker), (20, Some(BreakerState::Open)));
}

#[tokio::test(start_paused = true)]
async fn what_holds_the_queue_says_until_when() {
    let credits = CreditSettings { failure_threshold: 1, ..CreditSettings::default() };
    let breaker = BreakerSettings { failures: 1, ..BreakerSettings::default() };
    let settings = PipelineSettings { credits: Some(credits), breaker: Some(breaker), ..no_retries() };
    let service = service(settings);
    let after = |seconds: u64| service.wall.unix_millis(service.start + Duration::from_secs(seconds));
    let held = async || service.pipeline.held().await;
    let [breaker, budget, retry] = [(HeldBy::CircuitBreaker, 30), (HeldBy::CreditBudget, 900), (HeldBy::RetryWait, 60)]
        .map(|(by, seconds)| Held { by, until: Some(after(seconds)) });
    assert_eq!(held().await, []);
    service.vendor.next([status(503)]);
    service.accept(lead(1)).await;
    service.pipeline.drain_once().await;
    assert_eq!(held().await, [breaker, budget]);
    service.pipeline.credit_budget().expect("a budget").reset(Instant::now());
    assert_eq!(held().await, [breaker], "it is closed by hand");
    service.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::ForcedOpen, Instant::now());
    assert_eq!(held().await, [Held { by: HeldBy::ForcedOpen, until: None }]);
    service.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::InForce, Instant::now());
    assert_eq!(held().await, [retry], "no guard");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(held().await, []);

    service.vendor.next([too_many(40)]);
    service.pipeline.drain_once().await;
    assert_eq!(held().await, [Held { by: HeldBy::Pause, until: Some(after(100)) }]);
    tokio::time::sleep(Duration::from_secs(400)).await;
    service.vendor.next([status(402)]);
    service.pipeline.drain_once().await;
    let midnight = service.wall.unix_millis(service.wall.next_day(Instant::now(), 0));
    assert_eq!(held().await, [Held { by: HeldBy::CreditsRefused, until: Some(midnight) }]);
    service.pipeline.credit_budget().expect("a budget").reset(Instant::now());
    assert!(held().await.iter().all(|held| held.by == HeldBy::RetryWait), "whoever bought credits may go on");
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_used_up_for_longer_than_one_waits_holds_the_queue() {
    let limiter = LimiterSettings { rate: 0.1, burst: 1, max_wait: Duration::from_secs(1) };
    let service = service(PipelineSettings { limiter: Some(limiter), ..no_retries() });
    service.accept_leads(2).await;
    service.pipeline.drain_once().await;
    let until = service.wall.unix_millis(service.start + Duration::from_secs(9));
    assert_eq!(service.pipeline.held().await, [Held { by: HeldBy::RateLimiter, until: Some(until) }]);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(service.pipeline.held().await, []);
}
