//! What the writer's thread and its callers share.

use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;

use crate::resilience::StoreError;

use super::presence::Presence;
use super::quarantine::Quarantine;
use super::settings::SqliteSettings;
use super::window::Window;
use super::write_backlog::WriteBacklog;

/// What the writer and the callers that lease share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: SqliteSettings,
    pub(super) commits: AtomicU64,
    pub(super) write_backlog: WriteBacklog,
    /// Leased from by many.
    /// What cannot be read.
    pub(super) quarantine: Quarantine,
    /// Whether the file is where it was.
    pub(super) presence: Presence,
    /// What the check of the whole file found.
    pub(super) damage: Mutex<Option<String>>,
    pub(super) windows: [Mutex<Window>; 3],
}

/// Of a store that is closed.
pub(super) fn closed() -> StoreError {
    StoreError("the store is closed".to_owned())
}
