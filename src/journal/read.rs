//! Reading a journal line by line; an invalid line is an error with its line and column.
//!
//! A journal may hold a million leads, so it is never in memory as a whole. An invalid line must not be skipped: its content
//! is unknown, and an audit that skips it could pass a loss. So it ends the reading, with file, line and column.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::whole::{End, Whole};
use crate::text::without_mark;

/// Longest line, in bytes: that of a vendor's batch with an effect for each of its items is the longest there is.
const LONGEST_LINE: u64 = 64 << 20;

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is invalid.
    #[error("{path}:{line}:{column}: {problem}")]
    Line {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column in it, from 1.
        column: usize,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Line<T> {
    /// An entry.
    Entry(T),
    /// This many entries are missing here.
    Missed(u64),
}

/// The line that stands for missing entries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Missed {
    missed: u64,
}

/// The entries of a journal, oldest first, each with its line number. Ends at the first error; skips empty lines and counts. When it has
/// ended, [`JournalReader::flaws`] says whether the journal is whole.
#[derive(Debug)]
pub struct JournalReader<T, R> {
    path: PathBuf,
    input: R,
    line: u64,
    text: Vec<u8>,
    ended: bool,
    whole: Whole,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> JournalReader<T, BufReader<File>> {
    /// Opens the journal at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|source| JournalError::Read { path: path.to_owned(), source })?;
        Ok(Self::new(path, BufReader::with_capacity(1 << 18, file)))
    }
}

impl<T: DeserializeOwned, R: BufRead> JournalReader<T, R> {
    /// Reads a journal from `input`; errors name it by `path`.
    pub fn new(path: impl Into<PathBuf>, input: R) -> Self {
        Self { path: path.into(), input, line: 0, text: Vec::new(), ended: false, whole: Whole::default(), of: PhantomData }
    }

    /// Why a journal that has been read to its end is not whole, if so: predicates, of which it is the subject.
    pub fn flaws(&self) -> Vec<String> {
        self.whole.flaws()
    }

    /// Whether its entries have neither numbers nor a count, so that nothing shows whether it was cut.
    pub fn is_uncounted(&self) -> bool {
        self.whole.is_uncounted()
    }

    fn next_line(&mut self) -> Result<Option<(u64, Line<T>)>, JournalError> {
        loop {
            self.text.clear();
            let read = io::Read::take(&mut self.input, LONGEST_LINE).read_until(b'\n', &mut self.text);
            let read = read.map_err(|source| JournalError::Read { path: self.path.clone(), source })?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.line == 1 {
                self.text = without_mark(&self.text).to_vec();
            }
            if read as u64 == LONGEST_LINE {
                return Err(self.error(1, format!("the line is longer than {} MiB: one entry a line", LONGEST_LINE >> 20)));
            }
            if self.text.trim_ascii().is_empty() {
                continue;
            }
            if let Some(line) = self.parse()? {
                return Ok(Some((self.line, line)));
            }
        }
    }

    /// What the line says; nothing for a count.
    fn parse(&mut self) -> Result<Option<Line<T>>, JournalError> {
        let error = match serde_json::from_slice(&self.text) {
            Ok(entry) => {
                self.whole.entry(&serde_json::from_slice(&self.text).unwrap_or_default());
                return Ok(Some(Line::Entry(entry)));
            }
            Err(error) => error,
        };
        if let Ok(Missed { missed }) = serde_json::from_slice(&self.text) {
            self.whole.missed(missed);
            return Ok(Some(Line::Missed(missed)));
        }
        if let Ok(End { entries }) = serde_json::from_slice(&self.text) {
            self.whole.end(entries);
            return Ok(None);
        }
        let hint = if error.is_eof() && !self.text.ends_with(b"\n") {
            "; the line is cut off: its writer ended before it was complete"
        } else {
            ""
        };
        let text = error.to_string();
        // serde_json's position is within this line only.
        let said = text.rsplit_once(" at line ").map_or(text.as_str(), |(said, _)| said);
        Err(self.error(error.column().max(1), format!("{said}{hint}")))
    }

    fn error(&self, column: usize, problem: String) -> JournalError {
        JournalError::Line { path: self.path.clone(), line: self.line, column, problem }
    }
}

impl<T: DeserializeOwned, R: BufRead> Iterator for JournalReader<T, R> {
    type Item = Result<(u64, Line<T>), JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_line().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{RestingEntry, VendorEntry};
    use crate::outcome::RestingState;

    fn places(text: &str) -> Vec<Result<(u64, Line<RestingEntry>), JournalError>> {
        JournalReader::new("places.ndjson", text.as_bytes()).collect()
    }

    const GOOD: &str = r#"{"key":"k","lead":"l","user":"u","operation":"track","place":"queued","attempts":2}"#;

    #[test]
    fn gaps_are_reported_and_empty_lines_skipped() {
        let lines = places(&format!("{GOOD}\n\n{{\"missed\":3}}\n{GOOD}"));
        let lines: Vec<_> = lines.into_iter().map(|line| line.unwrap()).collect();
        assert_eq!(lines.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 3, 4]);
        assert_eq!(lines[1].1, Line::Missed(3));
        assert!(matches!(&lines[2].1, Line::Entry(entry) if entry.place == RestingState::Queued && entry.redrives == 0));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        const MARK: char = '\u{feff}';
        let lines = places(&format!("{MARK}{GOOD}\r\n{GOOD}\r\n"));
        assert_eq!(lines.iter().map(|line| line.as_ref().unwrap().0).collect::<Vec<_>>(), [1, 2]);
        let within = places(&format!("{GOOD}\n{MARK}{GOOD}\n"));
        assert!(within[1].is_err(), "in the middle it is no mark");
    }

    #[test]
    fn a_bad_line_is_named_by_file_line_and_column_and_ends_the_reading() {
        for (bad, place, words) in [
            (r#"{"key":"k","lead":"l","user":"u","operation":"track","place":"lost","attempts":2}"#, 2, "`lost`"),
            (r#"{"key":"k","lead":"l"}"#, 2, "missing field `user`"),
            ("what is this", 2, "expected value"),
            (r#"{"missed":"three"}"#, 2, "missing field `key`"),
        ] {
            let lines = places(&format!("{GOOD}\n{bad}\n{GOOD}\n"));
            assert_eq!(lines.len(), 2, "{bad}");
            let Err(error @ JournalError::Line { line, .. }) = &lines[1] else { panic!("{bad} was read") };
            assert_eq!(*line, place);
            let message = error.to_string();
            assert!(message.starts_with("places.ndjson:2:") && message.contains(words), "{message}");
            assert!(!message.contains("at line"), "{message}");
        }
    }

    #[test]
    fn a_line_without_its_end_is_reported_as_cut_off() {
        let message = places(&GOOD[..40])[0].as_ref().unwrap_err().to_string();
        assert!(message.starts_with("places.ndjson:1:40:") && message.contains("cut off"), "{message}");
    }

    #[test]
    fn the_simulator_s_ledger_is_such_a_journal() {
        use mock_server::fault::SimulatedVendor;
        use mock_server::ledger::{Entry, Sent};
        use mock_server::simulated::Effect;
        let effect =
            Effect { what: "row.added".into(), subject: "ada@acme.test".to_owned(), names: Vec::new(), id: None, credits: 6 };
        let entry = Entry {
            entry: 1,
            request: 1,
            at_us: 100,
            took_us: 20,
            vendor: SimulatedVendor::Clay,
            route: "clay.webhook".into(),
            method: "POST".into(),
            path: "/x".to_owned(),
            idempotency_key: Some("k".to_owned()),
            intended: Vec::new(),
            actual: vec!["lost answer".into()],
            effects: vec![effect],
            retry_after_us: None,
            status: Some(200),
            sent: Sent::Nothing,
        };
        let text = serde_json::to_string(&entry).unwrap() + "\n{\"entries\":1}\n";
        let mut lines = JournalReader::<VendorEntry, _>::new("vendors.ndjson", text.as_bytes());
        let (_, line) = lines.next().unwrap().unwrap();
        assert!(lines.next().is_none() && lines.flaws().is_empty(), "{:?}", lines.flaws());
        let second = text.replace("\"entry\":1", "\"entry\":2");
        let mut lines = JournalReader::<VendorEntry, _>::new("vendors.ndjson", second.as_bytes());
        assert!(lines.by_ref().all(|line| line.is_ok()) && lines.flaws().len() == 1, "{:?}", lines.flaws());
        let Line::Entry(read) = line else { panic!("no gap") };
        assert_eq!((read.at_us, read.took_us, read.idempotency_key.as_deref(), read.status), (100, 20, Some("k"), Some(200)));
        assert_eq!((read.effects[0].what.as_str(), read.effects[0].credits), ("row.added", 6));
        assert_eq!(read.actual, ["lost answer"]);
    }
}
