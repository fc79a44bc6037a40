//! The check of a large file while it is used.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::InterruptHandle;

use super::open;
use super::shared::Shared;
use super::whole::damage;

/// The check of a file that is too large to be checked before it is used: on a thread of its own, which reads beside the others.
pub(super) struct Background {
    interrupt: InterruptHandle,
    thread: JoinHandle<()>,
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Background").field(&self.thread).finish()
    }
}

impl Background {
    /// Starts it. What it finds is in the log, and a reason not to be ready.
    pub(super) fn start(path: PathBuf, shared: Arc<Shared>) -> Result<Self, open::OpenError> {
        let connection = open::connect(&path, false)?;
        let interrupt = connection.get_interrupt_handle();
        let io = |error| open::OpenError::Io { path: path.clone(), error };
        let name = path.display().to_string();
        let check = move || match damage(&connection) {
            Ok(None) => log::info!("{name} was checked whole: it is not damaged"),
            Ok(Some(what)) => {
                let what = format!(
                    "{name} is damaged: {what}; stop the service, and restore a copy, or recover it with `sqlite3 {name} .recover`"
                );
                log::error!("{what}");
                *shared.damage.lock() = Some(what);
            }
            // Interrupted: the store was closed before.
            Err(error) => log::info!("{name} was not checked to its end: {error}"),
        };
        let thread = std::thread::Builder::new().name("store-check".to_owned()).spawn(check).map_err(io)?;
        Ok(Self { interrupt, thread })
    }

    pub(super) fn end(self) {
        self.interrupt.interrupt();
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}
