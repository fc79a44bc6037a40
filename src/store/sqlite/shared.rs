//! What the writer's thread and its callers share.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::settings::SqliteSettings;
use super::window::Window;
use super::write_backlog::WriteBacklog;

/// What the writer and the callers that lease share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: SqliteSettings,
    pub(super) commits: AtomicU64,
    pub(super) write_backlog: WriteBacklog,
    pub(super) windows: [SharedWindow; 3],
}

/// A window that is leased from by many.
#[derive(Debug)]
pub(super) struct SharedWindow(pub(super) Mutex<Window>);

impl SharedWindow {
    pub(super) fn lock(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
