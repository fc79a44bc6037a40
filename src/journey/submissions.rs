//! The driver's journal: each submission before it is sent, and its answer when that is there.
//!
//! A driver that only counts cannot say *which* lead is missing. It writes down what it handed in under the key that travels
//! with it, so that an auditor can ask the vendors for each. A submission that the end of the run cuts off has no answer in the
//! journal, which is the truth.

use crate::clock::LoadClock;
use crate::journal::{Answered, DriverEntry, JournalSender, RestingEntry};
use crate::outcome::{FailureKind, RestingState};
use crate::resilience::{Disposition, Operation, Source};
use crate::transport::Answer;
use crate::units::micros;
use crate::vendor_api::is_page;

/// What a run writes down for its audit.
#[derive(Debug, Clone)]
pub struct JournalSenders {
    /// Submissions and their answers.
    pub driver: JournalSender<DriverEntry>,
    /// Where operations are at rest; `None` where a service knows it.
    pub places: Option<JournalSender<RestingEntry>>,
}

/// Writes the journal, where there is one.
#[derive(Debug)]
pub(super) struct DriverJournal {
    pub(super) journals: Option<JournalSenders>,
    pub(super) clock: LoadClock,
}

impl DriverJournal {
    /// Something is about to be sent.
    pub(super) fn submitted(&self, key: &str, user: &str, what: &str) {
        let Some(journals) = &self.journals else { return };
        let (key, user, what) = (key.to_owned(), user.to_owned(), what.to_owned());
        journals.driver.write(DriverEntry::Submitted { key, user, what, at_us: self.at_us() });
    }

    /// The answer came.
    pub(super) fn answered(&self, key: &str, answer: Answered) {
        let Some(journals) = &self.journals else { return };
        journals.driver.write(DriverEntry::Answered { key: key.to_owned(), at_us: self.at_us(), answer });
    }

    /// An operation is about to be handed to its pipeline; gives what its answer needs.
    pub(super) fn hands_in(&self, operation: &Operation) -> Option<HandedIn> {
        self.journals.as_ref()?;
        let what = operation.kind.as_str();
        self.submitted(&operation.key, &operation.user, what);
        Some(HandedIn { key: operation.key.clone(), user: operation.user.clone(), what })
    }

    /// What the pipeline said about it.
    pub(super) fn disposed(&self, handed_in: Option<HandedIn>, disposition: &Disposition) {
        let (Some(journals), Some(HandedIn { key, user, what })) = (&self.journals, handed_in) else { return };
        self.answered(&key, of_disposition(disposition));
        let (place, attempts) = match disposition {
            Disposition::Delivered { attempts } => (RestingState::Delivered, *attempts),
            Disposition::Fallback { source: Source::Cache | Source::Local, .. } => (RestingState::Degraded, 0),
            // The queue and the dead letters tell of theirs, and whoever was refused is nowhere.
            _ => return,
        };
        let (lead, operation) = (key.clone(), what.to_owned());
        if let Some(journal) = &journals.places {
            journal.write(RestingEntry { key, lead, user, operation, place, attempts, redrives: 0 });
        }
    }

    fn at_us(&self) -> u64 {
        micros(self.clock.now())
    }
}

/// An operation that a pipeline has taken, as far as the journal must know it.
pub(super) struct HandedIn {
    key: String,
    user: String,
    what: &'static str,
}

/// What a pipeline said about an operation.
pub(super) fn of_disposition(disposition: &Disposition) -> Answered {
    match disposition {
        Disposition::Delivered { .. } | Disposition::Fallback { .. } | Disposition::DeadLettered { .. } => Answered::Acknowledged,
        Disposition::Duplicate => Answered::Duplicate,
        Disposition::Rejected { cause } => Answered::Refused { status: None, cause: Some(*cause) },
    }
}

/// Why an answer does not say that the lead was taken: a redirect does not, nor does a page that something in front of the service
/// has answered with.
pub(crate) fn not_taken(answer: &Answer) -> Option<FailureKind> {
    match answer.status {
        200..=299 => is_page(answer).then_some(FailureKind::BadAnswer),
        status => Some(FailureKind::of_unexpected(status)),
    }
}

/// What a service's answer says about a lead. A server's error other than 503 may come after the commit as well as before.
pub(crate) fn of_answer(status: Option<u16>, failure: Option<FailureKind>) -> Answered {
    match status {
        // Something else than the service has answered for it, perhaps after it.
        Some(200..=299) if failure.is_some() => Answered::Unknown,
        Some(200) => Answered::Duplicate,
        Some(201..=299) => Answered::Acknowledged,
        Some(500..=502 | 504..=599) => Answered::Unknown,
        Some(_) => Answered::Refused { status, cause: failure },
        None if failure.is_some_and(FailureKind::is_unconnected) => Answered::Refused { status: None, cause: failure },
        None => Answered::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_says_so_acknowledges_or_refuses() {
        assert_eq!(of_answer(Some(202), None), Answered::Acknowledged);
        assert_eq!(of_answer(Some(200), None), Answered::Duplicate);
        let failure = |status| FailureKind::of_status(status);
        for status in [100, 301, 400, 413, 422, 429, 503] {
            let refused = Answered::Refused { status: Some(status), cause: failure(status) };
            assert_eq!(of_answer(Some(status), failure(status)), refused);
        }
        assert_eq!(of_answer(Some(200), Some(FailureKind::BadAnswer)), Answered::Unknown);
        for status in [500, 502, 504] {
            assert_eq!(of_answer(Some(status), failure(status)), Answered::Unknown, "{status}");
        }
        for cut_off in [FailureKind::Timeout, FailureKind::ConnectionLost, FailureKind::BadAnswer] {
            assert_eq!(of_answer(None, Some(cut_off)), Answered::Unknown, "{cut_off}");
        }
        for unconnected in [FailureKind::ConnectionRefused, FailureKind::Dns, FailureKind::Tls, FailureKind::LocalLimit] {
            assert!(matches!(of_answer(None, Some(unconnected)), Answered::Refused { .. }), "{unconnected}");
        }
    }
}
