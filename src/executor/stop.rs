//! Ending a load: first no new iterations, then those under way are cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::watch;

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The load goes on.
    Run = 0,
    /// No iteration starts; those under way go on.
    Finish = 1,
    /// Iterations under way are cut off.
    CutOff = 2,
}

/// A handle on the end of a load. Clones share it. The level only ever rises.
#[derive(Debug, Clone)]
pub struct Stop {
    /// Beside the channel, so that a user on its way from one iteration to the next reads one atomic and no lock.
    level: Arc<AtomicU8>,
    changes: Arc<watch::Sender<Level>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { level: Arc::new(AtomicU8::new(0)), changes: Arc::new(watch::Sender::new(Level::Run)) }
    }
}

impl Stop {
    /// Raises the level; lower ones than the present have no effect.
    pub fn raise(&self, level: Level) {
        self.level.fetch_max(level as u8, Ordering::SeqCst);
        self.changes.send_if_modified(|current| {
            let rises = level > *current;
            *current = level.max(*current);
            rises
        });
    }

    /// Whether iterations may start.
    pub fn running(&self) -> bool {
        self.level.load(Ordering::SeqCst) == Level::Run as u8
    }

    /// Completes when the level has been reached.
    pub async fn reached(&self, level: Level) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.changes.subscribe().wait_for(|current| *current >= level).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_level_only_rises() {
        let stop = Stop::default();
        assert!(stop.running());
        stop.raise(Level::CutOff);
        stop.raise(Level::Finish);
        assert!(!stop.running());
        stop.reached(Level::CutOff).await;
    }
}
