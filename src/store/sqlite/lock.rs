//! One process owns a file: a second that leased from the same queue would send everything twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::resilience::HeldNote;

use super::identity::Identity;
use super::open_error::OpenError;

/// What holds the operations of each vendor, by its number.
type Notes = BTreeMap<usize, HeldNote>;

/// The lock on a file: a file beside it, locked for as long as this lives, with the number of the process in it, and what holds the
/// operations: that is true of a process, so it is not part of the store.
///
/// The file itself is locked too: it may have several names, each with a lock file of its own, and a lock file may be removed.
#[derive(Debug)]
pub(super) struct Lock {
    claimed: Option<Claim>,
    path: PathBuf,
    /// The lock file did not exist before.
    made: bool,
    file: File,
    notes: Mutex<Notes>,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let lock = beside(path, ".lock");
        let io = |error| OpenError::Io { path: lock.clone(), error };
        let made = !lock.exists();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = BufReader::new(file).lines().next().and_then(|line| line.ok()?.parse().ok());
                return Err(OpenError::InUse { path: path.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let taken = Self { claimed: None, path: lock.clone(), made, file, notes: Mutex::default() };
        taken.write(&Notes::new()).map_err(io)?;
        Ok(taken)
    }

    /// Takes the lock of the file itself, by whatever name.
    pub(super) fn take_file(&mut self, path: &Path) -> Result<(), OpenError> {
        self.claimed = Some(Claim::of(path)?);
        Ok(())
    }

    /// Writes what holds the operations of a vendor.
    pub(super) fn keep_held(&self, vendor: usize, note: &HeldNote) -> io::Result<()> {
        let mut notes = self.notes.lock();
        notes.insert(vendor, note.clone());
        self.write(&notes)
    }

    fn write(&self, notes: &Notes) -> io::Result<()> {
        let text = format!("{}\n{}\n", std::process::id(), serde_json::to_string(notes)?);
        self.file.write_all_at(text.as_bytes(), 0)?;
        self.file.set_len(text.len() as u64)
    }

    /// Removes a lock file that was made for nothing, so that nothing stays beside a foreign file.
    pub(super) fn give_up(mut self) {
        self.claimed = None;
        if self.made {
            // A lock file that stays is unlocked, and harmless.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The files that stores of this process have.
static CLAIMED: Mutex<BTreeSet<Identity>> = Mutex::new(BTreeSet::new());

/// A file that is locked, by whatever name it was found.
///
/// Closing it ends the locks that SQLite holds on it in this process. So it is not opened for a second store of this process, and
/// closed after the store's connections.
#[derive(Debug)]
struct Claim {
    identity: Identity,
    _file: File,
}

impl Claim {
    fn of(path: &Path) -> Result<Self, OpenError> {
        let io = |error| OpenError::Io { path: path.to_owned(), error };
        let in_use = |pid| OpenError::InUse { path: path.to_owned(), pid };
        let identity = Identity::of(path).map_err(io)?;
        if !CLAIMED.lock().insert(identity) {
            return Err(in_use(Some(std::process::id())));
        }
        let give_back = |error| {
            CLAIMED.lock().remove(&identity);
            error
        };
        let file = File::open(path).map_err(io).map_err(give_back)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { identity, _file: file }),
            Err(TryLockError::WouldBlock) => Err(give_back(in_use(None))),
            Err(TryLockError::Error(error)) => Err(give_back(io(error))),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        CLAIMED.lock().remove(&self.identity);
    }
}

/// What holds the operations, as the process that has or had the lock of a file has written; nothing where that is just being written.
pub(super) fn held(path: &Path) -> Notes {
    let text = std::fs::read_to_string(beside(path, ".lock")).unwrap_or_default();
    text.split_once('\n').and_then(|(_, notes)| serde_json::from_str(notes).ok()).unwrap_or_default()
}

/// The path of a file beside `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
