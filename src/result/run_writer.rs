//! Writes a run while it happens: each second whole or not at all, and the summary when everything else is on disk.
//!
//! When the disk fills up in the middle, both files go back to the last second that both hold, so that what was measured
//! before stays readable.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mock_server::private_file;
use serde::Serialize;
use thiserror::Error;

use crate::measure::{Interval, IntervalLogWriter, Labels};

use super::atomic::write_atomically;
use super::facts::{RunResult, SeriesSum};
use super::run_dir::RunDir;
use super::timeline::TimelineWriter;
use super::{LATENCY_LOG, SUMMARY, TIMELINE, summary};

/// A file of the run cannot be written.
#[derive(Debug, Error)]
#[error("cannot write {path}: {source}")]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Puts the path to an I/O error.
fn at(path: PathBuf) -> impl FnOnce(io::Error) -> WriteError {
    move |source| WriteError { path, source }
}

/// The files of a run under way.
pub struct RunWriter {
    dir: RunDir,
    log: IntervalLogWriter<AppendFile>,
    timeline: TimelineWriter<AppendFile>,
    sums: BTreeMap<Labels, SeriesSum>,
    failed: bool,
}

impl RunWriter {
    /// Begins both files. `started` is the wall time of the run's start; `roles` are the processes that the timeline has
    /// columns for (`harness`, `simulator`).
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn start(dir: RunDir, started: DateTime<Utc>, roles: &[&str]) -> Result<Self, WriteError> {
        let (log_path, timeline_path) = (dir.partial(LATENCY_LOG), dir.partial(TIMELINE));
        let log = AppendFile::create(&log_path).and_then(|file| IntervalLogWriter::new(file, started));
        let mut log = log.map_err(at(log_path))?;
        let timeline = AppendFile::create(&timeline_path).and_then(|file| TimelineWriter::new(file, roles));
        let mut timeline = timeline.map_err(at(timeline_path))?;
        log.get_mut().keep();
        timeline.get_mut().keep();
        Ok(Self { dir, log, timeline, sums: BTreeMap::new(), failed: false })
    }

    /// The load begins now, at `zero` by the wall clock: the times in the log count from there.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn load_begins(&mut self, zero: DateTime<Utc>) -> Result<(), WriteError> {
        let path = self.dir.partial(LATENCY_LOG);
        let log = AppendFile::create(&path).and_then(|file| IntervalLogWriter::new(file, zero));
        self.log = log.map_err(at(path))?;
        self.log.get_mut().keep();
        Ok(())
    }

    /// The exact sums of what has been written.
    pub fn sums(&self) -> Vec<SeriesSum> {
        self.sums.values().cloned().collect()
    }

    /// Writes a second. After an error nothing more is written, and the second is in neither file.
    ///
    /// # Errors
    /// When the disk is full or fails: the run should end, with the error as its reason, and [`RunWriter::finish`].
    pub fn write(&mut self, interval: &Interval) -> Result<(), WriteError> {
        if self.failed {
            let source = io::Error::other("an earlier write failed");
            return Err(WriteError { path: self.dir.path().to_owned(), source });
        }
        let log = self.log.write(interval).map_err(at(self.dir.partial(LATENCY_LOG)));
        let both = log.and_then(|()| self.timeline.write(&interval.second).map_err(at(self.dir.partial(TIMELINE))));
        if let Err(error) = both {
            self.failed = true;
            self.log.get_mut().go_back();
            self.timeline.get_mut().go_back();
            return Err(error);
        }
        self.log.get_mut().keep();
        self.timeline.get_mut().keep();
        for (labels, series) in &interval.series {
            let sum = self.sums.entry(labels.clone()).or_insert_with(|| SeriesSum {
                labels: labels.clone(),
                count: 0,
                sum_us: 0,
                bytes: 0,
            });
            sum.count += series.histogram.len();
            sum.sum_us = sum.sum_us.saturating_add(series.sum_us);
            sum.bytes = sum.bytes.saturating_add(series.bytes);
        }
        Ok(())
    }

    /// Brings everything to the disk, gives the files their names, and writes the summary last. Write the last cut before.
    /// `verdict` is what was judged of the run; it goes beside the facts.
    ///
    /// # Errors
    /// When the disk fails: files that are not finished then keep their partial names.
    pub fn finish(&mut self, result: &RunResult, verdict: &impl Serialize) -> Result<(), WriteError> {
        let files = [(LATENCY_LOG, self.log.get_mut()), (TIMELINE, self.timeline.get_mut())];
        for (name, file) in files {
            file.file.sync_all().map_err(at(self.dir.partial(name)))?;
            self.dir.publish(name).map_err(at(self.dir.file(name)))?;
        }
        let path = self.dir.file(SUMMARY);
        summary::render(result, verdict)
            .map_err(io::Error::from)
            .and_then(|bytes| write_atomically(&path, &bytes))
            .map_err(at(path))
    }
}

/// A file that can go back to where it was whole.
#[derive(Debug)]
struct AppendFile {
    file: File,
    length: u64,
    whole: u64,
}

impl AppendFile {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: private_file::create(path)?, length: 0, whole: 0 })
    }

    /// What has been written up to now is whole.
    fn keep(&mut self) {
        self.whole = self.length;
    }

    /// Drops what came after the last [`AppendFile::keep`]. Best effort: a disk that fails at writing may fail at this too,
    /// and the reader then names the line that is cut off.
    fn go_back(&mut self) {
        let _ = self.file.set_len(self.whole);
        let _ = self.file.seek(SeekFrom::Start(self.whole));
        self.length = self.whole;
    }
}

impl Write for AppendFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::TimeZone;
    use serde_json::json;
    use tempfile::TempDir;

    use crate::result::samples::{result, some_intervals};
    use crate::result::{RunEnd, read_run};

    use super::*;

    fn started() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 20, 18, 30, 5).unwrap()
    }

    fn new_run() -> (TempDir, RunDir) {
        let base = tempfile::tempdir().unwrap();
        let dir = RunDir::create(base.path(), "ramp", started()).unwrap();
        (base, dir)
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_partial_until_the_run_is_finished() {
        let (_base, dir) = new_run();
        let path = dir.path().to_owned();
        let mut writer = RunWriter::start(dir, started(), &["harness"]).unwrap();
        writer.write(&some_intervals()[0]).unwrap();
        assert_eq!(names(&path), ["latency.hlog.partial", "timeline.csv.partial"]);
        let lines = |name: &str| fs::read_to_string(path.join(name)).unwrap().lines().count();
        assert_eq!(lines("latency.hlog.partial"), 7, "a second is on disk as soon as it is written");
        assert_eq!(lines("timeline.csv.partial"), 2);
        writer.finish(&result(), &json!(null)).unwrap();
        assert_eq!(names(&path), ["latency.hlog", "summary.json", "timeline.csv"]);
    }

    #[test]
    fn the_log_counts_from_the_load_s_zero() {
        let (_base, dir) = new_run();
        let path = dir.partial(LATENCY_LOG);
        let mut writer = RunWriter::start(dir, started(), &["harness"]).unwrap();
        writer.load_begins(started() + chrono::TimeDelta::milliseconds(7_250)).unwrap();
        writer.write(&some_intervals()[0]).unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert_eq!(text.matches("#[StartTime: ").count(), 1, "{text}");
        assert!(text.contains("2026-11-20T18:30:12.250Z]\n#[BaseTime: "), "{text}");
    }

    #[test]
    fn sums_are_of_what_was_written() {
        let (_base, dir) = new_run();
        let mut writer = RunWriter::start(dir, started(), &[]).unwrap();
        let intervals = some_intervals();
        intervals.iter().for_each(|interval| writer.write(interval).unwrap());
        let sums = writer.sums();
        let expected: u64 = intervals.iter().flat_map(|interval| interval.series.values()).map(|series| series.sum_us).sum();
        assert_eq!(sums.len(), 1);
        assert_eq!((sums[0].count, sums[0].sum_us, sums[0].bytes), (300, expected, 2_100));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_fills_up_keeps_the_seconds_before_it() {
        let (_base, dir) = new_run();
        let path = dir.path().to_owned();
        let mut writer = RunWriter::start(dir, started(), &[]).unwrap();
        let intervals = some_intervals();
        writer.write(&intervals[0]).unwrap();
        // From here on the timeline's disk is full: the log's line of the same second must go again.
        let healthy = std::mem::replace(&mut writer.timeline.get_mut().file, File::create("/dev/full").unwrap());
        let error = writer.write(&intervals[1]).unwrap_err().to_string();
        assert!(error.contains("timeline.csv.partial: No space left on device"), "{error}");
        writer.timeline.get_mut().file = healthy;
        let again = writer.write(&intervals[2]).unwrap_err().to_string();
        assert!(again.contains("an earlier write failed"), "{again}");

        let end = RunEnd::Failed { reason: error };
        writer.finish(&RunResult { end: end.clone(), sums: writer.sums(), ..result() }, &json!({})).unwrap();
        let run = read_run(&path).unwrap();
        assert_eq!((run.seconds.len(), run.result.sums[0].count, run.result.end), (1, 100, end));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_is_full_at_the_start_is_reported_with_its_file() {
        let (_base, dir) = new_run();
        std::os::unix::fs::symlink("/dev/full", dir.partial(LATENCY_LOG)).unwrap();
        let error = RunWriter::start(dir, started(), &[]).err().unwrap().to_string();
        assert!(error.contains("latency.hlog.partial: No space left on device"), "{error}");
    }

    #[test]
    fn a_summary_that_cannot_be_written_leaves_no_run_behind() {
        let (_base, dir) = new_run();
        let path = dir.path().to_owned();
        let mut writer = RunWriter::start(dir, started(), &[]).unwrap();
        fs::create_dir_all(path.join("summary.json/in-the-way")).unwrap();
        let error = writer.finish(&result(), &json!({})).unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains("summary.json"), "{error}");
        assert!(read_run(&path).is_err());
    }
}
