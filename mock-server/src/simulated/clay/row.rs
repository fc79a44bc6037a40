//! A row: one lead that was submitted, by a webhook or as an item of a routine's run.

use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;

use super::enrich::Outcome;
use super::profile::Profile;
use crate::json::Json;

/// How far a row has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowStatus {
    /// It waits for the first provider to be asked.
    Accepted,
    /// Providers are asked.
    Enriching,
    /// A provider has found it.
    Enriched,
    /// No provider has found it.
    NotFound,
    /// A provider would have found it, had there been credits.
    OutOfCredits,
}

/// A row as it can be read back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The webhook source that it came by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The run that it is an item of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routine_run_id: Option<String>,
    /// The item's id within its run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// How far it has come.
    pub status: RowStatus,
    /// Whose it is: an e-mail address, a company's domain or an id; empty where it names none.
    pub subject: String,
    /// The provider that found it.
    pub provider: Option<String>,
    /// Credits that were charged for it.
    pub credits: u32,
    /// What was submitted.
    pub submitted: Json,
    /// What was found.
    pub enriched: Option<Profile>,
}

/// A row as it is kept. What can be worked out from the rest is worked out when it is asked for. Copies share what is large.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) origin: Origin,
    pub(super) body: Arc<[u8]>,
    /// When it came.
    pub(super) at: Instant,
    pub(super) outcome: Outcome,
    /// What became of it; `None` while nothing has.
    pub(super) end: Option<RowStatus>,
    /// Where its result goes.
    pub(super) callback: Option<Arc<str>>,
}

/// Where a row came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The number of a webhook source.
    Source(usize),
    /// A routine's run.
    Item {
        /// The run's number.
        run: u64,
        /// The item's id within it.
        id: Arc<str>,
    },
}

impl Kept {
    /// Bytes that it takes, with its place in the queue.
    pub(super) fn bytes(&self) -> usize {
        let item = if let Origin::Item { id, .. } = &self.origin { id.len() } else { 0 };
        let url = self.callback.as_ref().map_or(0, |url| url.len());
        size_of::<Self>() + size_of::<(Instant, u64)>() + self.body.len() + item + url
    }

    pub(super) fn status(&self, now: Instant) -> RowStatus {
        let waits = now.saturating_duration_since(self.at) < self.outcome.waits;
        self.end.unwrap_or(if waits { RowStatus::Accepted } else { RowStatus::Enriching })
    }

    /// Credits that were charged for it.
    pub(super) fn charged(&self) -> u32 {
        if self.end == Some(RowStatus::Enriched) { self.outcome.credits } else { 0 }
    }
}

/// The id of the row with this number.
pub(super) fn row_id(number: u64) -> String {
    format!("r_{number:012}")
}

/// The id of the run with this number.
pub(super) fn run_id(number: u64) -> String {
    format!("run_{number:012}")
}

/// The number in an id that begins with `prefix`.
pub(super) fn number(id: &str, prefix: &str) -> Option<u64> {
    let digits = id.strip_prefix(prefix).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}
