//! Reads a run back, and refuses what it cannot vouch for: another format, a missing file, a damaged line, files that do
//! not belong together.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::measure::{IntervalLogReader, Labels, LogError, SampleKind, Totals};
use crate::text::without_mark;

use super::facts::{FORMAT, Run, RunResult, SeriesSum};
use super::fault::FaultRecord;
use super::fault_latency::{FaultLatencies, FaultLatency};
use super::summary::{self, SummaryProblem};
use super::timeline::{TimelineError, read_timeline};
use super::{LATENCY_LOG, SUMMARY, TIMELINE};

/// Why a run cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The directory does not exist.
    #[error("{path} is not a directory: give that of a run, which the last line of its summary names")]
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
    /// What was judged of the run is not of the type that was asked for.
    #[error("{path} holds a verdict that this build cannot read: {source}")]
    Verdict {
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
    let (totals, fault_latencies) = read_totals(dir, &result)?;
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
    Ok(Run { result, seconds, totals, fault_latencies })
}

/// Reads what was judged of the run in a directory.
///
/// # Errors
/// When the directory holds no summary of this build's format, or a verdict of another type.
pub fn read_verdict<V: DeserializeOwned>(dir: &Path) -> Result<V, ReadError> {
    let bytes = summary_bytes(dir)?;
    summary::parse_verdict(&bytes).map_err(|problem| summary_error(dir, problem))
}

fn count(result: &RunResult) -> u64 {
    let counted_once = result.sums.iter().filter(|sum| matches!(sum.labels.kind, SampleKind::Attempt | SampleKind::Iteration));
    counted_once.map(|sum| sum.count).sum()
}

fn summary_bytes(dir: &Path) -> Result<Vec<u8>, ReadError> {
    let path = dir.join(SUMMARY);
    match fs::read(&path) {
        Ok(bytes) => Ok(without_mark(&bytes).to_vec()),
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
        SummaryProblem::Verdict(source) => ReadError::Verdict { path, source },
    }
}

fn open(path: &Path) -> Result<BufReader<File>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    Ok(BufReader::with_capacity(1 << 16, file))
}

/// How long requests took before each fault and under it, from an interval log.
///
/// # Errors
/// When it cannot be read, or a line of it is damaged.
pub fn fault_latencies(log: &Path, faults: &[FaultRecord]) -> Result<Vec<FaultLatency>, ReadError> {
    let damaged = |source| ReadError::Log { path: log.to_owned(), source };
    let mut latencies = FaultLatencies::of(faults);
    for line in IntervalLogReader::new(open(log)?).map_err(damaged)? {
        latencies.add(&line.map_err(damaged)?);
    }
    Ok(latencies.finish())
}

/// Histograms from the log, exact sums and counts from the summary.
fn read_totals(dir: &Path, result: &RunResult) -> Result<(Totals, Vec<FaultLatency>), ReadError> {
    let path = dir.join(LATENCY_LOG);
    let damaged = |source| ReadError::Log { path: path.clone(), source };
    let mut totals = Totals {
        checks: result.checks.clone(),
        dropped_iterations: result.dropped_iterations,
        interrupted_iterations: result.interrupted_iterations,
        interrupted_requests: result.interrupted_requests,
        panics: result.panics,
        ..Totals::default()
    };
    let mut latencies = FaultLatencies::of(&result.faults);
    for line in IntervalLogReader::new(open(&path)?).map_err(damaged)? {
        let line = line.map_err(damaged)?;
        latencies.add(&line);
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
    Ok((totals, latencies.finish()))
}

fn differ(sum: &SeriesSum, counted: u64) -> String {
    let Labels { vendor, name, .. } = &sum.labels;
    format!("it has {counted} samples of a series of {name} ({vendor}), the summary {}", sum.count)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use chrono::Utc;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use tempfile::TempDir;

    use crate::measure::strategies::intervals;
    use crate::measure::{Interval, Second};
    use crate::result::samples::{result, some_intervals};
    use crate::result::{RunDir, RunWriter};

    use super::*;

    /// A finished run in a directory of its own.
    fn finished(intervals: &[Interval], facts: RunResult) -> (TempDir, PathBuf, RunResult) {
        let base = tempfile::tempdir().unwrap();
        let dir = RunDir::at(&base.path().join("run")).unwrap();
        let path = dir.path().to_owned();
        let mut writer = RunWriter::start(dir, Utc.timestamp_nanos(0), &["harness", "simulator"]).unwrap();
        intervals.iter().for_each(|interval| writer.write(interval).unwrap());
        let result = RunResult { sums: writer.sums(), ..facts };
        writer.finish(&result, &json!({"passed": true})).unwrap();
        (base, path, result)
    }

    fn damaged(file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
        let (_base, dir, _) = finished(&some_intervals(), result());
        let path = dir.join(file);
        fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
        let message = read_run(&dir).unwrap_err().to_string();
        assert!(message.contains(path.to_str().unwrap()), "{message} should name {}", path.display());
        message
    }

    fn replaced(file: &str, from: &str, to: &str) -> String {
        damaged(file, |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            let changed = text.replace(from, to);
            assert_ne!(changed, text);
            changed.into_bytes()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_run_is_read_back_as_it_was_written(intervals in intervals()) {
            let (_base, dir, written) = finished(&intervals, result());
            let run = read_run(&dir).unwrap();
            prop_assert_eq!(&run.result, &written);
            let kept = |interval: &Interval| Second { iteration_us: 0, ..interval.second.clone() };
            let seconds: Vec<_> = intervals.iter().map(kept).collect();
            prop_assert_eq!(run.seconds, seconds);
            let mut totals = Totals::default();
            intervals.iter().flat_map(|interval| &interval.series).for_each(|(labels, series)| totals.add(labels, series));
            prop_assert_eq!(run.totals.series.len(), totals.series.len());
            for ((read_labels, read), (labels, series)) in run.totals.series.iter().zip(&totals.series) {
                prop_assert_eq!(read_labels, labels);
                prop_assert_eq!(&read.histogram, &series.histogram);
                prop_assert_eq!((read.sum_us, read.bytes), (series.sum_us, series.bytes));
            }
        }
    }

    #[test]
    fn counts_come_back_with_the_totals() {
        let (_base, dir, written) = finished(&some_intervals(), result());
        let totals = read_run(&dir).unwrap().totals;
        assert_eq!(totals.checks, written.checks);
        assert!(!totals.checks.is_empty());
        let counts = (totals.dropped_iterations, totals.interrupted_iterations, totals.panics);
        assert_eq!(counts, (written.dropped_iterations, written.interrupted_iterations, written.panics));
        assert_eq!(totals.interrupted_requests, written.interrupted_requests);
        assert_eq!(totals.count(SampleKind::Attempt, |_| true), 300);
        assert_eq!(read_verdict::<Value>(&dir).unwrap(), json!({"passed": true}));
    }

    #[test]
    fn another_format_is_refused_by_number_and_writer() {
        let message = replaced(SUMMARY, "\"format\": 2", "\"format\": 1");
        let expected = "was written by plimsoll 0.0.0-test in format 1; this build reads format 2: ";
        assert!(message.contains(expected), "{message}");
        let message = damaged(SUMMARY, |_| b"{\"format\": 7}".to_vec());
        assert!(message.contains("was written in format 7; this build reads format 2"), "{message}");
        let (_base, dir, _) = finished(&[], result());
        fs::write(dir.join(SUMMARY), "{\"format\": 7, \"verdict\": {}}").unwrap();
        assert!(matches!(read_verdict::<Value>(&dir), Err(ReadError::OtherFormat { format: 7, .. })));
    }

    #[test]
    fn a_damaged_summary_is_reported_with_its_line() {
        assert!(damaged(SUMMARY, |bytes| bytes[..bytes.len() / 2].to_vec()).contains("is damaged: EOF"), "cut off");
        let message = replaced(SUMMARY, "\"time_scale\": 1.0", "\"time_scale\": \"fast\"");
        assert!(message.contains("invalid type: string \"fast\", expected f64 at line "), "{message}");
        assert!(damaged(SUMMARY, |_| b"[]".to_vec()).contains("is damaged"), "not an object");
        assert!(damaged(SUMMARY, |_| b"{}".to_vec()).contains("missing field `format`"), "no format");
    }

    #[test]
    fn a_damaged_line_is_reported_with_its_file_and_number() {
        assert!(replaced(LATENCY_LOG, "vendor:clay", "vendor:acme").contains("is damaged: line 7: the tag's part"));
        assert!(damaged(LATENCY_LOG, |bytes| bytes[..bytes.len() - 9].to_vec()).contains("line 9: the line is cut off"));
        assert!(replaced(TIMELINE, "\n1000000,", "\nsoon,").contains("is damaged: line 3: column \"start_us\""));
    }

    #[test]
    fn files_of_different_runs_are_not_mixed() {
        let last_line_gone = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            let end = text.trim_end().rfind('\n').unwrap();
            text.as_bytes()[..=end].to_vec()
        };
        let message = damaged(LATENCY_LOG, last_line_gone);
        assert!(message.contains("it has 200 samples of a series of clay.webhook (clay), the summary 300"), "{message}");
        let message = damaged(LATENCY_LOG, |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            let line = text.lines().last().unwrap().replace("clay.webhook", "clay.resource");
            format!("{text}{line}\n").into_bytes()
        });
        assert!(message.contains("it has 2 series, the summary 1"), "{message}");
        let message = damaged(TIMELINE, last_line_gone);
        assert!(message.contains("its rows have 200 requests and iterations, the summary 300"), "{message}");
        let message = replaced(
            LATENCY_LOG,
            "Tag=kind:attempt;vendor:clay;name:clay.webhook;status:200;phase:0;fault:false;retry:false,2",
            "#",
        );
        assert!(message.contains("it has 200 samples"), "{message}");
    }

    #[test]
    fn each_thing_that_is_not_a_run_has_its_own_message() {
        let base = tempfile::tempdir().unwrap();
        let message = |path: &Path| read_run(path).unwrap_err().to_string();
        assert!(message(&base.path().join("absent")).contains("is not a directory"));
        let nothing = message(base.path());
        assert!(nothing.ends_with("there is no summary.json in it"), "{nothing}");
        fs::write(base.path().join("latency.hlog.partial"), "").unwrap();
        assert!(message(base.path()).contains("ended before it could write one"));
        for file in [LATENCY_LOG, TIMELINE] {
            let (_base, dir, _) = finished(&some_intervals(), result());
            fs::remove_file(dir.join(file)).unwrap();
            let message = message(&dir);
            assert!(message.contains(file) && message.contains("cannot read") && message.contains("os error 2"), "{message}");
        }
    }
}
