//! `plimsoll report`: the report of a saved run, rendered again.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::run::show;
use super::{Exit, output};
use crate::report::{Judged, json, markdown, write_report};
use crate::result::{ReadError, Run, RunEnd, read_run, read_verdict};

/// Arguments of `plimsoll report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The run's directory: reports/runs/<time>-<scenario>
    dir: PathBuf,
    /// What to print; the report and its plots are written in any case
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print summary.json: the facts of the run and the verdict
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// A form of the report on standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The summary for people
    #[default]
    Terminal,
    /// The whole report, as in report.md
    Markdown,
    /// The whole report as a tree of sections, tables and texts, for tools
    Json,
}

pub(super) fn run(args: &ReportArgs) -> Exit {
    let (run, judged) = match read(args) {
        Ok(read) => read,
        Err(error) => return output::failed(error),
    };
    let document = match args.format {
        Format::Terminal => None,
        Format::Markdown => Some(markdown(&run, &judged)),
        Format::Json => Some(json(&run, &judged)),
    };
    if let Some(document) = document {
        let written = write_report(&args.dir, &run, &judged);
        output::result(document.trim_end());
        return written.map_or_else(output::failed, |_| Exit::Passed);
    }
    match show::show(&run, &judged, &args.dir, args.json) {
        Exit::CouldNotRun if !matches!(run.result.end, RunEnd::Failed { .. }) => Exit::CouldNotRun,
        // The verdict was that of the run, and is shown; rendering it again has gone well.
        _ => Exit::Passed,
    }
}

fn read(args: &ReportArgs) -> Result<(Run, Judged), ReadError> {
    Ok((read_run(&args.dir)?, read_verdict(&args.dir)?))
}
