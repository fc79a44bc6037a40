//! What a request waits for before it is sent is part of its latency, also where a pipeline makes it wait.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use mock_server::latency::LatencyModel;
use mock_server::settings::SimulationSettings;
use mock_server::simulation::SimulatedVendors;
use plimsoll::clock::LoadClock;
use plimsoll::event::{EventSink, NoEvents};
use plimsoll::executor::{Stop, local};
use plimsoll::journey::WorkloadPlan;
use plimsoll::measure::{Observed, RecorderBuilder, SampleKind, Totals};
use plimsoll::scenario::TestPlan;
use plimsoll::seed::Seed;
use plimsoll::transport::SimulatedNetwork;
use plimsoll::vendor_api::{Endpoints, VendorAccess};

/// Ten users, of whom the limiter lets one a second through: each waits ten seconds, and Clay answers in 10 ms.
const LIMITED: &str = r#"
name = "limited"
question = "Who waits?"
executor = "constant-vus"
vus = 10
duration = "60s"
journeys = [{ journey = "clay.enrich" }]

[resilience.clay]
limiter = { rate = 1, burst = 1, max_wait = "60s" }
"#;

/// Users who wait for a second vendor after the first: only the first request was due with the iteration.
const LEADS: &str = r#"
name = "leads"
question = "Who waits?"
executor = "constant-vus"
vus = 1
duration = "60s"
journeys = [{ journey = "lead" }]

[resilience.customer_io]
limiter = { rate = 1, burst = 1, max_wait = "60s" }
"#;

fn measured(text: &str) -> Totals {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let seed = Seed(7);
        let test_plan = TestPlan::parse(text, Path::new("test.toml")).expect("a valid test plan");
        let settings = SimulationSettings { seed: seed.0, ..test_plan.simulation.clone() };
        let vendors_clock = mock_server::clock::DayClock::machine();
        let vendors = SimulatedVendors::in_process(settings.clone(), vendors_clock, |_| async { Ok(StatusCode::OK) });
        let vendors = vendors.expect("valid settings");
        let network = SimulatedNetwork::new(&vendors, LatencyModel::Fixed { delay: Duration::from_millis(10) }, seed);
        let access = VendorAccess::simulated(|vendor| vendors.url(vendor), &settings).expect("valid URLs");
        let endpoints = Endpoints::of(&access).expect("valid credentials");
        let plan = WorkloadPlan::new(test_plan.workload(), endpoints, Arc::new(network), seed).expect("valid journeys");
        let (clock, sink) = (LoadClock::start(), Arc::new(NoEvents) as Arc<dyn EventSink>);
        let (workload, mut collector) = plan.begin(clock, RecorderBuilder::new(clock, Vec::new(), Vec::new()), 1, &sink);
        local::run(&test_plan.total_load(), seed, &Stop::default(), clock, workload).await;
        collector.cut(clock.now(), Observed::default());
        collector.totals().clone()
    })
}

/// Seconds at the median of the requests of a route that were answered.
fn median(totals: &Totals, kind: SampleKind, name: &str) -> f64 {
    let histogram = totals.merged(kind, |labels| labels.name == name && labels.failure.is_none());
    assert!(histogram.len() > 20, "{} requests", histogram.len());
    histogram.value_at_quantile(0.5) as f64 / 1e6
}

#[test]
fn the_wait_for_a_limiter_is_latency_and_not_duration() {
    let totals = measured(LIMITED);
    let latency = median(&totals, SampleKind::Attempt, "clay.webhook");
    assert!((9.0..=11.0).contains(&latency), "{latency} s");
    let duration = median(&totals, SampleKind::Duration, "clay.webhook");
    assert!(duration < 1.0, "{duration} s");
}

#[test]
fn only_the_first_request_of_an_iteration_was_due_with_it() {
    let totals = measured(LEADS);
    let of_clay = [SampleKind::Attempt, SampleKind::Duration].map(|kind| median(&totals, kind, "clay.webhook"));
    assert!(of_clay.iter().all(|seconds| *seconds < 1.0), "{of_clay:?}");
    // The limiter makes the second and third request wait, which were due when they were sent.
    let of_customer_io = median(&totals, SampleKind::Attempt, "customer_io.track");
    assert!(of_customer_io < 1.0, "{of_customer_io} s");
}
