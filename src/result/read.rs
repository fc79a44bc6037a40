//! Reads a run back, and refuses what it cannot vouch for: another format, a missing file, a damaged line, files that do
//! not belong together.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::measure::{IntervalLogReader, Labels, LogError, Totals};

use super::facts::{FORMAT, Run, RunResult, SeriesSum};
use super::summary::{self, SummaryProblem};
use super::timeline::{TimelineError, read_timeline};
use super::{LATENCY_LOG, SUMMARY, TIMELINE};

/// Why a run cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// There is no such directory.
    #[error("{path} is not a directory: give the directory of a run, like reports/runs/2026-11-20T18-30-05Z-quickstart")]
    NoDirectory {
        /// What was given.
        path: PathBuf,
    },
    /// The directory holds no finished run.
    #[error("{path} holds no run: there is no summary.json in it{}",
        if *.cut_off { "; the run that was begun there ended before it could write one" } else { "" })]
    NotARun {
        /// The directory.
        path: PathBuf,
        /// Whether a run was begun in it.
        cut_off: bool,
    },
    /// One of the files is missing or unreadable.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another version of the program wrote it in another format.
    #[error("{path} was written{} in format {format}; this build reads format {FORMAT}: use the version that wrote it, or run again",
        if .written_by.is_empty() { String::new() } else { format!(" by {}", .written_by) })]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The format.
        format: u32,
        /// What wrote it, if it says so.
        written_by: String,
    },
    /// The summary is not what it should be.
    #[error("{path} is damaged: {source}")]
    Summary {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: serde_json::Error,
    },
    /// The histograms are not what they should be.
    #[error("{path} is damaged: {source}")]
    Log {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: LogError,
    },
    /// The timeline is not what it should be.
    #[error("{path} is damaged: {source}")]
    Timeline {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: TimelineError,
    },
    /// Each file is readable, and they are not of one run.
    #[error("{path} and the summary.json beside it are not of the same run: {problem}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Where they differ.
        problem: String,
    },
}

/// Reads the run in a directory.
///
/// # Errors
/// When the directory holds no whole run of this build's format.
pub fn read_run(dir: &Path) -> Result<Run, ReadError> {
    let bytes = summary_bytes(dir)?;
    let result = summary::parse(&bytes).map_err(|problem| summary_error(dir, problem))?;
    let totals = read_totals(dir, &result)?;
    let path = dir.join(TIMELINE);
    let seconds = match read_timeline(open(&path)?) {
        Ok(seconds) => seconds,
        Err(source) => return Err(ReadError::Timeline { path, source }),
    };
    let (in_rows, in_sums) = (seconds.iter().map(|second| second.requests + second.iterations).sum::<u64>(), count(&result));
    if in_rows != in_sums {
        let problem = format!("its rows have {in_rows} requests and iterations, the summary {in_sums}");
        return Err(ReadError::Mismatch { path, problem });
    }
    Ok(Run { result, seconds, totals })
}

/// Reads what was judged of the run in a directory.
///
/// # Errors
/// When the directory holds no summary of this build's format.
pub fn read_verdict(dir: &Path) -> Result<Value, ReadError> {
    let bytes = summary_bytes(dir)?;
    summary::parse_verdict(&bytes).map_err(|problem| summary_error(dir, problem))
}

fn count(result: &RunResult) -> u64 {
    result.sums.iter().map(|sum| sum.count).sum()
}

fn summary_bytes(dir: &Path) -> Result<Vec<u8>, ReadError> {
    let path = dir.join(SUMMARY);
    match fs::read(&path) {
        Ok(bytes) => Ok(bytes),
        Err(_) if !dir.is_dir() => Err(ReadError::NoDirectory { path: dir.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let cut_off = [LATENCY_LOG.to_owned(), format!("{LATENCY_LOG}.partial")].iter().any(|name| dir.join(name).exists());
            Err(ReadError::NotARun { path: dir.to_owned(), cut_off })
        }
        Err(source) => Err(ReadError::Io { path, source }),
    }
}

fn summary_error(dir: &Path, problem: SummaryProblem) -> ReadError {
    let path = dir.join(SUMMARY);
    match problem {
        SummaryProblem::Format { format, written_by } => ReadError::OtherFormat { path, format, written_by },
        SummaryProblem::Json(source) => ReadError::Summary { path, source },
    }
}

fn open(path: &Path) -> Result<BufReader<File>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    Ok(BufReader::with_capacity(1 << 16, file))
}

/// Histograms from the log, exact sums and counts from the summary.
fn read_totals(dir: &Path, result: &RunResult) -> Result<Totals, ReadError> {
    let path = dir.join(LATENCY_LOG);
    let damaged = |source| ReadError::Log { path: path.clone(), source };
    let mut totals = Totals {
        checks: result.checks.clone(),
        dropped_iterations: result.dropped_iterations,
        interrupted_iterations: result.interrupted_iterations,
        panics: result.panics,
        ..Totals::default()
    };
    for line in IntervalLogReader::new(open(&path)?).map_err(damaged)? {
        let line = line.map_err(damaged)?;
        totals.add_histogram(line.labels, &line.histogram);
    }
    for sum in &result.sums {
        let counted = totals.series.get(&sum.labels).map_or(0, |series| series.histogram.len());
        if counted != sum.count {
            return Err(ReadError::Mismatch { path, problem: differ(sum, counted) });
        }
        if let Some(series) = totals.series.get_mut(&sum.labels) {
            series.sum_us = sum.sum_us;
            series.bytes = sum.bytes;
        }
    }
    if totals.series.len() > result.sums.len() {
        let problem = format!("it has {} series, the summary {}", totals.series.len(), result.sums.len());
        return Err(ReadError::Mismatch { path, problem });
    }
    Ok(totals)
}

fn differ(sum: &SeriesSum, counted: u64) -> String {
    let Labels { vendor, name, .. } = &sum.labels;
    format!("it has {counted} samples of a series of {name} ({vendor}), the summary {}", sum.count)
}
