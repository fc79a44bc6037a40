//! What one pipeline call costs without HTTP: idempotency, credit budget, limiter, retry, breaker and timeout all on and
//! all passing, with a sender that answers at once. Aim: under 2 µs. The key is made with the operation, outside the call.
//!
//! `cargo bench --bench pipeline`
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll::clock::LoadClock;
use plimsoll::event::NoEvents;
use plimsoll::outcome::Vendor;
use plimsoll::resilience::{
    BreakerSettings, CreditSettings, DayClock, Disposition, Emitter, LimiterSettings, MemoryBacklog, Operation, OperationKind,
    Pipeline, PipelineSettings, Reply, Sender, Window,
};
use plimsoll::seed::Seed;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// A vendor that accepts everything at once.
struct Accepting;

impl Sender for Accepting {
    async fn send(&self, _operation: &Operation, _attempt: u32, _deadline: Instant) -> Reply {
        Reply { status: Some(200), ..Reply::default() }
    }
}

/// Every guard on, none in the way.
fn everything_on(window: Window) -> PipelineSettings {
    let (calls, span) = (100, Duration::from_secs(10));
    PipelineSettings {
        credits: Some(CreditSettings { daily_limit: u64::MAX, ..CreditSettings::default() }),
        limiter: Some(LimiterSettings { rate: 1e9, burst: u32::MAX, max_wait: Duration::from_secs(1) }),
        breaker: Some(BreakerSettings { window, calls, span, ..BreakerSettings::default() }),
        ..PipelineSettings::of(Vendor::Clay)
    }
}

/// Times `count` calls of operations that were never seen before, which are made in batches outside the timing.
fn timed_calls<S: Sender>(runtime: &Runtime, pipeline: &Pipeline<S>, next: &mut u64, count: u64) -> Duration {
    const BATCH: u64 = 4_096;
    let mut spent = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let batch: Vec<Operation> = (0..left.min(BATCH))
            .map(|_| {
                *next += 1;
                Operation::new(OperationKind::Enrich, format!("user{next}"), json!({"email": "ada@acme.test", "number": *next}))
            })
            .collect();
        left -= batch.len() as u64;
        spent += runtime.block_on(async {
            let started = Instant::now();
            for operation in batch {
                let disposition = black_box(pipeline.call(operation).await);
                assert_eq!(disposition, Disposition::Delivered { attempts: 1 });
            }
            started.elapsed()
        });
    }
    spent
}

fn one_call(c: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be built");
    let mut group = c.benchmark_group("pipeline call, everything on");
    for (name, window) in
        [("failures in a row", Window::Consecutive), ("count window", Window::Count), ("time window", Window::Time)]
    {
        group.bench_function(name, |bencher| {
            let settings = everything_on(window);
            let clock = LoadClock::start();
            let backlog = MemoryBacklog::new(&settings.fallback);
            let emitter = Emitter::new(Vendor::Clay, clock, Arc::new(NoEvents));
            let rng = Seed(1).stream(Vendor::Clay.as_str());
            let pipeline = Pipeline::with_backlog(settings, Accepting, backlog, emitter, DayClock::start(), rng);
            let mut next = 0;
            bencher.iter_custom(|count| timed_calls(&runtime, &pipeline, &mut next, count));
        });
    }
    group.finish();
}

criterion_group!(benches, one_call);
criterion_main!(benches);
