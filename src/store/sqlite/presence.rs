//! Whether the file that is open is the one that its path names, and its log too.
//!
//! A file that is removed or replaced under the service stays open: commits go on to succeed, into a file that is gone when the
//! process ends. So it is looked at what the path names, before a commit, after it, and whenever something is leased.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::resilience::StoreError;

use super::identity::Identity;
use super::lock::beside;

/// The file and its log, as they were when they were opened.
#[derive(Debug)]
pub(super) struct Presence {
    file: (PathBuf, Identity),
    log: Mutex<(PathBuf, Identity)>,
    /// What is wrong, where something is.
    trouble: Mutex<Option<String>>,
}

impl Presence {
    /// Of a file whose log is there.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let log = beside(path, "-wal");
        let (file, log) = ((path.to_owned(), Identity::of(path)?), (log.clone(), Identity::of(&log)?));
        Ok(Self { file, log: Mutex::new(log), trouble: Mutex::default() })
    }

    /// Refuses while a file is not where it was. What begins and ends is logged.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let found = self.look();
        let mut trouble = self.trouble.lock();
        match (&*trouble, &found) {
            (None, None) => return Ok(()),
            (_, Some(found)) if trouble.as_ref() != Some(found) => log::error!("{found}"),
            (Some(_), None) => log::warn!("{} and its log are where they were: leads are taken again", self.file.0.display()),
            _ => {}
        }
        trouble.clone_from(&found);
        found.map_or(Ok(()), |found| Err(StoreError(found)))
    }

    /// Whether the log alone is gone, with nothing in its place: then all that is in it can be written back, and a new one begun.
    pub(super) fn only_log_is_gone(&self) -> bool {
        changed(&self.file).is_none() && !self.log.lock().0.exists()
    }

    /// The file's path.
    pub(super) fn path(&self) -> &Path {
        &self.file.0
    }

    /// There is a new log.
    pub(super) fn has_new_log(&self) -> std::io::Result<()> {
        let mut log = self.log.lock();
        log.1 = Identity::of(&log.0)?;
        Ok(())
    }

    fn look(&self) -> Option<String> {
        let (name, log) = (self.file.0.display(), self.log.lock());
        let unsafe_until = "no lead is taken until it is back where it was";
        if let Some(what) = changed(&self.file) {
            return Some(format!(
                "{name} {what} under the service: {unsafe_until}; what was acknowledged is in the file that the service still has \
                 open, and is lost when the service ends before that file is back"
            ));
        }
        changed(&log).map(|what| {
            format!(
                "{}, the log of {name}, {what} under the service: {unsafe_until}; what was acknowledged since it was last written \
                 back is lost if the service is killed now",
                log.0.display()
            )
        })
    }
}

/// What became of a file, if anything.
fn changed((path, known): &(PathBuf, Identity)) -> Option<String> {
    match std::fs::metadata(path) {
        Ok(meta) if Identity::from(&meta) != *known => Some("was replaced by another file".to_owned()),
        Ok(meta) if meta.permissions().readonly() => Some("was made read-only".to_owned()),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => Some("was removed or renamed".to_owned()),
        Err(error) => Some(format!("cannot be looked at ({error})")),
    }
}
