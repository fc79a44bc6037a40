//! The run as a library: three runs, one after the other, in one process that is not the program.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plimsoll::clock::wall_clock;
use plimsoll::executor::{Level, Stop};
use plimsoll::measure::Interval;
use plimsoll::output::{Sink, SinkError};
use plimsoll::report::Judged;
use plimsoll::result::{RunDir, RunEnd, RunResult, read_run};
use plimsoll::run::{Finished, RunError, RunOptions, run};
use plimsoll::scenario::TestPlan;
use plimsoll::seed::Seed;

fn test_plan(load: &str) -> TestPlan {
    let text = format!(
        "name = \"thrice\"\nquestion = \"Again?\"\n{load}\njourneys = [{{ journey = \"lead\" }}]\n\
         [simulation.clay]\nlatency = \"1ms\"\n[simulation.customer_io]\nlatency = \"1ms\"\n\
         [resilience.clay]\ncredits = false\n[thresholds]\nleads_lost = [\"count==0\"]\n"
    );
    TestPlan::parse(&text, Path::new("thrice.toml")).expect("a valid scenario")
}

fn options(dir: RunDir) -> RunOptions {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_plimsoll"));
    RunOptions {
        dir,
        program,
        seed: Seed(7),
        time_scale: 1.0,
        max_lateness: Duration::from_secs(60),
        started: wall_clock(),
        journals: false,
    }
}

/// Raises the caller's stop at the end of the first second.
struct Interrupts(Stop);

impl Sink for Interrupts {
    fn name(&self) -> String {
        "interrupts".to_owned()
    }

    fn second(&mut self, _: &Interval) -> Result<(), SinkError> {
        self.0.raise(Level::Finish);
        Ok(())
    }

    fn finish(&mut self, result: &RunResult, _: &Judged) -> Result<Option<String>, SinkError> {
        assert_eq!(result.end, RunEnd::Interrupted);
        Err("the other end has hung up".into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_runs_in_one_process_and_each_is_its_own() {
    // A caller has a handler of its own, or Goose takes the signal.
    tokio::spawn(tokio::signal::ctrl_c());
    let base = tempfile::tempdir().expect("a directory");
    let dir = |name: &str| RunDir::at(&base.path().join(name)).expect("a directory for the run");
    let forty = test_plan("executor = \"shared-iterations\"\nvus = 4\niterations = 40\nmaxDuration = \"60s\"");
    let endless = test_plan("executor = \"constant-vus\"\nvus = 2\nduration = \"1h\"\nthink_time = \"20ms\"");

    let stop = Stop::default();
    let first = run(&forty, &options(dir("first")), &stop, Vec::new()).await.expect("a result");
    assert!(stop.running(), "the end of a load is not the caller's wish");
    delivered_forty_leads(&first);

    let stop = Stop::default();
    let sinks: Vec<Box<dyn Sink>> = vec![Box::new(Interrupts(stop.clone()))];
    let second = run(&endless, &options(dir("second")), &stop, sinks).await.expect("a result");
    assert_eq!(second.run.result.end, RunEnd::Interrupted);
    let warnings = &second.run.result.warnings;
    assert!(
        warnings.iter().any(|warning| warning.contains("interrupts lacks its end: it failed: the other end")),
        "{warnings:?}"
    );

    let unwanted = dir("unwanted");
    let error = run(&forty, &options(unwanted.clone()), &stop, Vec::new()).await.expect_err("it is not wanted any more");
    assert!(matches!(error, RunError::Interrupted) && !unwanted.path().exists(), "{error}");

    let third = run(&forty, &options(dir("third")), &Stop::default(), Vec::new()).await.expect("a result");
    delivered_forty_leads(&third);
    let read = read_run(&base.path().join("third")).expect("it is on disk");
    assert_eq!(read.result, third.run.result);
}

fn delivered_forty_leads(finished: &Finished) {
    let result = &finished.run.result;
    assert_eq!(
        (&result.end, result.operations.submitted, result.operations.lost),
        (&RunEnd::Completed, 120, 0),
        "{:?}",
        result.warnings
    );
    // A busy machine can make a run of a second invalid, which is not asked here.
    let thresholds = &finished.judged.verdict.thresholds;
    assert!(thresholds.len() == 1 && thresholds[0].passed, "{thresholds:?}");
}
