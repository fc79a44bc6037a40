//! The one table of failures: which are tried again, which speak against the vendor, and where the operation goes.
//!
//! Without one table the patterns disagree: a retry repeats what can never succeed, a breaker opens because callers send
//! nonsense, and an invalid lead circles in a queue for ever. The reliability-patterns documents say: no retry on a 4xx but
//! 429; to which HTTP adds 408 and 425, whose server says that it has not processed the request. A failure that is the operation's own is permanent and goes to the dead letters, with its reason, at once;
//! one that is the vendor's, or ours, may be gone later and goes to the fallback.

use crate::outcome::FailureKind;

/// What a failure says about the vendor's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The vendor failed: the breakers count it.
    Vendor,
    /// The vendor is well: the breakers don't count the call at all.
    None,
}

/// Where an operation goes when no attempt is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It may succeed later: cache, queue or local guess, as configured.
    Fallback,
    /// It can never succeed as it is.
    DeadLetters,
}

/// How one kind of failure is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Another attempt may succeed soon.
    pub retried: bool,
    /// Who is to blame.
    pub blame: Blame,
    /// Where the operation goes in the end.
    pub afterwards: Afterwards,
}

/// The table.
pub fn policy(failure: FailureKind) -> Policy {
    use Afterwards::{DeadLetters, Fallback};
    use FailureKind as F;
    let (retried, blame, afterwards) = match failure {
        F::Dns => (true, Blame::Vendor, Fallback),
        F::ConnectionRefused => (true, Blame::Vendor, Fallback),
        // Trust does not come within a retry's time.
        F::Tls => (false, Blame::Vendor, Fallback),
        // Our own lack, which passes when other connections end.
        F::LocalLimit => (true, Blame::None, Fallback),
        F::ConnectionLost => (true, Blame::Vendor, Fallback),
        F::Timeout => (true, Blame::Vendor, Fallback),
        F::BadAnswer => (true, Blame::Vendor, Fallback),
        F::ServerError => (true, Blame::Vendor, Fallback),
        F::RateLimited => (true, Blame::None, Fallback),
        F::NotProcessed => (true, Blame::None, Fallback),
        // What the server cannot do it cannot do in a second, either.
        F::NotSupported => (false, Blame::Vendor, Fallback),
        // Credits come back at midnight, credentials when they are fixed; neither within a retry's time.
        F::CreditsExhausted => (false, Blame::None, Fallback),
        F::Unauthorized => (false, Blame::None, Fallback),
        F::ClientError => (false, Blame::None, DeadLetters),
        // Nothing was sent.
        F::BreakerOpen => (false, Blame::None, Fallback),
        F::BudgetExhausted => (false, Blame::None, Fallback),
        F::LimiterFull => (false, Blame::None, Fallback),
        F::InFlightFull => (false, Blame::None, Fallback),
        F::Throttled => (false, Blame::None, Fallback),
        F::HeldInOrder => (false, Blame::None, Fallback),
        F::Interrupted => (false, Blame::None, Fallback),
        // A defect of the program; the breaker sees it through its permit, which counts a panic as a failure.
        F::Panicked => (false, Blame::Vendor, DeadLetters),
    };
    Policy { retried, blame, afterwards }
}

/// True when the failure means that nothing was sent, so that it does not count as an attempt.
pub fn nothing_was_sent(failure: FailureKind) -> bool {
    use FailureKind::{BreakerOpen, BudgetExhausted, HeldInOrder, InFlightFull, LimiterFull, Throttled};
    matches!(failure, BreakerOpen | BudgetExhausted | HeldInOrder | InFlightFull | LimiterFull | Throttled)
}

/// Whether an attempt that failed so certainly had no effect: it did not reach the vendor, or the vendor refused it. Another 5xx may be a
/// gateway's word on an answer that was lost.
pub(super) fn did_nothing(failure: FailureKind, status: Option<u16>) -> bool {
    use FailureKind::{ConnectionRefused, Dns, LocalLimit, Tls};
    matches!(failure, ConnectionRefused | Dns | Tls | LocalLimit) || matches!(status, Some(400..=499 | 501 | 503 | 505))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each status that HTTP can carry, where 200 is the success: its kind, whether it is retried, who is to blame, and where the
    /// operation goes.
    #[test]
    fn every_status_is_judged_by_what_it_means() {
        use Afterwards::{DeadLetters, Fallback};
        use FailureKind as F;
        for status in 100..=999 {
            let expected = match status {
                100..=399 => (F::BadAnswer, true, Blame::Vendor, Fallback),
                401 | 403 | 407 | 511 => (F::Unauthorized, false, Blame::None, Fallback),
                402 => (F::CreditsExhausted, false, Blame::None, Fallback),
                408 | 425 => (F::NotProcessed, true, Blame::None, Fallback),
                429 => (F::RateLimited, true, Blame::None, Fallback),
                400..=499 => (F::ClientError, false, Blame::None, DeadLetters),
                501 | 505 | 506 | 508 | 510 => (F::NotSupported, false, Blame::Vendor, Fallback),
                500..=999 => (F::ServerError, true, Blame::Vendor, Fallback),
                _ => unreachable!("no status"),
            };
            let kind = FailureKind::of_unexpected(status);
            let Policy { retried, blame, afterwards } = policy(kind);
            assert_eq!((kind, retried, blame, afterwards), expected, "{status}");
            assert_eq!(FailureKind::of_status(status), (!(200..400).contains(&status)).then_some(kind), "{status}");
        }
    }

    #[test]
    fn what_was_not_sent_is_not_retried_and_not_blamed() {
        use FailureKind::{BreakerOpen, BudgetExhausted, HeldInOrder, InFlightFull, LimiterFull, Throttled};
        for kind in [BreakerOpen, BudgetExhausted, HeldInOrder, InFlightFull, LimiterFull, Throttled] {
            assert!(nothing_was_sent(kind));
            assert_eq!(policy(kind), Policy { retried: false, blame: Blame::None, afterwards: Afterwards::Fallback });
        }
        assert!(!nothing_was_sent(FailureKind::Timeout));
    }
}
