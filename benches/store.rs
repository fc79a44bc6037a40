//! What durability costs: leads a second that are durable in SQLite, and how long one waits for it.
//!
//! ```text
//! cargo bench --bench store               # the ceiling of group commit, the store against it, latency at 1,000 a second
//! cargo bench --bench store -- million    # a queue of a million leads: start-up, memory, drain at 2,000 a second
//! cargo bench --bench store -- million 90000    # the same with a smaller one, in passing
//! ```
//!
//! Each lead is a row and three operations. The ceiling is one thread that writes the same rows into the same tables with
//! prepared statements, so many leads a commit, and does nothing else. Files are under `target/`, on the disk that is
//! there: a disk in memory would sync in no time. Stores are measured in turns with the ceiling, for disks have moods.

#![allow(clippy::print_stdout, reason = "printing is what a bench does")]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plimsoll::clock::LoadClock;
use plimsoll::event::NoEvents;
use plimsoll::outcome::Vendor;
use plimsoll::resilience::emitter::Emitter;
use plimsoll::resilience::{
    Backlog, DayClock, FallbackQueue, LimiterSettings, Operation, Pipeline, PipelineSettings, Reply, Sender,
};
use plimsoll::seed::Seed;
use plimsoll::store::sqlite::{SqliteSettings, SqliteStore};
use plimsoll::store::{Acceptance, Bounds, LeadStore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use common::{ceiling, directory, histogram, lead, micros, percentiles, resident};

/// Durable leads a second that the store must reach, with many submitters.
const LEADS_A_SECOND: f64 = 5_000.0;
/// The longest 99th percentile at 1,000 leads a second.
const LONGEST_P99_US: u64 = 50_000;
/// The longest start-up with a million leads.
const LONGEST_START: Duration = Duration::from_secs(2);
/// How far the drain may be from the limiter's rate.
const DRAIN_TOLERANCE: f64 = 0.02;

const MILLION: u64 = 1_000_000;
const LIMIT: f64 = 2_000.0;
/// Each waits for the commit of what it delivered: enough that the limit, and not the disk, is what they wait for.
const WORKERS: usize = 192;
const BOUNDS: Bounds = Bounds { queue: 10_000_000, dead_letters: 100_000 };

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["million"] => runtime.block_on(queue_of(MILLION)),
        ["million", leads] => runtime.block_on(queue_of(leads.parse().expect("how many leads, in thousands of them"))),
        // `cargo test --benches` runs this with --test: there is nothing to check in passing.
        ["--test"] => {}
        _ => runtime.block_on(rates()),
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteSettings::from(BOUNDS)).expect("a file to write")
}

async fn rates() {
    let mut ceiling = 0.0_f64;
    println!("group commit alone, one thread, raw SQLite");
    for batch in [1, 8, 64, 512] {
        let rate = ceiling::raw(batch, Duration::from_secs(3)).await;
        println!("  {batch:>4} leads a commit: {rate:>8.0} leads/s");
        ceiling = ceiling.max(rate);
    }
    println!("the store");
    let mut best = 0.0_f64;
    for (submitters, at_once) in [(1, 1), (64, 1), (512, 1), (8, 64)] {
        let (rate, commits, latencies) = submit(submitters, at_once, Duration::from_secs(4)).await;
        println!(
            "  {submitters:>4} submitters, {at_once:>2} leads at once: {rate:>8.0} leads/s, {commits:>6.0} commits/s, {}",
            percentiles(&latencies)
        );
        best = best.max(rate);
    }
    println!("  {:.2} of the ceiling of {ceiling:.0} leads/s", best / ceiling);
    let latencies = open_arrivals(1_000.0, Duration::from_secs(15)).await;
    println!("1,000 leads a second, one at a time, from the instant when each is due: {}", percentiles(&latencies));
    assert!(best >= LEADS_A_SECOND, "fewer than {LEADS_A_SECOND} durable leads a second");
    assert!(latencies.value_at_quantile(0.99) <= LONGEST_P99_US, "p99 at 1,000 leads a second is over 50 ms");
}

/// Submitters that each wait for an answer before the next; leads a second, commits a second, and how long they waited.
async fn submit(submitters: u64, at_once: u64, time: Duration) -> (f64, f64, hdrhistogram::Histogram<u64>) {
    let dir = directory();
    let store = open(&dir.path().join("leads.db"));
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..submitters {
        let (store, next) = (store.clone(), Arc::clone(&next));
        all.spawn(async move {
            let mut latencies = histogram();
            while started.elapsed() < time {
                let first = next.fetch_add(at_once, Ordering::Relaxed);
                let leads: Vec<_> = (first..first + at_once).map(lead).collect();
                let asked = Instant::now();
                let accepted = store.accept(leads, first).await.expect("a working store");
                assert!(accepted.iter().all(|accepted| *accepted == Acceptance::New));
                latencies.saturating_record(micros(asked.elapsed()));
            }
            latencies
        });
    }
    let mut latencies = histogram();
    while let Some(some) = all.join_next().await {
        latencies.add(some.expect("a submitter")).expect("equal bounds");
    }
    let seconds = started.elapsed().as_secs_f64();
    let (leads, commits) = (next.load(Ordering::Relaxed) as f64, store.commits() as f64);
    store.close().await.expect("a working store");
    (leads / seconds, commits / seconds, latencies)
}

/// Leads that come whether the earlier are answered or not.
async fn open_arrivals(rate: f64, time: Duration) -> hdrhistogram::Histogram<u64> {
    let dir = directory();
    let store = open(&dir.path().join("leads.db"));
    let started = Instant::now();
    let mut all = JoinSet::new();
    for number in 0..(rate * time.as_secs_f64()) as u64 {
        let due = started + Duration::from_secs_f64(number as f64 / rate);
        tokio::time::sleep_until(due).await;
        let (store, lead) = (store.clone(), lead(number));
        all.spawn(async move {
            assert_eq!(store.accept(vec![lead], number).await, Ok(vec![Acceptance::New]));
            micros(due.elapsed())
        });
    }
    let mut latencies = histogram();
    while let Some(waited) = all.join_next().await {
        latencies.saturating_record(waited.expect("a submitter"));
    }
    store.close().await.expect("a working store");
    latencies
}

/// A vendor that takes everything at once.
struct Taker(Arc<AtomicU64>);

impl Sender for Taker {
    async fn send(&self, _operation: &Operation, _attempt: u32, _deadline: Instant) -> Reply {
        self.0.fetch_add(1, Ordering::Relaxed);
        Reply { status: Some(200), ..Reply::default() }
    }
}

async fn queue_of(many: u64) {
    let dir = directory();
    let path = dir.path().join("leads.db");
    let empty = resident();
    let store = open(&path);
    let now = plimsoll::clock::wall_clock().timestamp_millis() as u64;
    let started = Instant::now();
    let mut tenth = 0.0;
    for page in 0..many / 1_000 {
        let leads = (page * 1_000..(page + 1) * 1_000).map(lead).collect();
        store.accept(leads, now).await.expect("a working store");
        if page == many / 10_000 {
            tenth = resident();
        }
    }
    let (filled, full) = (started.elapsed(), resident());
    println!("{many} leads, three operations each: {:.0} leads/s while it was filled", many as f64 / filled.as_secs_f64());
    println!("  memory: {:.0} MB empty, {:.0} MB at a tenth, {:.0} MB full", empty / 1e6, tenth / 1e6, full / 1e6);
    let closing = Instant::now();
    store.close().await.expect("a working store");
    drop(store);
    let bytes = std::fs::metadata(&path).expect("the file").len();
    println!("  the file: {:.2} GB; closed in {:.2} s", bytes as f64 / 1e9, closing.elapsed().as_secs_f64());

    let opening = Instant::now();
    let store = open(&path);
    let leased = store.backlog(Vendor::Clay);
    assert!(leased.next_due().await.expect("a working store").is_some());
    let started = opening.elapsed();
    println!("  start-up until the first entry can be leased: {:.3} s", started.as_secs_f64());
    assert_eq!(leased.counts().0, many / 1_000 * 1_000);

    let (rate, peak) = drain(&store).await;
    println!(
        "  drain with a limit of {LIMIT}/s: {rate:.1}/s ({:+.2} %), memory {:.0} MB at most",
        (rate / LIMIT - 1.0) * 100.0,
        peak / 1e6
    );
    assert!(started <= LONGEST_START, "start-up takes longer than {LONGEST_START:?}");
    assert!((rate / LIMIT - 1.0).abs() <= DRAIN_TOLERANCE, "the drain is not at its limit");
}

/// Entries a second that workers of a pipeline take from the queue and deliver, after the limiter's burst, for 20 s; and the
/// most memory meanwhile.
async fn drain(store: &SqliteStore) -> (f64, f64) {
    let mut settings = PipelineSettings::of(Vendor::CustomerIo);
    settings.limiter = Some(LimiterSettings { rate: LIMIT, burst: 20, max_wait: Duration::from_secs(5) });
    settings.fallback.drain_pacing = Duration::ZERO;
    let sent = Arc::new(AtomicU64::new(0));
    let emitter = Emitter::new(Vendor::CustomerIo, LoadClock::start(), Arc::new(NoEvents));
    let backlog = store.backlog(Vendor::CustomerIo);
    let rng = Seed(1).stream("drain");
    let pipeline = Arc::new(Pipeline::with_backlog(settings, Taker(Arc::clone(&sent)), backlog, emitter, DayClock::start(), rng));
    let work = tokio::spawn(Arc::clone(&pipeline).work(WORKERS));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (from, before) = (Instant::now(), sent.load(Ordering::Relaxed));
    let mut peak = 0.0_f64;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        peak = peak.max(resident());
    }
    let rate = (sent.load(Ordering::Relaxed) - before) as f64 / from.elapsed().as_secs_f64();
    pipeline.stop(Duration::from_secs(5)).await;
    work.await.expect("the work ends");
    (rate, peak)
}
