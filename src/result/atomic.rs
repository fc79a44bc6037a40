//! Files that are either whole or not there: written beside their place, flushed to the disk, then renamed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Writes a file so that whoever looks finds the old content or the new, never a part, also after a power cut.
///
/// # Errors
/// When the directory cannot be written to or is full; the old file is then untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = directory_of(path);
    // A temporary file is for its owner alone, and so is what becomes of it.
    let mut file = tempfile::Builder::new().prefix(".plimsoll-").suffix(".partial").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_directory(directory)
}

/// Renames a finished file to its place, durably.
pub(super) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_directory(directory_of(to))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a rename durable. Where a directory cannot be opened (Windows), the system does it by itself.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.md");
        write_atomically(&path, b"a first and longer text").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(directory.path()), ["report.md"]);
    }

    #[test]
    fn a_file_that_cannot_be_put_in_place_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("content"), b"x").unwrap();
        write_atomically(&path, b"text").unwrap_err();
        assert_eq!(names(directory.path()), ["taken"]);
        assert!(write_atomically(&directory.path().join("absent/report.md"), b"text").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn it_is_its_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("summary.json");
        write_atomically(&path, b"").unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
