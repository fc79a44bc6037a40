//! The journals of a run, from which `plimsoll audit` decides whether any lead was lost: what was submitted, and where it came to
//! rest.
//!
//! A run cannot be asked about a lead that is found missing a day later. So a run that has something to prove (leads go to a
//! service, or the scenario expects something, or `--journals` asks for it) keeps journals, beside the load and within a bound, and
//! warns when they lack anything. Other runs keep none: three lines for each operation cost CPU, and the load's process is
//! measured by its CPU.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use mock_server::private_file;
use serde::Serialize;

use crate::journal::{DRIVER, DriverEntry, Journal, JournalWritten, PLACES, RestingEntry};
use crate::journey::JournalSenders;
use crate::result::RunDir;
use crate::units::format_bytes;

/// Most bytes of a journal: some five million submissions with their answers. A longer run is not worth a full disk.
pub(super) const LONGEST: u64 = 2 << 30;
/// Entries that may wait for the disk: more than a second's at 20,000 submissions a second, each with its answer.
const WAITING: usize = 65_536;

/// The journals of a run, being written.
pub(super) struct RunJournals {
    driver: Journal<DriverEntry>,
    /// `None` where a service reports the places at the end.
    places: Option<Journal<RestingEntry>>,
}

impl RunJournals {
    /// Begins them under their partial names. Where there is a service, its supervision writes the places.
    pub(super) fn begin(dir: &RunDir, has_service: bool) -> io::Result<Self> {
        let places = if has_service { None } else { Some(journal(&dir.partial(PLACES))?) };
        Ok(Self { driver: journal(&dir.partial(DRIVER))?, places })
    }

    /// What writes into them.
    pub(super) fn journals(&self) -> JournalSenders {
        JournalSenders { driver: self.driver.sender(), places: self.places.as_ref().map(Journal::sender) }
    }

    /// Ends both. `has_places` is false where the places could not be read: then their journal is left out, for half of it would
    /// say that the other half is lost. Gives what a reader must know.
    pub(super) fn finish(self, dir: &RunDir, has_places: bool) -> Vec<String> {
        let mut warnings = Vec::new();
        warnings.extend(publish(dir, DRIVER, &self.driver.finish()));
        let written = self.places.map(Journal::finish);
        if has_places {
            let whole = JournalWritten { written: 0, missed: 0, error: None };
            warnings.extend(publish(dir, PLACES, &written.unwrap_or(whole)));
        } else {
            // One that cannot be removed keeps its partial name, and is not audited.
            let _ = std::fs::remove_file(dir.partial(PLACES));
        }
        warnings
    }
}

fn journal<T: Serialize + Send + 'static>(path: &Path) -> io::Result<Journal<T>> {
    Journal::start(BufWriter::with_capacity(1 << 18, Bounded { out: private_file::create(path)?, left: LONGEST }), WAITING)
}

fn publish(dir: &RunDir, name: &str, written: &JournalWritten) -> Option<String> {
    let published = dir.publish(name).err().map(|error| format!("{name} could not be finished: {error}."));
    let problem =
        written.problem().map(|problem| format!("{name} is not whole, so that no audit of this run can pass: {problem}."));
    published.or(problem)
}

/// A file that takes so many bytes and no more.
struct Bounded<W> {
    out: W,
    left: u64,
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left < bytes.len() as u64 {
            let bound = format!("its bound of {} is reached", format_bytes(LONGEST));
            return Err(io::Error::new(io::ErrorKind::StorageFull, bound));
        }
        let written = self.out.write(bytes)?;
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::RestingState;

    fn place() -> RestingEntry {
        let text = |text: &str| text.to_owned();
        RestingEntry {
            key: text("k"),
            lead: text("k"),
            user: text("ada"),
            operation: text("enrich"),
            place: RestingState::Delivered,
            attempts: 1,
            redrives: 0,
        }
    }

    #[test]
    fn journals_get_their_names_when_they_are_whole() {
        let base = tempfile::tempdir().expect("a directory");
        let dir = RunDir::at(base.path()).expect("a run's directory");
        let journals = RunJournals::begin(&dir, false).expect("it can be written");
        journals.journals().places.expect("a book of places").write(place());
        assert!(journals.finish(&dir, true).is_empty());
        assert!(dir.file(DRIVER).exists() && std::fs::read_to_string(dir.file(PLACES)).expect("places").contains("delivered"));
    }

    #[test]
    fn places_that_could_not_be_read_are_left_out() {
        let base = tempfile::tempdir().expect("a directory");
        let dir = RunDir::at(base.path()).expect("a run's directory");
        assert!(RunJournals::begin(&dir, false).expect("it can be written").finish(&dir, false).is_empty());
        assert!(dir.file(DRIVER).exists() && !dir.file(PLACES).exists() && !dir.partial(PLACES).exists());
    }

    #[test]
    fn a_journal_ends_at_its_bound_and_says_so() {
        let journal = Journal::start(Bounded { out: Vec::new(), left: 200 }, 100).expect("a book");
        (0..5).for_each(|_| journal.sender().write(place()));
        let problem = journal.finish().problem().expect("it is not whole");
        assert!(problem.contains("its bound of"), "{problem}");
    }
}
