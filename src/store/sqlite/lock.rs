//! One process owns a file: a second that leased from the same queue would send everything twice.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::open_error::OpenError;

/// The lock on a file: a file beside it, locked for as long as this lives, with the number of the process in it.
///
/// It is not the file itself that is opened for this: closing it would end the locks that SQLite holds on it in this process.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    /// The lock file did not exist before.
    made: bool,
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let lock = beside(path, ".lock");
        let io = |error| OpenError::Io { path: lock.clone(), error };
        let made = !lock.exists();
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = file.take(32).read_to_string(&mut text);
                return Err(OpenError::InUse { path: path.to_owned(), pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { path: lock, made, _file: file })
    }

    /// Removes a lock file that was made for nothing, so that nothing stays beside a foreign file.
    pub(super) fn give_up(self) {
        if self.made {
            // A lock file that stays is unlocked, and harmless.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The path of a file beside `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
