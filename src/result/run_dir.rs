//! The directory of a run, made and tried before the load starts: an hour of load must not end in "permission denied".

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::journal::{DRIVER, PLACES, VENDORS};
use crate::units::format_bytes;

use super::{LATENCY_LOG, SAMPLES, SUMMARY, TIMELINE};

/// Free space that a run asks for at its start, in bytes. An hour with ten series writes about 30 MB; plots and a margin on top.
const SPACE_NEEDED: u64 = 64 << 20;
/// Longest part of a directory's name that comes from the scenario: file systems end at 255 bytes.
const LONGEST_NAME: usize = 80;

/// Why there is no directory to write to. Nothing has been sent yet when this is said.
#[derive(Debug, Error)]
pub enum RunDirError {
    /// It cannot be made.
    #[error("cannot create {path}: {source}; choose another place with --out DIR")]
    Create {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is there, and a file in it cannot be written.
    #[error("cannot write in {path}: {source}; make it writable, free some space, or choose another place with --out DIR")]
    Write {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Too little space.
    #[error("{path} has {} left on its disk and a run needs {}: free some space, or choose another place with --out DIR",
        format_bytes(*.free), format_bytes(SPACE_NEEDED))]
    Full {
        /// The directory.
        path: PathBuf,
        /// Free bytes.
        free: u64,
    },
    /// Another run is in it.
    #[error("{path} already holds a run: choose another directory with --out DIR, or remove this one first")]
    Taken {
        /// The directory.
        path: PathBuf,
    },
}

/// A directory that a run can be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
    /// Whether it was made for this run.
    made: bool,
}

impl RunDir {
    /// Makes `<base>/<time>-<scenario>`, with a number behind it when that is taken.
    ///
    /// # Errors
    /// When it cannot be made or written to, or the disk is full.
    pub fn create(base: &Path, scenario: &str, started: DateTime<Utc>) -> Result<Self, RunDirError> {
        fs::create_dir_all(base).map_err(|source| RunDirError::Create { path: base.to_owned(), source })?;
        let name = format!("{}-{}", started.format("%Y-%m-%dT%H-%M-%SZ"), plain(scenario));
        let mut path = base.join(&name);
        let mut number = 2_u32;
        loop {
            match fs::create_dir(&path) {
                Ok(()) => return Self::tried(path, true),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => path = base.join(format!("{name}-{number}")),
                Err(source) => return Err(RunDirError::Create { path, source }),
            }
            number += 1;
        }
    }

    /// Takes the directory `path`, made when it is not there. It may hold other files, but not a run.
    ///
    /// # Errors
    /// When it cannot be made or written to, holds a run, or the disk is full.
    pub fn at(path: &Path) -> Result<Self, RunDirError> {
        let path = path.to_owned();
        let made = !path.exists();
        if let Err(source) = fs::create_dir_all(&path) {
            return Err(RunDirError::Create { path, source });
        }
        if path.join(SUMMARY).exists() {
            return Err(RunDirError::Taken { path });
        }
        Self::tried(path, made)
    }

    /// Writes and removes a file, and asks for free space.
    fn tried(path: PathBuf, made: bool) -> Result<Self, RunDirError> {
        let free = free_space(&path);
        if let Some(free) = free.filter(|free| *free < SPACE_NEEDED) {
            return Err(RunDirError::Full { path, free });
        }
        match probe(&path) {
            Ok(()) => Ok(Self { path, made }),
            Err(source) => Err(RunDirError::Write { path, source }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The name of a file while it is being written.
    pub fn partial(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.partial"))
    }

    /// Gives a file that was written under its partial name its own.
    ///
    /// # Errors
    /// When it is not there, or cannot be renamed.
    pub fn publish(&self, name: &str) -> io::Result<()> {
        super::atomic::publish(&self.partial(name), &self.file(name))
    }

    /// Takes back what a run began that never came to measure anything: its partial files, and the directory where it was
    /// made for the run and nothing else is in it.
    pub fn abandon(&self) {
        for name in [LATENCY_LOG, TIMELINE, SAMPLES, DRIVER, PLACES, VENDORS] {
            // One that is not there needs no removal, and one that cannot be removed is empty.
            let _ = fs::remove_file(self.partial(name));
        }
        if self.made {
            // A directory with anything in it is refused by the system, and left.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn probe(directory: &Path) -> io::Result<()> {
    let path = directory.join(".plimsoll-probe");
    let mut file = File::create(&path)?;
    let written = file.write_all(&[b'.'; 4096]).and_then(|()| file.sync_all());
    drop(file);
    fs::remove_file(&path).and(written)
}

/// Bytes that may still be written; `None` where the system does not report it.
#[cfg(unix)]
fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    // Some network and overlay file systems report zero blocks of everything; the probe decides there.
    (stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_path: &Path) -> Option<u64> {
    None
}

/// A scenario's name as part of a path: whatever could mean something to a file system or a shell becomes a hyphen.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' };
    let plain: String = name.chars().take(LONGEST_NAME).map(kept).collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "run".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn started() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 20, 18, 30, 5).unwrap()
    }

    #[test]
    fn two_runs_of_one_second_get_two_directories() {
        let base = tempfile::tempdir().unwrap();
        let runs = base.path().join("reports/runs");
        let names = [(); 3].map(|()| RunDir::create(&runs, "clay-ramp", started()).unwrap().path().to_owned());
        let expected = ["", "-2", "-3"].map(|end| runs.join(format!("2026-11-20T18-30-05Z-clay-ramp{end}")));
        assert_eq!(names, expected);
        assert_eq!(fs::read_dir(&names[0]).unwrap().count(), 0, "the probe is gone");
    }

    #[test]
    fn a_name_cannot_leave_the_directory() {
        assert_eq!(plain("../../etc/passwd"), "etc-passwd");
        assert_eq!(plain("Was trägt Clay? 50 %"), "Was-tr-gt-Clay--50");
        assert_eq!(plain("…"), "run");
        assert_eq!(plain(&"x".repeat(300)).len(), LONGEST_NAME);
    }

    #[test]
    fn a_directory_that_holds_a_run_is_left_alone() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("new/out");
        RunDir::at(&path).unwrap();
        RunDir::at(&path).unwrap();
        fs::write(path.join(SUMMARY), "{}").unwrap();
        let message = RunDir::at(&path).unwrap_err().to_string();
        assert!(message.contains("already holds a run") && message.contains("new/out"), "{message}");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_with_its_cause() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        fs::write(&file, "").unwrap();
        for error in [RunDir::at(&file.join("out")).unwrap_err(), RunDir::create(&file, "x", started()).unwrap_err()] {
            let message = error.to_string();
            assert!(message.contains("/file") && message.contains("--out DIR") && message.contains("os error"), "{message}");
        }
        let blocked = base.path().join("blocked");
        fs::create_dir_all(blocked.join(".plimsoll-probe")).unwrap();
        let error = RunDir::at(&blocked).unwrap_err();
        assert!(matches!(error, RunDirError::Write { .. }), "{error}");
    }

    #[test]
    fn a_full_disk_is_reported_with_its_figures() {
        let message = RunDirError::Full { path: "/data".into(), free: 1_000_000 }.to_string();
        assert!(message.contains("/data has 1") && message.contains("MB"), "{message}");
    }
}
