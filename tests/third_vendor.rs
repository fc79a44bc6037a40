//! A vendor is one folder and one table on each side: the toy vendor behind the feature `third-vendor` is the test of it.
//!
//! Without the feature, only where it occurs is tested; with it, a run with an outage of that vendor.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that the feature may be named in, besides the folder of the toy vendor.
const TABLES: [&str; 2] = ["src/outcome/vendor.rs", "mock-server/src/simulated/table.rs"];
/// The folder of the toy vendor.
const FOLDER: &str = "/third_vendor/";

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the directory is there").map(|entry| entry.expect("a readable entry").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn the_feature_lives_in_one_folder_and_one_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for src in ["src", "mock-server/src"] {
        for file in sources(&root.join(src)) {
            let text = fs::read_to_string(&file).expect("a source file");
            let name = file.strip_prefix(root).expect("under the root").to_string_lossy().replace('\\', "/");
            let allowed = TABLES.contains(&name.as_str()) || name.contains(FOLDER);
            assert!(allowed || !text.contains("third-vendor"), "{name} names the feature");
        }
    }
}

#[cfg(not(feature = "third-vendor"))]
#[test]
fn without_the_feature_there_is_no_third_vendor() {
    let schema = plimsoll::scenario::json_schema().to_string();
    assert!(!schema.contains("acme"));
    assert_eq!(plimsoll::outcome::Vendor::ALL.map(|vendor| vendor.as_str()), ["clay", "customer_io"]);
}

#[cfg(feature = "third-vendor")]
mod end_to_end {
    use std::collections::HashSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use mock_server::ledger::Entry;
    use plimsoll::clock::wall_clock;
    use plimsoll::event::{BreakerState, Event, EventKind, Guard};
    use plimsoll::executor::Stop;
    use plimsoll::journal::VENDORS;
    use plimsoll::outcome::{OperationCounts, Vendor};
    use plimsoll::result::{RunDir, RunEnd, read_run};
    use plimsoll::run::{Finished, RunOptions, run};
    use plimsoll::scenario::TestPlan;
    use plimsoll::seed::Seed;

    const USERS: usize = 3;
    const TEST_PLAN: &str = r#"
name = "third-vendor"
question = "Is a third vendor guarded as the others are?"
executor = "constant-vus"
vus = 3
duration = "6s"
think_time = "30ms"
journeys = [{ journey = "acme.push", weight = 2 }, { journey = "lead" }]
[simulation]
clay = { latency = "1ms" }
customer_io = { latency = "1ms" }
[resilience]
clay = { credits = false }
acme = { breaker = { failures = 3, cooldown = "500ms" }, retry = false, queue = { base_delay = "200ms", drain_pacing = "1ms" } }
[[faults]]
name = "acme is down"
kind = "outage"
vendor = "acme"
at = "2s"
lasts = "1500ms"
[expect]
leads_lost = 0
[expect.acme]
opens_within = "1s"
closes_within = "3s"
[thresholds]
"http_reqs{vendor:acme,fault:false}" = ["count>=20"]
"http_reqs{vendor:acme,failure:connection_refused}" = ["count>=3"]
"#;

    async fn finished(dir: &Path) -> Finished {
        // A caller has a handler of its own, or Goose takes the signal.
        tokio::spawn(tokio::signal::ctrl_c());
        let test_plan = TestPlan::parse(TEST_PLAN, Path::new("third-vendor.toml")).unwrap_or_else(|errors| panic!("{errors}"));
        let options = RunOptions {
            dir: RunDir::at(dir).expect("a directory for the run"),
            program: PathBuf::from(env!("CARGO_BIN_EXE_plimsoll")),
            seed: Seed(7),
            time_scale: 1.0,
            max_lateness: std::time::Duration::from_secs(60),
            started: wall_clock(),
            journals: true,
        };
        run(&test_plan, &options, &Stop::default(), Vec::new()).await.expect("a result")
    }

    /// The states that a vendor's breaker went into, in order.
    fn states(events: &[Event], of: Vendor) -> Vec<BreakerState> {
        let of_breaker = events.iter().filter(|event| event.vendor == Some(of)).filter_map(|event| match event.kind {
            EventKind::Transition { guard: Guard::CircuitBreaker, to, .. } => Some(to),
            _ => None,
        });
        of_breaker.collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_outage_of_a_third_vendor_opens_its_breaker_and_no_other() {
        let base = tempfile::tempdir().expect("a directory");
        let dir = base.path().join("run");
        let Finished { run, judged } = finished(&dir).await;
        let result = &run.result;
        assert_eq!(result.end, RunEnd::Completed, "{:?}", result.warnings);

        let acme = states(&result.events, Vendor::Acme);
        assert!(acme.starts_with(&[BreakerState::Open]) && acme.ends_with(&[BreakerState::Closed]), "{acme:?}");
        for other in [Vendor::Clay, Vendor::CustomerIo] {
            assert_eq!(states(&result.events, other), [], "{other}");
            assert!(run.seconds.iter().all(|second| second.gauges.breakers[&other] == BreakerState::Closed), "{other}");
        }
        assert!(run.seconds.iter().any(|second| second.gauges.breakers[&Vendor::Acme] == BreakerState::Open));

        // What reached the simulated vendor, by its own account.
        let ledger = fs::read_to_string(dir.join(VENDORS)).expect("the vendors' ledger");
        let entries = ledger.lines().filter(|line| !line.starts_with("{\"entries\":"));
        let entries = entries.map(|line| serde_json::from_str::<Entry>(line).expect("an entry"));
        let reached: Vec<Entry> = entries.filter(|entry| Vendor::from(entry.vendor) == Vendor::Acme).collect();
        assert!(reached.iter().all(|entry| entry.route == "acme.things"));
        // Acme knows no keys: what was on its way when the outage began, at most one for each user, may be done twice.
        let done = reached.iter().filter(|entry| entry.status == Some(200));
        let keys: Vec<&str> = done.map(|entry| entry.idempotency_key.as_deref().expect("a key")).collect();
        let distinct: HashSet<&str> = keys.iter().copied().collect();
        assert!(keys.len() - distinct.len() <= USERS, "{} of {}", keys.len() - distinct.len(), distinct.len());
        let answered: Vec<u64> = reached.iter().filter(|entry| entry.status == Some(200)).map(|entry| entry.at_us).collect();
        let fault = result.events.iter().filter(|event| matches!(event.kind, EventKind::Fault { .. }));
        let [began, ended] = fault.map(|event| event.at_us).collect::<Vec<_>>()[..] else { panic!("one fault") };
        assert!(answered.iter().any(|&at| at < began) && answered.iter().any(|&at| at > ended), "{began} {ended} {answered:?}");

        // Its label is one of the metrics', and what was expected of its breaker was judged.
        let labelled = run.totals.series.keys().filter(|labels| labels.vendor == Vendor::Acme);
        assert!(labelled.clone().any(|labels| labels.name == "acme.things") && labelled.count() > 1);
        let OperationCounts { lost, .. } = result.operations;
        assert_eq!(lost, 0);
        let verdict = &judged.verdict;
        assert!(verdict.thresholds.iter().all(|threshold| threshold.passed), "{:?}", verdict.thresholds);
        assert!(
            !verdict.expectations.is_empty() && verdict.expectations.iter().all(|one| one.passed),
            "{:?}",
            verdict.expectations
        );

        let timeline = fs::read_to_string(dir.join("timeline.csv")).expect("a timeline");
        assert!(timeline.contains(",breaker_clay,breaker_customer_io,breaker_acme,breaker_service,"));
        assert_eq!(read_run(&dir).expect("it is on disk").result, *result);
    }
}
