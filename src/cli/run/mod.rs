//! `plimsoll run`: from a scenario to a verdict and a report.

pub(super) mod plan_text;
mod progress;
pub(super) mod show;
mod signals;

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;

use super::threads::on_threads;
use super::{Exit, output};
use crate::clock::wall_clock;
use crate::executor::Stop;
use crate::output::{SamplesCsv, Sink};
use crate::plan::Segment;
use crate::result::{RunDir, RunDirError};
use crate::run::{RunError, RunOptions};
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
    /// Keep journals of leads for `plimsoll audit` (submitted.ndjson, places.ndjson; at most 2 GiB each), as a run with a service
    /// or with `[expect]` does by itself
    #[arg(long, alias = "books")]
    journals: bool,
    /// Keep no journals of leads
    #[arg(long, alias = "no-books", conflicts_with = "journals")]
    no_journals: bool,
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
    execute(args, test_plan).unwrap_or_else(output::failed)
}

fn execute(args: &RunArgs, test_plan: TestPlan) -> Result<Exit, String> {
    let started = wall_clock();
    let dir = run_dir(args.out.as_deref(), &test_plan.name, started).map_err(|error| error.to_string())?;
    let seed = args.seed.or(test_plan.seed).map_or_else(Seed::random, Seed);
    let stop = Stop::default();
    signals::install(&stop).map_err(|error| format!("cannot take over SIGINT: {error}"))?;
    let mut test_plan = if args.time_scale == 1.0 { test_plan } else { test_plan.scaled(args.time_scale) };
    test_plan.segment = args.segment.unwrap_or(Segment::WHOLE);
    if !args.quiet {
        output::remark(plan_text::plan(&test_plan, args.time_scale));
        output::remark(format!("  seed      {} (repeat with --seed {})\n", seed.0, seed.0));
    }
    let options = RunOptions {
        dir: dir.clone(),
        program: std::env::current_exe().map_err(|error| format!("cannot find this program to start others with: {error}"))?,
        seed,
        time_scale: args.time_scale,
        started,
        journals: wants_journals(args, &test_plan),
    };
    let sinks = sinks(args, &test_plan, &dir).inspect_err(|_| dir.abandon());
    let sinks = sinks.map_err(|error| format!("cannot write every sample: {error}"))?;
    match on_threads("the load", crate::run::run(&test_plan, &options, &stop, sinks))? {
        Ok(finished) => Ok(show::show(&finished.run, &finished.judged, dir.path(), args.json)),
        Err(error @ RunError::Interrupted) => {
            output::error(error);
            Ok(Exit::Interrupted)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Journals cost the load's process CPU: a run that asks for no proof keeps none.
fn wants_journals(args: &RunArgs, test_plan: &TestPlan) -> bool {
    (args.journals || test_plan.service().is_some() || !test_plan.expectations.is_empty()) && !args.no_journals
}

fn sinks(args: &RunArgs, test_plan: &TestPlan, dir: &RunDir) -> io::Result<Vec<Box<dyn Sink>>> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if !args.quiet {
        sinks.push(Box::new(progress::Progress::new(test_plan.total_load().duration())));
    }
    if args.samples {
        sinks.push(Box::new(SamplesCsv::create(dir, test_plan.is_tagged())?));
    }
    Ok(sinks)
}

fn run_dir(out: Option<&Path>, name: &str, started: DateTime<Utc>) -> Result<RunDir, RunDirError> {
    match out {
        Some(path) => RunDir::at(path),
        None => RunDir::create(Path::new(RUNS), name, started),
    }
}
