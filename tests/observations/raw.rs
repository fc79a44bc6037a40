//! The raw files of a run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use plimsoll::measure::{IntervalLogReader, LoggedInterval};
use serde_json::Value;

/// A request or an iteration, by itself.
pub(crate) struct Sample {
    pub(crate) due_us: u64,
    pub(crate) sent_us: u64,
    pub(crate) done_us: u64,
    pub(crate) peer: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) failed: bool,
    pub(crate) under_fault: bool,
}

pub(crate) struct Raw {
    dir: PathBuf,
    pub(crate) summary: Value,
    pub(crate) attempts: Vec<Sample>,
    pub(crate) iterations: Vec<Sample>,
    pub(crate) log: Vec<LoggedInterval>,
    /// Columns of the timeline by name.
    pub(crate) seconds: BTreeMap<String, Vec<String>>,
}

fn csv(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

impl Raw {
    pub(crate) fn read(dir: &Path) -> Self {
        let sample = |row: &BTreeMap<String, String>| Sample {
            due_us: row["due_us"].parse().unwrap(),
            sent_us: row["sent_us"].parse().unwrap(),
            done_us: row["done_us"].parse().unwrap(),
            peer: row["vendor"].clone(),
            name: row["name"].clone(),
            status: row["status"].clone(),
            failed: !row["failure"].is_empty(),
            under_fault: row["under_fault"] == "true",
        };
        let samples = csv(&dir.join("samples.csv"));
        let of_kind = |kind: &str| samples.iter().filter(|row| row["kind"] == kind).map(sample).collect();
        let mut seconds = BTreeMap::<String, Vec<String>>::new();
        for row in csv(&dir.join("timeline.csv")) {
            row.into_iter().for_each(|(column, value)| seconds.entry(column).or_default().push(value));
        }
        let log = IntervalLogReader::new(BufReader::new(File::open(dir.join("latency.hlog")).unwrap())).unwrap();
        let raw = Self {
            dir: dir.to_owned(),
            summary: crate::common::summary(dir),
            attempts: of_kind("attempt"),
            iterations: of_kind("iteration"),
            log: log.map(Result::unwrap).collect(),
            seconds,
        };
        raw.check_labels();
        raw
    }

    /// Whatever overlaps a fault by more than the clocks and the timers may be off is labelled with it, and nothing else is.
    fn check_labels(&self) {
        const OFF_US: u64 = 300_000;
        for sample in &self.attempts {
            let faults = self.summary["faults"].as_array().unwrap().iter().filter(|fault| {
                let vendors = fault["vendors"].as_array().unwrap();
                sample.peer == "service" || vendors.iter().any(|vendor| vendor.as_str() == Some(&sample.peer))
            });
            let windows: Vec<_> = faults.map(|fault| self.fault(fault["name"].as_str().unwrap())).collect();
            let overlaps = |margin: i64| {
                let by = |us: u64| us as i64;
                windows.iter().any(|(from, to)| by(sample.done_us) >= by(*from) + margin && by(sample.sent_us) < by(*to) - margin)
            };
            assert!(!overlaps(OFF_US as i64) || sample.under_fault, "{} to {}", sample.sent_us, sample.done_us);
            assert!(overlaps(-(OFF_US as i64)) || !sample.under_fault, "{} to {}", sample.sent_us, sample.done_us);
        }
    }

    /// When a fault was in force, by the events.
    pub(crate) fn fault(&self, name: &str) -> (u64, u64) {
        let at = |active: bool| {
            let events = self.summary["events"].as_array().unwrap();
            let of_it = |event: &&Value| event["event"] == "fault" && event["name"] == name && event["active"] == active;
            events.iter().find(of_it).and_then(|event| event["at_us"].as_u64())
        };
        (at(true).unwrap(), at(false).unwrap())
    }

    /// A column of the timeline, in numbers.
    pub(crate) fn column(&self, name: &str) -> Vec<u64> {
        self.seconds[name].iter().map(|value| value.parse().unwrap()).collect()
    }

    /// What the rows of the vendors' ledger cost.
    pub(crate) fn account(&self) -> u64 {
        let rows =
            self.lines("vendors.ndjson").into_iter().flat_map(|line| line["effects"].as_array().cloned().unwrap_or_default());
        rows.filter_map(|effect| effect["credits"].as_u64()).sum()
    }

    /// The lines of a journal or of the ledger, without the count at its end.
    pub(crate) fn lines(&self, file: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.join(file)).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let count = lines.pop().unwrap();
        assert_eq!(count["entries"], lines.len(), "{file} ends with its count");
        lines
    }

    /// What the report says.
    pub(crate) fn observations(&self) -> Vec<String> {
        let report = fs::read_to_string(self.dir.join("report.md")).unwrap();
        let section = report.split("### Observations\n").nth(1).unwrap().split("\n### ").next().unwrap();
        section.lines().filter_map(|line| line.strip_prefix("- ")).map(|line| line.replace('\\', "")).collect()
    }
}
