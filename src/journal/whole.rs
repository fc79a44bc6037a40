//! Whether a journal is whole, by the numbers of its lines and the count that it ends with.
//!
//! A file that is cut at the end of a line reads as a shorter one, and a loss that was in the rest is lost with it. So entries are
//! numbered from 1, and the last line says how many there were. A journal may hold several parts, each with its own numbers and its
//! own count: those of a simulator that was started anew.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// What of a line tells its place. Entries have other fields too; the ledger's call their number `entry`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Mark {
    #[serde(alias = "entry")]
    line: Option<u64>,
}

/// The line that ends a part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// Entries in it, the missing ones included.
    pub(super) entries: u64,
}

/// Writes the lines of a journal, with their numbers and, at the end, their count.
#[derive(Debug)]
pub struct JournalLines<W> {
    out: W,
    written: u64,
}

impl<W: Write> JournalLines<W> {
    /// A journal that is written to `out`.
    pub fn new(out: W) -> Self {
        Self { out, written: 0 }
    }

    /// Writes an entry, which must be an object, as the next line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn entry(&mut self, entry: &impl Serialize) -> io::Result<()> {
        #[derive(Serialize)]
        struct Numbered<'a, T> {
            line: u64,
            #[serde(flatten)]
            entry: &'a T,
        }
        self.written += 1;
        serde_json::to_writer(&mut self.out, &Numbered { line: self.written, entry })?;
        self.out.write_all(b"\n")
    }

    /// Says that so many entries are missing here.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn missed(&mut self, missed: u64) -> io::Result<()> {
        writeln!(self.out, "{{\"missed\":{missed}}}")?;
        self.written += missed;
        Ok(())
    }

    /// What is written goes to where it is kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the journal with its count; gives that.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&mut self) -> io::Result<u64> {
        serde_json::to_writer(&mut self.out, &End { entries: self.written })?;
        self.out.write_all(b"\n")?;
        self.out.flush().map(|()| self.written)
    }
}

/// What has been read of a journal, and what does not fit.
#[derive(Debug, Default)]
pub(super) struct Whole {
    part: Part,
    parts: u64,
    disorder: u64,
    cut: u64,
    miscounted: Option<(u64, u64)>,
}

/// What has been read of a part.
#[derive(Debug, Default)]
struct Part {
    /// Entries, the missing ones included.
    entries: u64,
    /// The number of the last of them.
    last: u64,
    /// Whether its entries have numbers, as the first has shown: journals of others may have none.
    numbered: Option<bool>,
}

impl Whole {
    pub(super) fn entry(&mut self, mark: &Mark) {
        if mark.line == Some(1) && self.part.entries > 0 {
            // Another part begins, and this one has no count.
            self.cut += 1;
            self.part = Part::default();
        }
        let part = &mut self.part;
        let next = part.last.saturating_add(1);
        let numbered = *part.numbered.get_or_insert(mark.line.is_some());
        self.disorder += u64::from(numbered != mark.line.is_some() || mark.line.is_some_and(|number| number != next));
        part.entries = part.entries.saturating_add(1);
        part.last = mark.line.unwrap_or(next);
    }

    pub(super) fn missed(&mut self, missed: u64) {
        self.part.entries = self.part.entries.saturating_add(missed);
        self.part.last = self.part.last.saturating_add(missed);
    }

    pub(super) fn end(&mut self, entries: u64) {
        let part = std::mem::take(&mut self.part);
        if entries != part.entries {
            self.miscounted.get_or_insert((entries, part.entries));
        }
        self.parts += 1;
    }

    /// Whether it is of a writer that neither numbers nor counts: then nothing shows whether it was cut.
    pub(super) fn is_uncounted(&self) -> bool {
        self.parts == 0 && self.part.numbered == Some(false)
    }

    /// What is wrong, once all of it has been read: predicates, of which the journal is the subject.
    pub(super) fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        match self.disorder {
            0 => {}
            1 => flaws.push("has a gap or a repetition in the numbers of its lines".to_owned()),
            several => flaws.push(format!("has {several} gaps or repetitions in the numbers of its lines")),
        }
        if let Some((said, found)) = self.miscounted {
            flaws.push(format!("says that it has {said} entries, and has {found}"));
        }
        if !self.is_uncounted() && (self.cut > 0 || self.part.entries > 0 || self.parts == 0) {
            flaws.push("does not end with the count of its entries: it was cut, or its writer did not end in order".to_owned());
        }
        flaws
    }
}
