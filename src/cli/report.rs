//! `plimsoll report`: the report of a saved run, rendered again.

use std::path::PathBuf;

use clap::Args;

use super::run::show;
use super::{Exit, output};
use crate::report::Judged;
use crate::result::{read_run, read_verdict};

/// Arguments of `plimsoll report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The run's directory: reports/runs/<time>-<scenario>
    dir: PathBuf,
    /// Print summary.json instead of the summary for people
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ReportArgs) -> Exit {
    let run = match read_run(&args.dir) {
        Ok(run) => run,
        Err(error) => {
            output::error(error);
            return Exit::CouldNotRun;
        }
    };
    let judged = match read_verdict(&args.dir).map(serde_json::from_value::<Judged>) {
        Ok(Ok(judged)) => judged,
        Ok(Err(error)) => {
            output::error(format!("{}/summary.json holds a verdict that this build cannot read: {error}", args.dir.display()));
            return Exit::CouldNotRun;
        }
        Err(error) => {
            output::error(error);
            return Exit::CouldNotRun;
        }
    };
    match show::show(&run, &judged, &args.dir, args.json) {
        Exit::CouldNotRun if !matches!(run.result.end, crate::result::RunEnd::Failed { .. }) => Exit::CouldNotRun,
        // The verdict was that of the run, and is shown; rendering it again has gone well.
        _ => Exit::Passed,
    }
}
