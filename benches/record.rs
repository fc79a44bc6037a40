//! What recording one request costs: alone, and beside a second thread that records too. Every load pays it for every request.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll::clock::LoadClock;
use plimsoll::measure::{AttemptSample, Collector, FaultEnd, FaultWindow, Observed, Recorder, RecorderBuilder, RouteId};
use plimsoll::outcome::{FailureKind, Steps, Vendor};
use tokio::time::Instant;

/// A scenario's worth of stages and faults.
fn recorder(shards: usize) -> (Recorder, Collector, RouteId) {
    let stages = (1..=5).map(|stage| Duration::from_secs(stage * 60)).collect();
    let faults = (1..=4).map(|fault| FaultWindow {
        vendor: Some(if fault % 2 == 0 { Vendor::Clay } else { Vendor::CustomerIo }),
        routes: Vec::new(),
        from_us: fault * 60_000_000,
        end: FaultEnd::at(Duration::from_secs(fault * 60 + 20)),
    });
    let mut builder = RecorderBuilder::new(LoadClock::starting_at(Instant::now()), stages, faults.collect());
    let route = builder.route("clay.webhook", Vendor::Clay);
    let (recorder, collector) = builder.build(shards);
    (recorder, collector, route)
}

/// Records the `index`th of many requests: latencies of 1 to 5 ms, one failure in sixteen.
fn record(recorder: &Recorder, route: RouteId, index: u64) {
    let due = Duration::from_micros(index % 300_000_000);
    let failed = index.is_multiple_of(16);
    recorder.attempt(black_box(AttemptSample {
        route,
        due,
        sent: due,
        done: due + Duration::from_micros(1_000 + (index.wrapping_mul(2_654_435_761) >> 7) % 4_000),
        steps: Steps::default(),
        bytes: 300,
        status: if failed { 429 } else { 200 },
        failure: failed.then_some(FailureKind::RateLimited),
        attempt: 1,
    }));
}

fn one_thread(criterion: &mut Criterion) {
    let (recorder, mut collector, route) = recorder(2);
    let mut index = 0;
    criterion.bench_function("record/1 thread", |bencher| {
        bencher.iter(|| {
            record(&recorder, route, index);
            index += 1;
        });
    });
    let total = collector.cut(Duration::from_secs(1), Observed::default()).second.requests;
    assert_eq!(total, index, "every request was measured");
}

/// The time is that of the slower thread, for as many records each as criterion asks for.
fn two_threads(criterion: &mut Criterion) {
    let (recorder, _collector, route) = recorder(2);
    criterion.bench_function("record/2 threads", |bencher| {
        bencher.iter_custom(|count| {
            let user = || {
                let start = Instant::now();
                (0..count).for_each(|index| record(&recorder, route, index));
                start.elapsed()
            };
            thread::scope(|scope| {
                let users = [scope.spawn(user), scope.spawn(user)];
                users.map(|user| user.join().expect("recording does not panic")).into_iter().max().unwrap_or_default()
            })
        });
    });
}

fn cut(criterion: &mut Criterion) {
    let (recorder, mut collector, route) = recorder(2);
    let mut index = 0;
    criterion.bench_function("cut/2 series", |bencher| {
        bencher.iter(|| {
            (0..16).for_each(|offset| record(&recorder, route, index + offset));
            index += 16;
            collector.cut(Duration::from_micros(index), Observed::default())
        });
    });
}

criterion_group!(benches, one_thread, two_threads, cut);
criterion_main!(benches);
