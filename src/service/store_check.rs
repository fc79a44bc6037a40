//! Whether the store commits, checked at a bounded rate.

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
pub(super) struct StoreCheck(Mutex<Option<(Instant, Result<(), String>)>>);

impl StoreCheck {
    /// Whether a commit works; checked at most once a second, however many ask.
    pub(super) async fn now<S: LeadStore>(&self, store: &S) -> Result<(), String> {
        let mut last = self.0.lock().await;
        if let Some((at, result)) = last.as_ref()
            && at.elapsed() < CHECK_EVERY
        {
            return result.clone();
        }
        let result = match timeout(CHECK_WITHIN, store.check()).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err(format!("the store did not commit within {} s", CHECK_WITHIN.as_secs())),
        };
        *last = Some((Instant::now(), result.clone()));
        result
    }
}
