//! The library that notes writes and syncs, and the power cut that takes back what was not synced.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tempfile::TempPath;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Compiled where it is needed; gone with its value.
pub(crate) struct Library(TempPath);

impl Library {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// Compiles the library; `None`, after saying so loudly, where there is no C compiler.
pub(crate) fn library() -> Option<Library> {
    let file = tempfile::Builder::new().prefix("lossy-disk-").suffix(".so").tempfile_in(env!("CARGO_TARGET_TMPDIR"));
    let path = file.expect("a writable directory").into_temp_path();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lossy_disk/lossy_disk.c");
    let mut compile = Command::new("cc");
    compile.args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]).arg(&path).arg(source);
    match compile.args(["-ldl", "-lpthread"]).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(Library(path))
        }
        Err(_) => {
            assert!(std::env::var_os("PLIMSOLL_REQUIRE_CC").is_none(), "PLIMSOLL_REQUIRE_CC is set, and there is no cc");
            eprintln!("SKIPPED: there is no C compiler (Debian: apt-get install gcc libc6-dev); nothing was tested");
            None
        }
    }
}

/// A change of a file that was noted.
struct Change {
    truncates: bool,
    offset: u64,
    size_before: u64,
    old: Vec<u8>,
    new: Vec<u8>,
}

/// What a power cut did.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    pub(crate) writes: usize,
    pub(crate) syncs: usize,
}

/// Takes back what was not synced. Of each seed's cuts about a third lose all of it; the others keep a part, sector by
/// sector, as a disk does that writes in an order of its own.
pub(crate) fn power_cut(log: &Path, rng: &mut ChaCha8Rng) -> Cut {
    let log = std::fs::read(log).expect("the library has noted something");
    let mut rest = log.as_slice();
    let mut cut = Cut::default();
    let mut unsynced: BTreeMap<PathBuf, Vec<Change>> = BTreeMap::new();
    while let Some(record) = Record::read(&mut rest) {
        match record.kind {
            b'W' | b'T' => {
                cut.writes += 1;
                unsynced.entry(record.path).or_default().push(record.change);
            }
            b'S' => {
                cut.syncs += 1;
                unsynced.remove(&record.path);
            }
            b'U' => drop(unsynced.remove(&record.path)),
            b'R' => {
                let to = PathBuf::from(String::from_utf8(record.change.new).expect("a UTF-8 path"));
                let changes = unsynced.remove(&record.path).unwrap_or_default();
                unsynced.insert(to, changes);
            }
            other => panic!("the log has a record of kind {other}"),
        }
    }
    let kept = if rng.random_bool(1.0 / 3.0) { 0.0 } else { rng.random_range(0.0..1.0) };
    for (path, changes) in unsynced {
        // Written through a mapping of memory, unseen; it is made anew.
        if path.to_string_lossy().ends_with("-shm") {
            continue;
        }
        let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
        changes.iter().rev().for_each(|change| change.undo(&file));
        changes.iter().for_each(|change| change.redo(&file, kept, rng));
    }
    cut
}

impl Change {
    fn undo(&self, file: &File) {
        if !self.truncates {
            file.write_all_at(&self.old, self.offset).expect("a working disk");
        }
        file.set_len(self.size_before).expect("a working disk");
        if self.truncates {
            file.write_all_at(&self.old, self.offset).expect("a working disk");
        }
    }

    /// Each sector of it with this probability.
    fn redo(&self, file: &File, kept: f64, rng: &mut ChaCha8Rng) {
        if self.truncates {
            if rng.random_bool(kept) {
                file.set_len(self.offset).expect("a working disk");
            }
            return;
        }
        let mut at = 0;
        while at < self.new.len() {
            // To the end of the sector in the file.
            let place = self.offset + at as u64;
            let length = (SECTOR - (place as usize) % SECTOR).min(self.new.len() - at);
            if rng.random_bool(kept) {
                file.write_all_at(&self.new[at..at + length], place).expect("a working disk");
            }
            at += length;
        }
    }
}

struct Record {
    kind: u8,
    path: PathBuf,
    change: Change,
}

impl Record {
    /// The next record; `None` at the end, or where the kill cut one off: what it stands for has not happened.
    fn read(rest: &mut &[u8]) -> Option<Self> {
        let kind = *take(rest, 1)?.first()?;
        let mut number = || Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?));
        let (path, old, new, offset, size_before) = (number()?, number()?, number()?, number()?, number()?);
        let path = PathBuf::from(String::from_utf8(take(rest, path)?.to_vec()).expect("a UTF-8 path"));
        let (old, new) = (take(rest, old)?.to_vec(), take(rest, new)?.to_vec());
        Some(Self { kind, path, change: Change { truncates: kind == b'T', offset, size_before, old, new } })
    }
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some(taken)
}
