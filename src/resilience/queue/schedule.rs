//! Schedule: when an entry of a durable queue is tried again, computed from the entry alone.
//!
//! Retries that wait in memory are gone with the process, and a restarted service that begins them anew multiplies an
//! outage. Here each attempt is one lease, what was tried stands in the entry, and the next time follows from it: first the
//! quick retries that a direct call makes at once, for an entry that came into the queue without having been tried; then
//! the long waits of the queue, twice as long each time.

use std::time::Duration;

use super::entry::Entry;
use crate::resilience::limiter::LONGEST_PAUSE;
use crate::resilience::retry::exponential;
use crate::resilience::settings::PipelineSettings;

/// What follows when one more attempt of an entry failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextStep {
    /// A quick retry after `attempts` attempts; if there is none, this wait in the queue.
    QuickRetry { attempts: u32, else_wait: Duration },
    /// The quick retries are used up: fallbacks may answer it now, or it waits in the queue for this long.
    QuickRetriesOver { wait: Duration },
    /// It waits in the queue for this long.
    Wait { wait: Duration },
    /// No attempt is left.
    Exhausted,
}

/// Whether the entry came into the queue without having been tried, and has its quick retries before it.
///
/// Whatever brought an entry here by failing is remembered as an attempt that the queue did not make; a redriven entry has
/// its history and a count of none.
pub(super) fn in_quick_retries(entry: &Entry, settings: &PipelineSettings) -> bool {
    came_untried(entry) && entry.retry_count <= settings.retry.max_retries
}

/// Whether a quick retry follows if this attempt of the entry fails too, as far as their number goes.
pub(super) fn has_quick_retry(entry: &Entry, settings: &PipelineSettings) -> bool {
    matches!(after_failure(entry, settings), NextStep::QuickRetry { .. })
}

/// What follows when this attempt of the entry has failed too.
pub(super) fn after_failure(entry: &Entry, settings: &PipelineSettings) -> NextStep {
    let failed = entry.retry_count.saturating_add(1);
    let wait = |doublings| exponential(settings.fallback.queue_base_delay, doublings, LONGEST_PAUSE);
    let longest = settings.fallback.queue_attempts.max(1);
    if !came_untried(entry) {
        return if failed >= longest { NextStep::Exhausted } else { NextStep::Wait { wait: wait(failed - 1) } };
    }
    let quick = settings.retry.max_retries.saturating_add(1);
    match failed.checked_sub(quick) {
        None => NextStep::QuickRetry { attempts: failed, else_wait: wait(0) },
        Some(0) => NextStep::QuickRetriesOver { wait: wait(0) },
        Some(from_queue) if from_queue >= longest => NextStep::Exhausted,
        Some(from_queue) => NextStep::Wait { wait: wait(from_queue) },
    }
}

fn came_untried(entry: &Entry) -> bool {
    entry.redrives == 0 && entry.attempts.len() <= entry.retry_count as usize
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::outcome::{FailureKind, Vendor};
    use crate::resilience::operation::{Operation, OperationKind};
    use crate::resilience::queue::Attempt;

    use super::*;

    const WHY: Attempt = Attempt { at: 0, cause: FailureKind::ServerError, status: Some(503) };

    fn untried() -> Entry {
        let operation = Operation::new(OperationKind::Track, "ada", json!({}));
        Entry { attempts: Vec::new(), ..Entry::new(operation, WHY) }
    }

    /// Minutes of each wait until none is left; quick retries as -1.
    fn course(mut entry: Entry, settings: &PipelineSettings) -> Vec<i64> {
        let mut waits = Vec::new();
        loop {
            waits.push(match after_failure(&entry, settings) {
                NextStep::QuickRetry { .. } => -1,
                NextStep::QuickRetriesOver { wait } | NextStep::Wait { wait } => (wait.as_secs() / 60) as i64,
                NextStep::Exhausted => return waits,
            });
            entry.retry_count += 1;
            entry.remember(WHY);
        }
    }

    #[test]
    fn an_untried_entry_has_its_quick_retries_then_the_waits_of_the_queue() {
        let settings = PipelineSettings::of(Vendor::Clay);
        assert_eq!(course(untried(), &settings), [-1, -1, -1, 1, 2, 4, 8, 16]);
        assert!(in_quick_retries(&untried(), &settings));
    }

    #[test]
    fn an_entry_that_failed_before_it_came_has_only_the_waits_of_the_queue() {
        let settings = PipelineSettings::of(Vendor::Clay);
        let entry = Entry::new(untried().operation, WHY);
        assert!(!in_quick_retries(&entry, &settings));
        assert_eq!(course(entry, &settings), [1, 2, 4, 8]);
    }

    #[test]
    fn a_redriven_entry_has_only_the_waits_of_the_queue() {
        let settings = PipelineSettings::of(Vendor::Clay);
        let entry = Entry { redrives: 1, ..untried() };
        assert_eq!(course(entry, &settings), [1, 2, 4, 8]);
    }

    #[test]
    fn a_history_that_forgets_its_beginning_still_ends() {
        let mut settings = PipelineSettings::of(Vendor::Clay);
        settings.retry.max_retries = 50;
        let waits = course(untried(), &settings);
        assert!(waits.len() <= 56, "{}", waits.len());
    }
}
