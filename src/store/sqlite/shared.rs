//! What the writer's thread and its callers share.

use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;

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
    pub(super) windows: [Mutex<Window>; 3],
}
