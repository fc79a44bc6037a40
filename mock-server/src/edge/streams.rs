//! The tasks of one HTTP/2 connection, which end with it.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinSet;

/// Runs hyper's tasks of one connection.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let mut streams = self.0.lock();
        // Those that have ended are forgotten, so that a long connection does not grow.
        while streams.try_join_next().is_some() {}
        streams.spawn(stream);
    }
}

impl Streams {
    /// Ends all of them.
    pub(super) fn end(&self) {
        self.0.lock().abort_all();
    }
}
