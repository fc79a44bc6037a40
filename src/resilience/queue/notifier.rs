//! The signal that wakes the workers of a queue.

use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes a pipeline's workers when entries came into its queue. Clones wake the same workers.
#[derive(Debug, Clone, Default)]
pub struct Notifier(Arc<Notify>);

impl Notifier {
    /// Wakes one worker, which wakes the next when it finds an entry.
    pub fn notify(&self) {
        self.0.notify_one();
    }

    pub(super) async fn notified(&self) {
        self.0.notified().await;
    }
}
