//! Ten minutes of load with an outage in the middle, in paused time: no lead is lost, and the same seed gives the same run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::StatusCode;
use mock_server::latency::LatencyModel;
use mock_server::ledger::Entry;
use mock_server::settings::SimulationSettings;
use mock_server::simulation::SimulatedVendors;
use plimsoll::audit::{Audit, AuditOptions, Journals, audit};
use plimsoll::clock::LoadClock;
use plimsoll::event::{BreakerState, Event, EventKind, EventSink, Guard};
use plimsoll::executor::{Stop, local};
use plimsoll::journal::{DRIVER, Journal, PLACES, VENDORS};
use plimsoll::journey::{JournalSenders, Workload, WorkloadPlan};
use plimsoll::measure::{Observed, RecorderBuilder};
use plimsoll::outcome::Vendor;
use plimsoll::plan::Planned;
use plimsoll::resilience::DayClock;
use plimsoll::scenario::TestPlan;
use plimsoll::seed::Seed;
use plimsoll::transport::SimulatedNetwork;
use plimsoll::vendor_api::{Endpoints, VendorAccess};
use tokio::runtime::Builder;
use tokio::time::Instant;

const TEST_PLAN: &str = r#"
name = "virtual-time"
question = "Does a run in paused time repeat?"
executor = "ramping-vus"
stages = [
  { duration = "1m", target = 6 },
  { duration = "8m", target = 6 },
  { duration = "1m", target = 0 },
]
think_time = { uniform = ["1s", "3s"] }
journeys = [{ journey = "lead" }]

[simulation.clay]
auto_dedupe = "idempotency_key" # the outage cuts off answers, and what they answered is sent again

[resilience.clay]
credits = { daily_limit = 1_000_000 }
queue = { drain_pacing = "20ms" }

[[faults]]
name = "outage"
kind = "outage"
how = "refuse"
vendor = "clay"
at = "4m"
lasts = "2m"

[[faults]]
name = "lost answers"
kind = "lost_answer"
how = "hang"
vendor = "customer_io"
share = 0.02
at = "1m"
lasts = "9m"
"#;

/// Five minutes before a day, and the day's budget of credits, ends.
const STARTED: &str = "2026-03-01T23:55:00Z";

/// Everything that a run leaves behind.
#[derive(Debug, PartialEq)]
struct Run {
    /// Events in the order of their times.
    events: Vec<Event>,
    /// The gauges of each second.
    seconds: Vec<String>,
    /// What was measured in all.
    totals: String,
    /// The journals of the driver, the vendors and the places at rest.
    journals: [String; 3],
    audit: Audit,
}

#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl EventSink for Events {
    fn emit(&self, event: Event) {
        self.0.lock().expect("no panic").push(event);
    }
}

/// The same load, while something else answers for both vendors: proxies and portals that know nothing of leads.
fn answered_by_others() -> String {
    let (load, _) = TEST_PLAN.split_once("[[faults]]").expect("faults");
    let answers = [
        (103, ""),
        (200, "<html><title>Sign in to the network</title></html>"),
        (200, "{\\\"ok\\\": tr"),
        (204, ""),
        (226, "{}"),
        (302, ""),
        (304, ""),
        (418, "teapot"),
    ];
    let fault = |(index, (status, body)): (usize, (u16, &str))| {
        let body = if body.is_empty() { String::new() } else { format!("body = \"{body}\"\n") };
        format!(
            "[[faults]]\nname = \"{index}\"\nkind = \"error\"\nstatus = {status}\n{body}at = \"{}s\"\nlasts = \"20s\"\n",
            60 * (index + 1)
        )
    };
    let breakers = "[resilience.customer_io]\nqueue = { drain_pacing = \"20ms\" }\n";
    load.to_owned() + breakers + &answers.into_iter().enumerate().map(fault).collect::<String>()
}

fn run(seed: Seed) -> Run {
    run_of(TEST_PLAN, seed)
}

fn run_of(test_plan: &str, seed: Seed) -> Run {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let (events, seconds, totals) = runtime.block_on(ten_minutes(test_plan, seed, dir.path()));
    let journals = [DRIVER, VENDORS, PLACES].map(|name| fs::read_to_string(dir.path().join(name)).expect("a journal"));
    let options = AuditOptions { clay_deduplicates: true, ..AuditOptions::default() };
    let audit = audit(&Journals::in_dir(dir.path()), &options).expect("journals that can be read");
    Run { events, seconds, totals, journals, audit }
}

/// Events, gauges, and what was measured. The journals are written into `dir`.
async fn ten_minutes(text: &str, seed: Seed, dir: &Path) -> (Vec<Event>, Vec<String>, String) {
    let test_plan = TestPlan::parse(text, Path::new("virtual-time.toml")).expect("a valid test plan");
    let settings = SimulationSettings { seed: seed.0, faults: test_plan.faults.clone(), ..test_plan.simulation.clone() };
    let date: DateTime<Utc> = STARTED.parse().expect("a date");
    let vendors_clock = mock_server::clock::DayClock::starting_at(date.into());
    let vendors = SimulatedVendors::in_process(settings.clone(), vendors_clock, |_| async { Ok(StatusCode::OK) });
    let vendors = vendors.expect("valid settings");
    let delay = LatencyModel::Lognormal { p50: Duration::from_millis(10), p99: Duration::from_millis(60) };
    let network = SimulatedNetwork::new(&vendors, delay, seed);
    let access = VendorAccess::simulated(|vendor| vendors.url(vendor), &settings).expect("valid URLs");
    let endpoints = Endpoints::of(&access).expect("valid credentials");
    let driver = Journal::create(&dir.join(DRIVER)).expect("a journal");
    let places = Journal::create(&dir.join(PLACES)).expect("a journal");
    let plan = WorkloadPlan::new(test_plan.workload(), endpoints, Arc::new(network), seed)
        .expect("valid journeys")
        .with_journals(JournalSenders { driver: driver.sender(), places: Some(places.sender()) })
        .with_wall_clock(DayClock { start_wall: date, start: Instant::now() });

    let (events, clock, mut faults) = (Arc::new(Events::default()), LoadClock::start(), vendors.subscribe());
    let mut follower = vendors.ledger().follow();
    let mut ledger = Vec::new();
    vendors.start_timetable();
    let sink: Arc<dyn EventSink> = events.clone();
    let (workload, mut collector) = plan.begin(clock, RecorderBuilder::new(clock, Vec::new(), Vec::new()), 1, &sink);
    let draining = Arc::clone(&workload);
    let drain = tokio::spawn(async move { draining.drain().await });
    let (total_load, stop) = (test_plan.total_load(), Stop::default());
    let mut load = Box::pin(local::run(&total_load, seed, &stop, clock, Arc::clone(&workload)));
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut seconds = Vec::new();
    let mut second = |workload: &Workload| {
        seconds.push(format!("{:?} {:?}", clock.now(), workload.gauges()));
        while let Some(batch) = follower.ready() {
            assert_eq!(batch.missed, 0);
            ledger.extend(batch.entries.iter().map(|entry| serde_json::to_string(&**entry).expect("JSON") + "\n"));
        }
        while let Ok(change) = faults.try_recv() {
            let kind = EventKind::Fault { name: change.name, active: change.active };
            events.emit(Event { at_us: change.at_us, vendor: None, kind });
        }
    };
    loop {
        tokio::select! {
            biased;
            () = &mut load => break,
            _ = ticks.tick() => second(&workload),
        }
    }
    workload.come_to_rest(|_| {}).await;
    drain.abort();
    assert!(vendors.shutdown().await.is_empty());
    second(&workload);
    let count = format!("{{\"entries\":{}}}\n", ledger.len());
    fs::write(dir.join(VENDORS), ledger.concat() + &count).expect("a journal");
    assert_eq!((driver.finish().problem(), places.finish().problem()), (None, None));
    collector.cut(clock.now(), Observed { planned: Planned::default(), gauges: workload.gauges(), ..Observed::default() });
    let mut events = std::mem::take(&mut *events.0.lock().expect("no panic"));
    events.sort_by_key(|event| event.at_us);
    (events, seconds, format!("{:#?}", collector.totals()))
}

/// When a circuit breaker went into a state.
fn transitions(run: &Run, vendor: Vendor, to: BreakerState) -> Vec<Duration> {
    let is_it = |event: &&Event| {
        let breaker =
            matches!(&event.kind, EventKind::Transition { guard: Guard::CircuitBreaker, to: state, .. } if *state == to);
        breaker && event.vendor == Some(vendor)
    };
    run.events.iter().filter(is_it).map(|event| Duration::from_micros(event.at_us)).collect()
}

#[test]
fn ten_minutes_with_an_outage_lose_no_lead_and_repeat_to_the_letter() {
    let first = run(Seed(42));
    let audit = &first.audit;
    assert!(audit.passed(), "{audit:#?}");
    assert!(audit.leads.submitted > 3_000 && audit.leads.submitted == audit.leads.acknowledged, "{:?}", audit.leads);
    assert_eq!(audit.operations.delivered, audit.operations.acknowledged, "everything that was queued was delivered");

    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let opened = transitions(&first, Vendor::Clay, BreakerState::Open);
    let closed = transitions(&first, Vendor::Clay, BreakerState::Closed);
    assert!(opened.first().is_some_and(|at| *at > minutes(4) && *at < minutes(5)), "{opened:?}");
    assert!(opened.iter().all(|at| *at < minutes(6)) && closed.len() == 1 && closed[0] > minutes(6), "{opened:?} {closed:?}");
    let is_fault = |event: &&Event| matches!(event.kind, EventKind::Fault { .. });
    assert_eq!(first.events.iter().filter(is_fault).count(), 4, "both begin and end");
    let midnight = first.events.iter().find(|event| event.kind == EventKind::CreditsReset).expect("a new day");
    assert!((minutes(5)..minutes(7)).contains(&Duration::from_micros(midnight.at_us)), "{midnight:?}");

    let again = run(Seed(42));
    assert_eq!(first.events, again.events);
    assert_eq!(first.seconds, again.seconds);
    assert!(first == again, "the journals or what was measured differ");

    let other = run(Seed(43));
    assert!(other.audit.passed(), "{:#?}", other.audit.findings);
    assert_ne!(first.events, other.events);
    assert_ne!(first.journals, other.journals);
}

#[test]
fn what_others_answer_for_a_vendor_delivers_nothing() {
    let run = run_of(&answered_by_others(), Seed(44));
    // Had one of these answers been taken for the vendor's, its operation would have rested as delivered and be found nowhere.
    assert!(run.audit.passed(), "{:#?}", run.audit);
    assert!(run.audit.leads.acknowledged > 3_000, "{:?}", run.audit.leads);
    let [_, vendors, _] = &run.journals;
    let entries = vendors.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
    let faulted: Vec<Entry> = entries.filter(|entry| !entry.actual.is_empty()).collect();
    let statuses: BTreeSet<u16> = faulted.iter().filter_map(|entry| entry.status).collect();
    assert_eq!(statuses, [103, 200, 204, 226, 302, 304, 418].into());
    assert!(faulted.iter().all(|entry| entry.effects.is_empty()));
}
