//! Opening a file, or refusing it untouched.
//!
//! A service that is pointed at the wrong file must not write a byte to it; two services on one file would send everything
//! twice; and a file of a later version, opened by an earlier build, would lose what that does not know. So the file is
//! locked and looked at by a reader that cannot write, before the first connection that can.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::lock::{Lock, beside};
pub(super) use super::open_error::OpenError;
use super::schema::{self, APPLICATION_ID, VERSION};
use super::{checksum, wal, whole};

/// How a file of SQLite begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// A file up to this many bytes is checked whole when it is opened. A longer one takes longer than a restart may: of it the
/// header, the tables and both ends of each are looked at; the rest is checked while it is used.
pub(super) const CHECKED_WHOLE: u64 = 64 << 20;
/// What a damaged or planted file must not do is forbidden beforehand.
const GUARDED: &str = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";
/// What the URI of a file writes in another form.
const OUTSIDE_URI: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'_').remove(b'-');

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or an empty file.
    Nothing,
    /// A store of leads, as far as its header says.
    Store {
        /// Its bytes.
        length: u64,
        version: u32,
    },
}

/// A file that is locked and looked at.
pub(super) struct Prepared {
    /// Without links.
    pub(super) path: PathBuf,
    pub(super) lock: Lock,
    /// Of its tables.
    pub(super) version: u32,
    /// It was checked whole; a longer one is not yet.
    pub(super) whole: bool,
}

/// Takes the lock of a file, and looks at it; `make`s it if there is none. One up to `checked_whole` bytes is checked whole.
pub(super) fn prepare(path: &Path, make: bool, checked_whole: u64) -> Result<Prepared, OpenError> {
    let path = resolved(path)?;
    if !make && !path.exists() {
        return Err(missing(&path));
    }
    let mut lock = Lock::take(&path)?;
    let mut ready = || match look(&path)? {
        Found::Nothing if make => {
            create(&path)?;
            lock.take_file(&path)?;
            Ok((VERSION, true))
        }
        Found::Nothing => Err(missing(&path)),
        Found::Store { length, version } => {
            // Before it is looked into: what another process is changing looks damaged.
            lock.take_file(&path)?;
            inspect(&path, version, length <= checked_whole)?;
            Ok((version, length <= checked_whole))
        }
    };
    match ready() {
        Ok((version, whole)) => Ok(Prepared { path, lock, version, whole }),
        Err(error) => {
            lock.give_up();
            Err(error)
        }
    }
}

/// There is no such file.
pub(super) fn missing(path: &Path) -> OpenError {
    let error = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such store of leads");
    OpenError::Io { path: path.to_owned(), error }
}

/// A path without links: two names of one file must meet at one lock.
pub(super) fn resolved(path: &Path) -> Result<PathBuf, OpenError> {
    let io = |error| OpenError::Io { path: path.to_owned(), error };
    match std::fs::canonicalize(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let name = path.file_name().ok_or_else(|| io(error))?;
            Ok(std::fs::canonicalize(directory(path)).map_err(io)?.join(name))
        }
        found => found.map_err(io),
    }
}

/// The directory that a file is in.
fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a file aside and renames it into place, so that a crash leaves none that is half made.
fn create(path: &Path) -> Result<(), OpenError> {
    let io = |error| OpenError::Io { path: path.to_owned(), error };
    let aside = beside(path, ".new");
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    // Leads are people: only the owner may read them. SQLite gives the log the same mode.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(io)?;
    let make = || -> rusqlite::Result<()> {
        let connection = Connection::open(&aside)?;
        checksum::register(&connection)?;
        connection.execute_batch("PRAGMA synchronous = FULL; BEGIN;")?;
        schema::create(&connection)?;
        connection.execute_batch("COMMIT")?;
        connection.close().map_err(|(_, error)| error)
    };
    make().map_err(|error| sqlite(path, &error))?;
    std::fs::rename(&aside, path).map_err(io)?;
    // The name itself must outlive a power cut.
    File::open(directory(path)).and_then(|directory| directory.sync_all()).map_err(io)
}

/// Reads the header of a file.
pub(super) fn look(path: &Path) -> Result<Found, OpenError> {
    let io = |error| OpenError::Io { path: path.to_owned(), error };
    let foreign = |what: String| OpenError::Foreign { path: path.to_owned(), what };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return nothing(path),
        file => file.map_err(io)?,
    };
    let meta = file.metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(foreign("it is not a file".to_owned()));
    }
    if meta.len() == 0 {
        return nothing(path);
    }
    let mut header = [0; 100];
    if file.read_exact(&mut header).is_err() || !header.starts_with(MAGIC) {
        return Err(foreign("it is not a SQLite database".to_owned()));
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (version, application) = (number(60), number(68));
    if application != APPLICATION_ID {
        return Err(foreign(format!("it is the database of another application (id {application:#x})")));
    }
    if version == 0 {
        return Err(foreign("it has no version".to_owned()));
    }
    if version > VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found: version });
    }
    let expected = u64::from(u16::from_be_bytes([header[16], header[17]])) * u64::from(number(28));
    // What is in the log may complete a file that is short of pages; by itself it must be whole.
    if !has_log(path) && meta.len() < expected {
        let what = format!("it is cut off: {} of {expected} bytes", meta.len());
        return Err(OpenError::Damaged { path: path.to_owned(), what });
    }
    Ok(Found::Store { length: meta.len(), version })
}

/// There is no file: then there must not be a log either, which SQLite would remove with what is in it.
fn nothing(path: &Path) -> Result<Found, OpenError> {
    if has_log(path) { Err(OpenError::LogAlone { path: path.to_owned() }) } else { Ok(Found::Nothing) }
}

fn has_log(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Looks into a store without the means to change it.
fn inspect(path: &Path, version: u32, whole: bool) -> Result<(), OpenError> {
    let log = beside(path, "-wal");
    let broken = wal::damage(&log).map_err(|error| OpenError::Io { path: log.clone(), error })?;
    if let Some(what) = broken {
        return Err(OpenError::DamagedLog { path: path.to_owned(), what });
    }
    let found = check(path, version, has_log(path), whole).map_err(|error| sqlite(path, &error))?;
    found.map_or(Ok(()), |what| Err(OpenError::Damaged { path: path.to_owned(), what }))
}

/// What is wrong with a file, if anything.
fn check(path: &Path, version: u32, logged: bool, whole: bool) -> rusqlite::Result<Option<String>> {
    let connection = read_only(path, !logged)?;
    if let Some(what) = whole::other_tables(&connection, version)? {
        return Ok(Some(what));
    }
    if whole {
        return whole::damage(&connection);
    }
    // Both ends of every tree: the way to them leads through its root, and a page that is not one is seen.
    for (table, column) in [("leads", "id"), ("leads", "key"), ("entries", "id"), ("enrichments", "id"), ("backlogs", "vendor")] {
        connection.query_row(&format!("SELECT min({column}) FROM {table}"), (), |_| Ok(()))?;
        connection.query_row(&format!("SELECT max({column}) FROM {table}"), (), |_| Ok(()))?;
    }
    connection.query_row("SELECT last_id FROM numbers", (), |_| Ok(()))?;
    Ok(None)
}

/// A connection that cannot write. `alone`: there is no log, so that not even its index is made beside the file.
fn read_only(path: &Path, alone: bool) -> rusqlite::Result<Connection> {
    let path = percent_encode(path.as_os_str().as_encoded_bytes(), OUTSIDE_URI);
    let name = format!("file:{path}{}", if alone { "?immutable=1" } else { "" });
    let connection = Connection::open_with_flags(
        name,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.execute_batch(GUARDED)?;
    Ok(connection)
}

/// A connection with the settings that every one of ours has.
pub(super) fn connect(path: &Path, writes: bool) -> Result<Connection, OpenError> {
    let access = if writes { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(GUARDED)?;
        checksum::register(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| sqlite(path, &error))
}

/// What SQLite says of a file.
pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode;
    let (path, what) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenError::Damaged { path, what },
        _ => OpenError::Sqlite { path, what },
    }
}
