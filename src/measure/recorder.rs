//! Where users leave their samples: a handle that is cheap to clone and that no two users wait for.
//!
//! Names are registered before the load starts, so that the hot path speaks in small numbers. Each worker thread records
//! into a shard of its own; the [`Collector`] empties the shards once a second. Memory depends on the number of series,
//! not on the number of samples.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::LoadClock;
use crate::outcome::{Peer, Route, Steps, Vendor};
use crate::units::micros;

use super::collector::Collector;
use super::labels::{SampleKind, SeriesKey, Source};
use super::receiver::{Sample, SampleReceiver};
use super::sample::{AttemptSample, CheckId, IterationSample, JourneyId, RouteId};
use super::shard::{Shard, Table};
use super::shared::Shared;
use super::timetable::{FaultWindow, Timetable};
use super::user_tags::UserTags;

/// Registers what will be recorded, then builds the [`Recorder`] and its [`Collector`].
#[derive(Debug)]
pub struct RecorderBuilder {
    clock: LoadClock,
    timetable: Timetable,
    faults: Vec<FaultWindow>,
    sources: Vec<Source>,
    checks: Vec<String>,
    receivers: Vec<Arc<dyn SampleReceiver>>,
    scenario: Option<Arc<str>>,
    tags: Arc<UserTags>,
}

impl RecorderBuilder {
    /// `phases` are the ends of the plan's stages since the load began, in order; `faults` when faults are in force.
    pub fn new(clock: LoadClock, phases: Vec<Duration>, faults: Vec<FaultWindow>) -> Self {
        let timetable = Timetable::new(phases);
        let (sources, checks) = (Vec::new(), Vec::new());
        Self { clock, timetable, faults, sources, checks, receivers: Vec::new(), scenario: None, tags: Arc::default() }
    }

    /// What is registered from here on carries these tags: the name of its scenario, where the plan names scenarios, and what
    /// the plan gives to the scenario and the journey.
    pub fn tags(&mut self, scenario: Option<&str>, tags: &UserTags) -> &mut Self {
        self.scenario = scenario.map(Arc::from);
        self.tags = Arc::new(tags.clone());
        self
    }

    /// Registers a route of requests (`clay.webhook`). The same route with the same tags twice is one route.
    pub fn route(&mut self, name: &str, vendor: impl Into<Peer>) -> RouteId {
        let vendor = vendor.into();
        let calls = match vendor {
            Peer::Vendor(vendor) => vec![(vendor, name)],
            Peer::Service => Vec::new(),
        };
        let mut source = |kind| self.source(kind, name, vendor, &calls);
        RouteId {
            latency: source(SampleKind::Attempt),
            over_connection: [SampleKind::Duration, SampleKind::Waiting].map(&mut source),
            connecting: [SampleKind::Connecting, SampleKind::TlsHandshaking].map(&mut source),
            interrupted: source(SampleKind::Interrupted),
        }
    }

    /// Registers a journey (`lead`), whom it is mainly about, and the vendors' routes that it calls. The same journey with the
    /// same tags twice is one journey.
    pub fn journey(&mut self, name: &str, vendor: impl Into<Peer>, calls: impl IntoIterator<Item = &'static Route>) -> JourneyId {
        let calls: Vec<_> = calls.into_iter().map(|route| (route.vendor, route.name)).collect();
        JourneyId(self.source(SampleKind::Iteration, name, vendor.into(), &calls))
    }

    fn source(&mut self, kind: SampleKind, name: &str, vendor: Peer, calls: &[(Vendor, &str)]) -> u16 {
        let (scenario, tags) = (self.scenario.clone(), Arc::clone(&self.tags));
        let faults = self.faults.iter().filter(|fault| fault.concerns(vendor, calls)).cloned().collect();
        let source = Source { kind, vendor, name: name.into(), scenario, tags, faults };
        register(&mut self.sources, source, Source::is_same)
    }

    /// Registers a check (`status is 200`). The same check twice is one check.
    pub fn check(&mut self, name: &str) -> CheckId {
        CheckId(register(&mut self.checks, name.to_owned(), String::eq))
    }

    /// Also hands every sample to `receiver`.
    pub fn receiver(&mut self, receiver: Arc<dyn SampleReceiver>) -> &mut Self {
        self.receivers.push(receiver);
        self
    }

    /// Builds both ends. `shards` is the number of threads that record, the runtime's workers as a rule; with
    /// fewer shards some threads share one, which costs them time and loses nothing. It is rounded up to a power of two.
    pub fn build(self, shards: usize) -> (Recorder, Collector) {
        let checks = self.checks.len();
        let shared = Arc::new(Shared {
            clock: self.clock,
            timetable: self.timetable,
            sources: self.sources,
            checks: self.checks,
            receivers: self.receivers,
            shards: (0..shards.max(1).next_power_of_two()).map(|_| Shard::new(Table::new(checks))).collect(),
            panics: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            interrupted: AtomicU64::new(0),
            users: AtomicI64::new(0),
            peak_users: AtomicI64::new(0),
        });
        (Recorder { shared: Arc::clone(&shared) }, Collector::new(shared))
    }
}

fn register<T>(known: &mut Vec<T>, new: T, is_same: fn(&T, &T) -> bool) -> u16 {
    let index = known.iter().position(|old| is_same(old, &new)).unwrap_or_else(|| {
        known.push(new);
        known.len() - 1
    });
    u16::try_from(index).expect("names come from a scenario file, which the parser bounds far below 65,536 entries")
}

/// Takes samples from all users. Clones record into the same place.
#[derive(Debug, Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

impl Recorder {
    /// The clock that samples' times are read from.
    pub fn clock(&self) -> LoadClock {
        self.shared.clock
    }

    /// Records a request. It counts in the second in which it is recorded, that is, when it is done.
    pub fn attempt(&self, sample: AttemptSample) {
        let AttemptSample { route, due, sent, done, ref steps, bytes, attempt, .. } = sample;
        let source = self.shared.source(route.latency);
        // In whole microseconds from here on, as in `samples.csv`: that is a good deal cheaper than durations.
        let times_us = [due, sent, done].map(micros);
        let key = SeriesKey::of_attempt(&sample, times_us, source, &self.shared.timetable);
        let [due_us, sent_us, done_us] = times_us;
        let since_due = done_us.saturating_sub(due_us);
        let since_handed = since_due.saturating_sub(sent_us.saturating_sub(due_us).saturating_add(micros(steps.handed)));
        let answered = |answered| done_us.saturating_sub(sent_us.saturating_add(micros(answered)));
        let receiving = steps.answered.map_or(0, answered);
        let times = [since_due, since_handed, since_handed.saturating_sub(receiving)];
        let mut table = self.shared.shard().lock();
        table.record_request(key, times, route.over_connection, bytes);
        for (source, took) in route.connecting.into_iter().zip([steps.connecting, steps.tls]) {
            if let Some(took) = took {
                table.record(key.with_source(source), took, 0);
            }
        }
        drop(table);
        self.hand_on(source, key, [due, sent, done], Some(steps), (bytes, attempt));
    }

    /// Records a journey, when it has ended.
    pub fn iteration(&self, sample: IterationSample) {
        let source = self.shared.source(sample.journey.0);
        let IterationSample { due, sent, done, .. } = sample;
        let key = SeriesKey::of_iteration(&sample, [due, sent, done].map(micros), source, &self.shared.timetable);
        // Where a result came back "before" it was due, it took no time; it must not wrap around.
        self.shared.shard().lock().record(key, done.saturating_sub(due), 0);
        self.hand_on(source, key, [due, sent, done], None, (0, 1));
    }

    #[inline]
    fn hand_on(&self, source: &Source, key: SeriesKey, times: [Duration; 3], steps: Option<&Steps>, counts: (u64, u32)) {
        let (bytes, attempt) = counts;
        for receiver in &self.shared.receivers {
            receiver.sample(Sample { times, steps: steps.copied(), attempt, bytes, key, source: source.clone() });
        }
    }

    /// Counts a check.
    pub fn check(&self, check: CheckId, passed: bool) {
        let mut table = self.shared.shard().lock();
        let count = &mut table.checks[usize::from(check.0)];
        if passed {
            count.passes += 1;
        } else {
            count.fails += 1;
        }
    }

    /// Counts a transaction that panicked.
    pub fn panicked(&self) {
        self.shared.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an iteration that was due and could not start.
    pub fn dropped(&self, count: u64) {
        self.shared.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts an iteration that the end of the run cut off.
    pub fn interrupted(&self) {
        self.shared.interrupted.fetch_add(1, Ordering::Relaxed);
    }

    /// Records a request that the end of the run cut off. It is in no other series, and in no sample.
    pub fn request_interrupted(&self, sample: AttemptSample) {
        let source = self.shared.source(sample.route.latency);
        let AttemptSample { due, sent, done, .. } = sample;
        let key = SeriesKey::of_attempt(&sample, [due, sent, done].map(micros), source, &self.shared.timetable);
        self.shared.shard().lock().record(key.with_source(sample.route.interrupted), done.saturating_sub(sent), 0);
    }

    /// Counts users that start (positive) or end (negative).
    pub fn users(&self, delta: i32) {
        let before = self.shared.users.fetch_add(i64::from(delta), Ordering::Relaxed);
        self.shared.peak_users.fetch_max(before + i64::from(delta), Ordering::Relaxed);
    }

    /// Users that iterate now.
    pub fn active_users(&self) -> u32 {
        self.shared.active_users()
    }
}
