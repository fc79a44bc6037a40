//! When a client may come back: the header Retry-After.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ways to say when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfterStyle {
    /// Whole seconds, rounded up, so that it is never too early.
    Seconds,
    /// An HTTP date.
    Date,
    /// Not at all.
    None,
}

impl RetryAfterStyle {
    /// The header's value for a wait that begins at `date`; rounded up to whole seconds, the finest that HTTP knows.
    pub(crate) fn value(self, wait: Duration, date: SystemTime) -> Option<HeaderValue> {
        match self {
            Self::Seconds => Some(HeaderValue::from(whole_seconds(wait))),
            Self::Date => {
                let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let until = SystemTime::UNIX_EPOCH + Duration::from_secs(whole_seconds(since_epoch.saturating_add(wait)));
                HeaderValue::from_str(&httpdate::fmt_http_date(until)).ok()
            }
            Self::None => None,
        }
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
