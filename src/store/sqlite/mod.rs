//! Leads in one SQLite file: the embedded store, for a service that runs by itself.
//!
//! What was acknowledged must be there after a power cut. So every change is one transaction in WAL mode with
//! `synchronous = FULL`, and its caller is answered after the commit; group commit (`writer`) makes that affordable.
//! One process owns the file (`open`); leases and the window of what is sent next live in its memory (`window`).

mod background;
mod backlog;
mod changes;
mod checksum;
mod file;
mod identity;
mod lead_store;
mod leads;
mod lock;
mod open;
mod open_error;
mod presence;
mod quarantine;
mod read;
mod row;
mod schema;
mod settings;
mod shared;
mod store;
#[cfg(test)]
mod tests;
mod threads;
mod transaction;
mod unreadable;
mod wal;
mod whole;
mod window;
mod write_backlog;
mod writer;

pub use backlog::SqliteBacklog;
pub use file::SqliteFile;
pub use open_error::OpenError;
pub use settings::SqliteSettings;
pub use store::SqliteStore;
