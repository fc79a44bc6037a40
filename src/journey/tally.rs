//! How many leads were submitted, and what was said to that.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::journal::Answered;
use crate::outcome::LeadCounts;

/// Counts leads.
#[derive(Debug, Default)]
pub(super) struct LeadTally {
    submitted: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
}

impl LeadTally {
    /// A lead is about to be submitted.
    pub(super) fn submitted(&self) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
    }

    /// What was said to it.
    pub(super) fn answered(&self, answer: Answered) {
        match answer {
            Answered::Acknowledged | Answered::Duplicate => self.accepted.fetch_add(1, Ordering::Relaxed),
            Answered::Refused { .. } => self.refused.fetch_add(1, Ordering::Relaxed),
            Answered::Unknown => return,
        };
    }

    pub(super) fn counts(&self) -> LeadCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LeadCounts { submitted: read(&self.submitted), accepted: read(&self.accepted), refused: read(&self.refused) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_accepted_refused_or_without_an_answer() {
        let tally = LeadTally::default();
        let refused = Answered::Refused { status: Some(429), cause: None };
        for answer in [Answered::Acknowledged, Answered::Duplicate, refused, Answered::Unknown] {
            tally.submitted();
            tally.answered(answer);
        }
        let counts = tally.counts();
        assert_eq!(counts, LeadCounts { submitted: 4, accepted: 2, refused: 1 });
        assert_eq!(counts.unanswered(), 1);
    }
}
