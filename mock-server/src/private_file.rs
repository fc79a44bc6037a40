//! Files that only their owner may read: ledgers, journals and results hold the names and data of persons.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Its owner reads and writes it.
const OWNER: u32 = 0o600;

/// Creates a file, or empties the one that is there; it is its owner's alone from then on.
///
/// # Errors
/// When it cannot be created, or belongs to somebody else.
pub fn create(path: &Path) -> io::Result<File> {
    own(OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER).open(path)?)
}

/// As [`create`], but what is there stays, and is written on.
///
/// # Errors
/// As there.
pub fn append(path: &Path) -> io::Result<File> {
    own(OpenOptions::new().append(true).create(true).mode(OWNER).open(path)?)
}

fn own(file: File) -> io::Result<File> {
    let metadata = file.metadata()?;
    // The permissions of a device are not ours to change.
    if metadata.is_file() && metadata.permissions().mode() & 0o777 != OWNER {
        file.set_permissions(Permissions::from_mode(OWNER))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_its_owner_s_whatever_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        create(&path).unwrap();
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        create(&path).unwrap().write_all(b"a").unwrap();
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        append(&path).unwrap().write_all(b"b").unwrap();
        assert_eq!((mode(), std::fs::read(&path).unwrap()), (0o600, b"ab".to_vec()));
        let device = Path::new("/dev/null");
        let before = std::fs::metadata(device).unwrap().permissions();
        create(device).unwrap();
        assert_eq!(std::fs::metadata(device).unwrap().permissions(), before);
    }
}
