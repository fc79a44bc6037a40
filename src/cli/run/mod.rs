//! `plimsoll run`: from a scenario to a verdict and a report.

pub(super) mod finish;
pub(super) mod plan_text;
pub(crate) mod progress;
pub(crate) mod signals;

use std::path::{Path, PathBuf};

use clap::Args;

use signals::Signals;

use super::{Exit, output};
use crate::clock::wall_clock;
use crate::executor::Stop;
use crate::plan::Segment;
use crate::result::{RunDir, RunDirError};
use crate::run::conduct::{self, ConductError};
use crate::scenario::TestPlan;
use crate::seed::Seed;

/// Where runs are written without `--out`.
const RUNS: &str = "reports/runs";

/// Arguments of `plimsoll run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The scenario file
    file: PathBuf,
    /// Directory of the run, instead of reports/runs/<time>-<scenario>
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show no plan and no progress, only the summary
    #[arg(long, short)]
    quiet: bool,
    /// Print summary.json instead of the summary for people
    #[arg(long)]
    json: bool,
    /// Seed of everything random, instead of the scenario's or a fresh one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Stretch the timetable (stages, faults, cool-downs, back-offs) by this factor: 0.1 runs 16 minutes in 96 seconds
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = time_scale)]
    time_scale: f64,
    /// Also write every sample to samples.csv
    #[arg(long)]
    samples: bool,
    /// Keep books of leads for `plimsoll audit` (submitted.ndjson, places.ndjson; at most 2 GiB each), as a run with a service
    /// or with `[expect]` does by itself
    #[arg(long)]
    books: bool,
    /// Keep no books of leads
    #[arg(long, conflicts_with = "books")]
    no_books: bool,
    /// Play one segment of the load: 2/3 is the second of three
    #[arg(long, value_name = "I/N", hide = true)]
    segment: Option<Segment>,
}

pub(super) fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (0.001..=100.0).contains(&factor) => Ok(factor),
        _ => Err("a factor from 0.001 to 100, such as 0.1".to_owned()),
    }
}

pub(super) fn run(args: &RunArgs) -> Exit {
    let test_plan = match TestPlan::load(&args.file) {
        Ok(test_plan) => test_plan,
        Err(errors) => {
            output::remark(errors);
            return Exit::InvalidScenario;
        }
    };
    output::warnings(&test_plan);
    let started = wall_clock();
    let dir = match run_dir(args.out.as_deref(), &test_plan.name, started) {
        Ok(dir) => dir,
        Err(error) => {
            output::error(error);
            return Exit::CouldNotRun;
        }
    };
    let seed = args.seed.or(test_plan.seed).map_or_else(Seed::random, Seed);
    let stop = Stop::default();
    let signals = match Signals::install(&stop) {
        Ok(signals) => signals,
        Err(error) => {
            output::error(format!("cannot take over SIGINT: {error}"));
            return Exit::CouldNotRun;
        }
    };
    let mut test_plan = if args.time_scale == 1.0 { test_plan } else { test_plan.scaled(args.time_scale) };
    test_plan.segment = args.segment.unwrap_or(Segment::WHOLE);
    if !args.quiet {
        output::remark(plan_text::plan(&test_plan, args.time_scale));
        output::remark(format!("  seed      {} (repeat with --seed {})\n", seed.0, seed.0));
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(format!("cannot start the threads of the load: {error}"));
            return Exit::CouldNotRun;
        }
    };
    // They cost the load's process CPU, so that a run that asks for no proof does not pay for one.
    let wants_books = args.books || test_plan.service().is_some() || !test_plan.expectations.is_empty();
    let options = conduct::Options {
        seed,
        time_scale: args.time_scale,
        started,
        quiet: args.quiet,
        samples: args.samples,
        journals: wants_books && !args.no_books,
    };
    let measured = runtime.block_on(conduct::run(&test_plan, dir.clone(), &options, &signals, stop));
    // Connections and timers of the load need no orderly end.
    runtime.shutdown_background();
    match measured {
        Ok(measured) => finish::finish(measured, &test_plan, args.json),
        Err(error) => {
            dir.abandon();
            output::error(&error);
            if matches!(error, ConductError::Interrupted) { Exit::Interrupted } else { Exit::CouldNotRun }
        }
    }
}

fn run_dir(out: Option<&Path>, name: &str, started: chrono::DateTime<chrono::Utc>) -> Result<RunDir, RunDirError> {
    match out {
        Some(path) => RunDir::at(path),
        None => RunDir::create(Path::new(RUNS), name, started),
    }
}
