//! Once a second: what the shards hold becomes an interval, a row of the timeline, and part of the totals.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::gauges::{Gauges, ProcessSample};
use super::generator::GeneratorSample;
use super::interval::Interval;
use super::labels::SampleKind;
use super::shard::Table;
use super::shared::Shared;
use super::totals::{CheckCount, Totals};
use crate::plan::Planned;
use crate::units::micros;

/// What the run loop reads at the end of a second, beside the samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// What the plan asks for now.
    pub planned: Planned,
    /// State of the integration. Its `users` is overwritten with the recorder's own count.
    pub gauges: Gauges,
    /// What each process used.
    pub processes: Vec<ProcessSample>,
    /// What kept the generator from its work.
    pub generator: GeneratorSample,
}

/// The reporter's end of a [`super::Recorder`]. One a run.
#[derive(Debug)]
pub struct Collector {
    shared: Arc<Shared>,
    /// An empty table, exchanged for a shard's; what comes out is emptied and goes to the next shard.
    spare: Table,
    totals: Totals,
    clamped: u64,
    last_cut: Duration,
}

impl Collector {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        // A check that never ran is there, with no passes and no fails.
        let checks = shared.checks.iter().map(|name| (name.clone(), CheckCount::default())).collect();
        let totals = Totals { checks, ..Totals::default() };
        Self { spare: Table::new(shared.checks.len()), shared, totals, clamped: 0, last_cut: Duration::ZERO }
    }

    /// Ends the current interval at `now` (time since the load began) and starts the next. Every sample recorded before the
    /// call is in exactly one interval; one recorded during it is in this or in the next.
    pub fn cut(&mut self, now: Duration, observed: Observed) -> Interval {
        let start = self.last_cut;
        self.last_cut = now.max(start);
        let mut series = BTreeMap::new();
        let shared = Arc::clone(&self.shared);
        for shard in &shared.shards {
            mem::swap(&mut *shard.lock(), &mut self.spare);
            self.drain_spare(&mut series);
        }
        for (labels, added) in &series {
            self.totals.add(labels, added);
        }
        self.totals.panics = shared.panics.load(Ordering::Relaxed);
        self.totals.dropped_iterations = shared.dropped.load(Ordering::Relaxed);
        self.totals.interrupted_iterations = shared.interrupted.load(Ordering::Relaxed);
        self.totals.interrupted_requests = self.totals.count(SampleKind::Interrupted, |_| true);

        let mut interval = Interval::new(micros(start), micros(self.last_cut) - micros(start), series);
        interval.second.phase = shared.timetable.phase(micros(start));
        interval.second.planned = observed.planned;
        interval.second.gauges = Gauges { users: shared.active_users(), peak_users: shared.take_peak_users(), ..observed.gauges };
        interval.second.processes = observed.processes;
        interval.second.generator = observed.generator;
        interval
    }

    fn drain_spare(&mut self, series: &mut BTreeMap<super::Labels, super::Series>) {
        for (name, count) in self.shared.checks.iter().zip(&self.spare.checks) {
            self.totals.add_check(name, *count);
        }
        self.clamped += self.spare.clamped;
        let shared = &self.shared;
        self.spare.drain(|key, added| match series.entry(shared.labels(key)) {
            Entry::Occupied(series) => series.into_mut().merge(added),
            Entry::Vacant(place) => {
                place.insert(added.clone());
            }
        });
    }

    /// Everything up to the last cut.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// What a reader of the histograms must know, if anything.
    pub fn warning(&self) -> Option<String> {
        (self.clamped > 0).then(|| format!("{} duration(s) over one hour count as one hour in every percentile", self.clamped))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use hdrhistogram::Histogram;
    use proptest::prelude::*;
    use rand::Rng;
    use tokio::time::Instant;

    use crate::clock::LoadClock;
    use crate::measure::{
        AttemptSample, FaultEnd, FaultWindow, HIGHEST_US, IterationSample, Recorder, RecorderBuilder, RouteId, SampleKind,
    };
    use crate::outcome::{FailureKind, OperationKind, Peer, Steps, Vendor};
    use crate::seed::Seed;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn builder(phases: Vec<Duration>, faults: Vec<FaultWindow>) -> RecorderBuilder {
        RecorderBuilder::new(LoadClock::starting_at(Instant::now()), phases, faults)
    }

    fn one_route() -> (Recorder, Collector, RouteId) {
        let mut builder = builder(vec![], vec![]);
        let route = builder.route("clay.webhook", Vendor::Clay);
        let (recorder, collector) = builder.build(2);
        (recorder, collector, route)
    }

    fn success(route: RouteId, due: Duration, took_us: u64) -> AttemptSample {
        let done = due + Duration::from_micros(took_us);
        AttemptSample { route, due, sent: due, done, steps: Steps::default(), bytes: 7, status: 200, failure: None, attempt: 1 }
    }

    fn failure(route: RouteId, status: u16, failure: FailureKind) -> AttemptSample {
        AttemptSample { status, failure: Some(failure), ..success(route, Duration::ZERO, 50) }
    }

    #[test]
    fn a_second_is_what_was_recorded_in_it() {
        let (recorder, mut collector, route) = one_route();
        (1..=100).for_each(|us| recorder.attempt(success(route, Duration::ZERO, us)));
        recorder.attempt(failure(route, 429, FailureKind::RateLimited));
        recorder.attempt(failure(route, 0, FailureKind::Timeout));
        recorder.users(5);
        recorder.users(-2);
        let processes = vec![ProcessSample { role: "harness".to_owned(), cpu_percent: 12.5, memory_bytes: 9 }];
        let gauges = Gauges { queue_depth: 4, users: 99, ..Gauges::default() };
        let planned = Planned { users: 8, ..Planned::default() };
        let observed = Observed { planned, gauges: gauges.clone(), processes: processes.clone(), ..Observed::default() };
        let second = collector.cut(SECOND, observed).second;
        assert_eq!((second.start_us, second.length_us, second.phase), (0, 1_000_000, 0));
        assert_eq!((second.requests, second.failures, second.rate_limited, second.bytes), (102, 2, 1, 102 * 7));
        assert_eq!((second.iterations, second.iterations_failed), (0, 0));
        assert_eq!((second.p50_us, second.p95_us, second.p99_us, second.max_us), (50, 95, 99, 100));
        assert_eq!((second.planned, &second.processes), (planned, &processes));
        assert_eq!(second.gauges, Gauges { users: 3, peak_users: 5, ..gauges });

        let next = collector.cut(SECOND + SECOND / 2, Observed::default());
        assert_eq!((next.second.start_us, next.second.length_us), (1_000_000, 500_000));
        assert_eq!((next.second.requests, next.second.p99_us, next.series.len()), (0, 0, 0));
    }

    #[test]
    fn an_interval_of_no_length_loses_nothing_and_time_does_not_run_backwards() {
        let (recorder, mut collector, route) = one_route();
        collector.cut(2 * SECOND, Observed::default());
        recorder.attempt(success(route, SECOND, 10));
        let empty = collector.cut(2 * SECOND, Observed::default()).second;
        assert_eq!((empty.start_us, empty.length_us, empty.requests), (2_000_000, 0, 1));
        assert_eq!(empty.rate(), 0.0);
        let earlier = collector.cut(SECOND, Observed::default()).second;
        assert_eq!((earlier.start_us, earlier.length_us), (2_000_000, 0));
    }

    #[test]
    fn latency_counts_from_when_it_was_due_and_never_below_zero() {
        let (recorder, mut collector, route) = one_route();
        let sample = success(route, SECOND, 0);
        recorder.attempt(AttemptSample { sent: SECOND * 3, done: SECOND * 4, ..sample });
        recorder.attempt(AttemptSample { done: SECOND / 2, ..sample });
        let interval = collector.cut(5 * SECOND, Observed::default());
        let series = interval.series.values().next().unwrap();
        assert_eq!((series.histogram.len(), series.sum_us, series.histogram.min()), (2, 3_000_000, 0));
    }

    #[test]
    fn more_than_an_hour_counts_as_an_hour_with_a_warning() {
        let (recorder, mut collector, route) = one_route();
        recorder.attempt(success(route, Duration::ZERO, HIGHEST_US));
        recorder.attempt(success(route, Duration::ZERO, 3 * HIGHEST_US));
        let interval = collector.cut(SECOND, Observed::default());
        let series = interval.series.values().next().unwrap();
        assert_eq!((series.histogram.count_at(HIGHEST_US), series.sum_us), (2, 4 * HIGHEST_US));
        // As many cuts as bring every table through every shard.
        (2..=6).for_each(|second| drop(collector.cut(second * SECOND, Observed::default())));
        assert_eq!(collector.clamped, 1);
        assert!(collector.warning().unwrap().starts_with("1 duration(s) over one hour"));
    }

    #[test]
    fn every_attempt_after_the_first_is_a_retry() {
        let (recorder, mut collector, route) = one_route();
        (1..=3).for_each(|attempt| recorder.attempt(AttemptSample { attempt, ..success(route, Duration::ZERO, 1) }));
        collector.cut(SECOND, Observed::default());
        let count = |retry| collector.totals().count(SampleKind::Attempt, |labels| labels.retry == retry);
        assert_eq!((count(false), count(true)), (1, 2));
    }

    #[test]
    fn phase_is_of_when_it_was_due_and_fault_of_all_the_time_until_it_was_done() {
        let clay =
            FaultWindow { vendor: Some(Vendor::Clay), routes: Vec::new(), from_us: 12_000_000, end: FaultEnd::at(14 * SECOND) };
        let mut builder = builder(vec![10 * SECOND, 20 * SECOND], vec![clay]);
        let route = builder.route("clay.webhook", Vendor::Clay);
        let other = builder.route("customer_io.track", Vendor::CustomerIo);
        let journey = builder.journey("lead", Vendor::Clay, [OperationKind::Enrich.route()]);
        let (recorder, mut collector) = builder.build(1);
        let mut labels_until = |due: u64, sent: u64, done: u64, route| {
            let [due, sent, done] = [due, sent, done].map(Duration::from_secs);
            recorder.attempt(AttemptSample { sent, done, ..success(route, due, 0) });
            let interval = collector.cut(SECOND, Observed::default());
            let labels = interval.series.into_keys().next().unwrap();
            (labels.phase, labels.under_fault)
        };
        assert_eq!(labels_until(9, 9, 12, route), (0, true), "it was cut off when the fault began");
        assert_eq!(labels_until(13, 13, 20, route), (1, true), "its answer came when the fault was over");
        let mut labels_of = |due, sent, route| labels_until(due, sent, sent, route);
        assert_eq!(labels_of(9, 9, route), (0, false));
        assert_eq!(labels_of(9, 12, route), (0, true));
        assert_eq!(labels_of(10, 14, route), (1, false));
        assert_eq!(labels_of(13, 13, other), (1, false));
        assert_eq!(labels_of(99, 99, route), (1, false));
        let [due, sent, done] = [9, 13, 15].map(Duration::from_secs);
        recorder.iteration(IterationSample { journey, due, sent, done, failure: Some(FailureKind::Panicked) });
        let interval = collector.cut(21 * SECOND, Observed::default());
        let (labels, series) = interval.series.iter().next().unwrap();
        assert_eq!((labels.kind, labels.name.as_str(), labels.vendor), (SampleKind::Iteration, "lead", Vendor::Clay.into()));
        assert_eq!((labels.phase, labels.under_fault, series.sum_us), (0, true, 6_000_000));
        assert_eq!((interval.second.iterations, interval.second.iterations_failed, interval.second.requests), (1, 1, 0));
        assert_eq!(interval.second.iteration_us, 6_000_000);
    }

    #[test]
    fn counts_beside_the_samples_are_there_from_the_start_and_add_up() {
        let mut builder = builder(vec![], vec![]);
        let (status, never) = (builder.check("status is 200"), builder.check("never asked"));
        assert_eq!(builder.check("status is 200"), status);
        assert_ne!(status, never);
        let route = builder.route("clay.webhook", Vendor::Clay);
        let (recorder, mut collector) = builder.build(1);
        for second in 1..=3 {
            recorder.check(status, true);
            recorder.check(status, second == 1);
            recorder.dropped(1);
            recorder.interrupted();
            recorder.request_interrupted(AttemptSample {
                failure: Some(FailureKind::Interrupted),
                ..success(route, Duration::ZERO, 9)
            });
            recorder.panicked();
            collector.cut(second * SECOND, Observed::default());
        }
        let totals = collector.totals();
        assert_eq!(totals.checks["status is 200"], CheckCount { passes: 4, fails: 2 });
        assert_eq!(totals.checks["never asked"], CheckCount::default());
        assert_eq!((totals.dropped_iterations, totals.interrupted_iterations, totals.panics), (3, 3, 3));
        assert_eq!((totals.interrupted_requests, totals.count(SampleKind::Attempt, |_| true), totals.series.len()), (3, 0, 1));
    }

    #[test]
    fn threads_that_record_during_cuts_lose_nothing_and_double_nothing() {
        const THREADS: u64 = 4;
        const EACH: u64 = 20_000;
        let mut builder = builder(vec![], vec![]);
        let routes = [builder.route("a", Vendor::Clay), builder.route("b", Vendor::CustomerIo)];
        let check = builder.check("held");
        // Fewer shards than threads: some threads share one.
        let (recorder, mut collector) = builder.build(3);
        let running = AtomicBool::new(true);
        let (mut rows, mut whole) = (0, Histogram::<u64>::new(crate::measure::DIGITS).unwrap());
        thread::scope(|scope| {
            let users: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let recorder = recorder.clone();
                    scope.spawn(move || {
                        for index in 0..EACH {
                            recorder.attempt(success(routes[(index % 2) as usize], Duration::ZERO, thread * EACH + index));
                            recorder.check(check, index % 4 == 0);
                        }
                    })
                })
                .collect();
            let reporter = scope.spawn(|| {
                let (mut rows, mut cuts) = (0, 0);
                while running.load(Ordering::Acquire) {
                    cuts += 1;
                    rows += collector.cut(cuts * SECOND, Observed::default()).second.requests;
                }
                rows + collector.cut((cuts + 1) * SECOND, Observed::default()).second.requests
            });
            users.into_iter().for_each(|user| user.join().unwrap());
            running.store(false, Ordering::Release);
            rows = reporter.join().unwrap();
        });
        (0..THREADS * EACH).for_each(|us| whole.record(us).unwrap());
        let totals = collector.totals();
        assert_eq!(rows, THREADS * EACH);
        assert_eq!(totals.merged(SampleKind::Attempt, |_| true), whole);
        let all = (0..THREADS * EACH).sum::<u64>();
        assert_eq!(totals.mean_us(SampleKind::Attempt, |_| true), Some(all as f64 / (THREADS * EACH) as f64));
        assert_eq!(totals.checks["held"], CheckCount { passes: THREADS * EACH / 4, fails: THREADS * EACH * 3 / 4 });
    }

    #[test]
    fn memory_does_not_grow_with_samples() {
        let (recorder, mut collector, route) = one_route();
        let mut rng = Seed(7).stream("latency");
        let mut distinct = Vec::new();
        for second in 1..=20 {
            (0..5_000).for_each(|_| recorder.attempt(success(route, Duration::ZERO, rng.random_range(0..1 << 20))));
            recorder.attempt(success(route, Duration::ZERO, 1 << 20));
            collector.cut(second * SECOND, Observed::default());
            let series = collector.totals().series.values();
            distinct.push(series.map(|series| series.histogram.distinct_values()).sum::<usize>());
        }
        assert_eq!(distinct[0], distinct[19]);
        assert_eq!(
            collector.totals().series.len(),
            3,
            "since they were due, over their connections, and to the heads of their answers"
        );
    }

    #[test]
    fn each_time_of_a_request_is_measured_apart() {
        use SampleKind::{Attempt, Connecting, Duration as Whole, TlsHandshaking, Waiting};
        let ms = Duration::from_millis;
        let steps = |connecting: Option<u64>, tls: Option<u64>, handed: u64, answered: Option<u64>| Steps {
            connecting: connecting.map(ms),
            tls: tls.map(ms),
            handed: ms(handed),
            answered: answered.map(ms),
        };
        // Each is due at 1 s, sent at 4 s and done at 6 s.
        for (steps, expected) in [
            (steps(None, None, 0, None), [Some(5e6), Some(2e6), Some(2e6), None, None]),
            (steps(None, None, 0, Some(1_900)), [Some(5e6), Some(2e6), Some(1.9e6), None, None]),
            (steps(Some(300), Some(200), 501, Some(1_900)), [Some(5e6), Some(1.499e6), Some(1.399e6), Some(3e5), Some(2e5)]),
            (steps(Some(300), None, 301, None), [Some(5e6), Some(1.699e6), Some(1.699e6), Some(3e5), None]),
            (Steps { handed: Duration::MAX, ..Steps::default() }, [Some(5e6), Some(0.0), Some(0.0), None, None]),
        ] {
            let (recorder, mut collector, route) = one_route();
            let [due, sent, done] = [1, 4, 6].map(Duration::from_secs);
            recorder.attempt(AttemptSample { due, sent, done, steps, ..success(route, Duration::ZERO, 0) });
            let second = collector.cut(7 * SECOND, Observed::default()).second;
            assert_eq!((second.requests, second.bytes, second.max_us / 100_000), (1, 7, 50), "{steps:?}");
            let mean = |kind| collector.totals().mean_us(kind, |_| true);
            assert_eq!([Attempt, Whole, Waiting, Connecting, TlsHandshaking].map(mean), expected, "{steps:?}");
        }
    }

    proptest! {
        // Each case is thousands of samples or a whole log.
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn cut_and_merged_percentiles_are_those_of_one_histogram(
            seconds in proptest::collection::vec(proptest::collection::vec((0_u64..=HIGHEST_US, 0_usize..3), 0..60), 1..6)
        ) {
            let mut builder = builder(vec![], vec![]);
            let routes = ["a", "b", "c"].map(|name| builder.route(name, Peer::Service));
            let (recorder, mut collector) = builder.build(2);
            let mut whole = Histogram::<u64>::new_with_bounds(1, HIGHEST_US, crate::measure::DIGITS).unwrap();
            for (index, samples) in seconds.iter().enumerate() {
                let mut one = Histogram::<u64>::new_with_bounds(1, HIGHEST_US, crate::measure::DIGITS).unwrap();
                for (us, route) in samples {
                    recorder.attempt(success(routes[*route], Duration::ZERO, *us));
                    one.record(*us).unwrap();
                }
                let second = collector.cut(SECOND * (index as u32 + 1), Observed::default()).second;
                prop_assert_eq!(second.p50_us, one.value_at_quantile(0.5));
                prop_assert_eq!(second.p99_us, one.value_at_quantile(0.99));
                prop_assert_eq!(second.max_us, one.max());
                whole.add(&one).unwrap();
            }
            let merged = collector.totals().merged(SampleKind::Attempt, |_| true);
            prop_assert_eq!(merged.len(), whole.len());
            for percentile in [0.0, 1.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0] {
                prop_assert_eq!(merged.value_at_percentile(percentile), whole.value_at_percentile(percentile));
            }
            let sum: u64 = seconds.iter().flatten().map(|(us, _)| us).sum();
            let mean = collector.totals().mean_us(SampleKind::Attempt, |_| true).unwrap_or_default();
            prop_assert_eq!(mean, if whole.is_empty() { 0.0 } else { sum as f64 / whole.len() as f64 });
        }
    }
}
