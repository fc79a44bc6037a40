//! Whether the store commits, checked at a bounded rate.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::store::LeadStore;

/// How long a result is good for, so that frequent probes do not make the store commit as often.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// A store that takes longer counts as failed.
const CHECK_WITHIN: Duration = Duration::from_secs(5);

/// The last result, and when it was made.
#[derive(Debug, Default)]
pub(super) struct StoreCheck {
    last: Mutex<Option<(Instant, Result<(), String>)>>,
    failed: AtomicBool,
    doubted: AtomicBool,
}

impl StoreCheck {
    /// Whether the last check failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// A call has failed: the last result is good for nothing.
    pub(super) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Whether a commit works; checked at most once a second, however many ask.
    pub(super) async fn now<S: LeadStore>(&self, store: &S) -> Result<(), String> {
        let mut last = self.last.lock().await;
        if !self.doubted.swap(false, Ordering::Relaxed)
            && let Some((at, result)) = last.as_ref()
            && at.elapsed() < CHECK_EVERY
        {
            return result.clone();
        }
        let result = match timeout(CHECK_WITHIN, store.check()).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err(format!("the store did not commit within {} s", CHECK_WITHIN.as_secs())),
        };
        self.failed.store(result.is_err(), Ordering::Relaxed);
        let before = last.replace((Instant::now(), result.clone())).map(|(_, before)| before);
        match (&result, before) {
            (Err(error), before) if before.as_ref() != Some(&result) => log::error!("no lead is acknowledged: {error}"),
            (Ok(()), Some(Err(_))) => log::info!("the store works again: leads are acknowledged"),
            _ => {}
        }
        result
    }
}
