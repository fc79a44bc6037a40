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
use super::{micros, tag};

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
#[derive(Debug, Clone)]
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
