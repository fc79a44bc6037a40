//! The HdrHistogram interval log, version 1.3, with tags: the format in which HdrHistogram's tools in every language exchange
//! histograms over time. Written a second at a time while the load runs, so that a run that is cut off loses one second.
//!
//! The hdrhistogram crate has a writer, but it leaves out the version line and the legend that readers in other languages go
//! by, and rounds times to milliseconds. Its serialiser of single histograms is used here, its log is not.

use std::io::{self, BufRead, Write};
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use thiserror::Error;

use super::interval::Interval;
use super::labels::Labels;
use super::tag;
use crate::units::micros;

const VERSION: &str = "#[Histogram log format version 1.3]";
const LEGEND: &str = "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"";

/// Turns intervals into lines.
pub struct IntervalLogWriter<W> {
    out: W,
    serializer: V2DeflateSerializer,
    bytes: Vec<u8>,
    lines: String,
}

impl<W: Write> IntervalLogWriter<W> {
    /// Begins a log: version, times and legend. `started` is the wall time of the load's start.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(mut out: W, started: DateTime<Utc>) -> io::Result<Self> {
        let (epoch, date) = (started.timestamp_millis() as f64 / 1e3, started.to_rfc3339_opts(SecondsFormat::Millis, true));
        let header = format!(
            "{VERSION}\n\
             #[Values are in microseconds, Interval_Max in milliseconds; one line for each set of tags and second]\n\
             #[StartTime: {epoch:.3} (seconds since epoch), {date}]\n\
             #[BaseTime: {epoch:.3} (seconds since epoch)]\n\
             #[MaxValueDivisor: 1000.000]\n\
             {LEGEND}\n"
        );
        out.write_all(header.as_bytes())?;
        Ok(Self { out, serializer: V2DeflateSerializer::new(), bytes: Vec::new(), lines: String::new() })
    }

    /// Writes one line a series and flushes.
    ///
    /// # Errors
    /// When `out` fails; it may then hold a part of the interval.
    pub fn write(&mut self, interval: &Interval) -> io::Result<()> {
        self.lines.clear();
        let (start, length) = (seconds(interval.second.start_us), seconds(interval.second.length_us));
        for (labels, series) in &interval.series {
            self.bytes.clear();
            self.serializer.serialize(&series.histogram, &mut self.bytes).map_err(io::Error::other)?;
            let max_ms = series.histogram.max() as f64 / 1e3;
            self.lines.push_str(&format!("Tag={},{start},{length},{max_ms:.3},", tag::encode(labels)));
            STANDARD.encode_string(&self.bytes, &mut self.lines);
            self.lines.push('\n');
        }
        self.out.write_all(self.lines.as_bytes())?;
        self.out.flush()
    }

    /// What the log is written to.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }
}

/// Microseconds as seconds, exactly.
fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

/// One line of a log.
#[derive(Clone)]
pub struct LoggedInterval {
    /// Start of the interval, in microseconds since the load began.
    pub start_us: u64,
    /// Its length in microseconds.
    pub length_us: u64,
    /// What the series is about.
    pub labels: Labels,
    /// Durations in microseconds.
    pub histogram: Histogram<u64>,
}

/// Why a log cannot be read.
#[derive(Debug, Error)]
pub enum LogError {
    /// The file could not be read.
    #[error("line {line}: {source}")]
    Io {
        /// The line, from 1.
        line: usize,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not what the format asks for.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Reads a log line by line.
pub struct IntervalLogReader<R> {
    input: R,
    line: usize,
    text: String,
    bytes: Vec<u8>,
    deserializer: Deserializer,
}

impl<R: BufRead> IntervalLogReader<R> {
    /// Begins to read; the first line must name the version.
    ///
    /// # Errors
    /// When it does not, or cannot be read.
    pub fn new(input: R) -> Result<Self, LogError> {
        let mut reader = Self { input, line: 0, text: String::new(), bytes: Vec::new(), deserializer: Deserializer::new() };
        if reader.next_line()? && reader.text == VERSION {
            return Ok(reader);
        }
        Err(LogError::Line { line: 1, problem: format!("an interval log begins with \"{VERSION}\"") })
    }

    /// Reads a line into `self.text` without its end; false at the end of the file.
    fn next_line(&mut self) -> Result<bool, LogError> {
        self.text.clear();
        self.line += 1;
        let line = self.line;
        let length = self.input.read_line(&mut self.text).map_err(|source| LogError::Io { line, source })?;
        if length > 0 && !self.text.ends_with('\n') {
            return Err(LogError::Line { line, problem: "the line is cut off".to_owned() });
        }
        self.text.truncate(self.text.trim_end_matches(['\n', '\r']).len());
        Ok(length > 0)
    }

    fn next_interval(&mut self) -> Result<Option<LoggedInterval>, LogError> {
        while self.next_line()? {
            if !self.text.is_empty() && !self.text.starts_with('#') && self.text != LEGEND {
                let line = self.line;
                return self.parse().map(Some).map_err(|problem| LogError::Line { line, problem });
            }
        }
        Ok(None)
    }

    fn parse(&mut self) -> Result<LoggedInterval, String> {
        let mut fields = self.text.split(',');
        let mut field = |name: &str| fields.next().ok_or_else(|| format!("{name} is missing"));
        let tag = field("the tag")?.strip_prefix("Tag=").ok_or("the line does not begin with \"Tag=\"")?;
        let (start, length) = (field("the start")?, field("the length")?);
        let (max, encoded) = (field("the maximum")?, field("the histogram")?);
        if field("").is_ok() {
            return Err("the line has more than five fields".to_owned());
        }
        f64::from_str(max).map_err(|_| format!("the maximum \"{max}\" is not a number"))?;
        self.bytes.clear();
        STANDARD.decode_vec(encoded, &mut self.bytes).map_err(|error| format!("the histogram is not base64: {error}"))?;
        let histogram = self
            .deserializer
            .deserialize(&mut self.bytes.as_slice())
            .map_err(|error| format!("the histogram cannot be decoded: {error}"))?;
        Ok(LoggedInterval {
            start_us: parse_seconds(start)?,
            length_us: parse_seconds(length)?,
            labels: tag::decode(tag)?,
            histogram,
        })
    }
}

impl<R: BufRead> Iterator for IntervalLogReader<R> {
    type Item = Result<LoggedInterval, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_interval().transpose()
    }
}

fn parse_seconds(text: &str) -> Result<u64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a time in seconds"))?;
    Duration::try_from_secs_f64(seconds)
        .map(|time| micros(time + Duration::from_nanos(500)))
        .map_err(|_| format!("\"{text}\" is not a time since the load began"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::TimeZone;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use proptest::prelude::*;

    use crate::measure::strategies::{intervals, labels, series};
    use crate::measure::{Series, Totals};

    use super::*;

    fn log_of(intervals: &[Interval]) -> Vec<u8> {
        let started = Utc.with_ymd_and_hms(2026, 11, 20, 18, 30, 5).unwrap();
        let mut writer = IntervalLogWriter::new(Vec::new(), started).unwrap();
        intervals.iter().for_each(|interval| writer.write(interval).unwrap());
        std::mem::take(writer.get_mut())
    }

    fn read(log: &[u8]) -> Result<Vec<LoggedInterval>, LogError> {
        IntervalLogReader::new(log)?.collect()
    }

    fn problem(log: &[u8]) -> String {
        read(log).map(|lines| lines.len()).unwrap_err().to_string()
    }

    fn one_line() -> String {
        let mut series = Series::new();
        (1..=1_000).for_each(|us| series.record(us * 100, 0));
        let tag = "kind:attempt;vendor:clay;name:clay.webhook;status:200;phase:0;fault:false;retry:false";
        let series = BTreeMap::from([(tag::decode(tag).unwrap(), series)]);
        String::from_utf8(log_of(&[Interval::new(1_000_000, 1_000_250, series)])).unwrap()
    }

    #[test]
    fn the_log_begins_as_readers_in_other_languages_expect() {
        let text = one_line();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "#[Histogram log format version 1.3]");
        assert_eq!(lines[2], "#[StartTime: 1795199405.000 (seconds since epoch), 2026-11-20T18:30:05.000Z]");
        assert_eq!(lines[3], "#[BaseTime: 1795199405.000 (seconds since epoch)]");
        assert_eq!(lines[5], "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"");
        let tag = "Tag=kind:attempt;vendor:clay;name:clay.webhook;status:200;phase:0;fault:false;retry:false";
        assert!(lines[6].starts_with(&format!("{tag},1.000000,1.000250,100.031,HISTFAAAA")), "{}", lines[6]);
        assert_eq!(lines.len(), 7);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let good = one_line();
        assert_eq!(read(good.as_bytes()).unwrap().len(), 1);
        for (from, to, expected) in [
            ("version 1.3", "version 2.0", "line 1: an interval log begins with"),
            (",1.000000,", ",soon,", "line 7: \"soon\" is not a time"),
            (",1.000000,", ",-1,", "line 7: \"-1\" is not a time since"),
            (",1.000000,", ",", "line 7: the histogram is missing"),
            (",100.031,", ",NaN seconds,", "line 7: the maximum"),
            (",HISTF", ",!HISTF", "line 7: the histogram is not base64"),
            (",HISTF", ",AISTF", "line 7: the histogram cannot be decoded"),
            ("Tag=", "", "line 7: the line does not begin with \"Tag=\""),
            ("vendor:clay", "vendor:acme", "line 7: the tag's part \"vendor:acme\""),
            (",HISTF", ",,HISTF", "line 7: the line has more than five"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            let message = problem(bad.as_bytes());
            assert!(message.starts_with(expected), "{message}");
        }
        let cut = &good.as_bytes()[..good.len() - 20];
        assert_eq!(problem(cut), "line 7: the line is cut off");
        assert_eq!(problem(b"")[..7], *"line 1:");
    }

    #[test]
    fn a_full_disk_is_an_error_and_not_a_lost_line() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = IntervalLogWriter::new(Full, Utc.timestamp_nanos(0)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    proptest! {
        // Each case is thousands of samples or a whole log.
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_read_back(intervals in intervals()) {
            let read = read(&log_of(&intervals)).unwrap();
            let mut expected = Vec::new();
            for interval in &intervals {
                for (labels, series) in &interval.series {
                    expected.push((interval.second.start_us, interval.second.length_us, labels, &series.histogram));
                }
            }
            prop_assert_eq!(read.len(), expected.len());
            for (line, (start_us, length_us, labels, histogram)) in read.iter().zip(expected) {
                prop_assert_eq!((line.start_us, line.length_us, &line.labels), (start_us, length_us, labels));
                prop_assert_eq!(&line.histogram, histogram);
            }
        }

        #[test]
        fn merging_what_is_read_is_exact(labels in labels(), parts in proptest::collection::vec(series(), 1..6)) {
            let mut whole = Series::new();
            let mut intervals = Vec::new();
            for (index, part) in parts.into_iter().enumerate() {
                whole.merge(&part);
                let second = 1_000_000;
                intervals.push(Interval::new(index as u64 * second, second, BTreeMap::from([(labels.clone(), part)])));
            }
            let mut totals = Totals::default();
            for line in read(&log_of(&intervals)).unwrap() {
                totals.add_histogram(line.labels, &line.histogram);
            }
            prop_assert_eq!(&totals.series[&labels].histogram, &whole.histogram);
        }

        #[test]
        fn the_crates_own_reader_agrees(intervals in intervals()) {
            let log = log_of(&intervals);
            let entries: Vec<LogEntry<'_>> = IntervalLogIterator::new(&log).map(Result::unwrap).collect();
            let lines = entries.iter().filter(|entry| matches!(entry, LogEntry::Interval(_))).count();
            prop_assert_eq!(lines, intervals.iter().map(|interval| interval.series.len()).sum::<usize>());
            prop_assert_eq!(&entries[0], &LogEntry::StartTime(Duration::from_secs(1_795_199_405)));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(line in ".{0,80}", cut in 0_usize..400, flip in any::<u8>()) {
            let _ = read(format!("{VERSION}\n{line}\n").as_bytes());
            let mut bytes = one_line().into_bytes();
            let at = cut % bytes.len();
            bytes[at] ^= flip;
            let _ = read(&bytes);
        }
    }
}
