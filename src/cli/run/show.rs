//! A run that has ended: its report, its summary, its exit code.

use std::path::Path;

use crate::cli::{Exit, output};
use crate::gate::Outcome;
use crate::report::{Judged, SummaryOptions, summary, write_report};
use crate::result::{Run, RunEnd, SUMMARY};

/// Writes the report and prints the summary.
pub(in crate::cli) fn show(run: &Run, judged: &Judged, dir: &Path, json: bool) -> Exit {
    let report = write_report(dir, run, judged);
    if json {
        match std::fs::read_to_string(dir.join(SUMMARY)) {
            Ok(text) => output::result(text.trim_end()),
            Err(error) => output::error(error),
        }
    } else {
        let options = SummaryOptions { report: report.as_deref().ok(), columns: output::columns(), color: output::color() };
        output::result(summary(run, judged, &options).trim_end());
    }
    report.map_or_else(output::failed, |_| exit(run, judged))
}

fn exit(run: &Run, judged: &Judged) -> Exit {
    match (&run.result.end, judged.verdict.outcome) {
        (RunEnd::Failed { .. }, _) => Exit::CouldNotRun,
        (_, Outcome::Passed | Outcome::NotJudged) => Exit::Passed,
        (_, Outcome::Failed) => Exit::ThresholdsFailed,
        (_, Outcome::Interrupted) => Exit::Interrupted,
        (_, Outcome::Invalid) => Exit::GeneratorBehind,
    }
}
