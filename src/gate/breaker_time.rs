//! How long a breaker was in each state, exact from its transitions: a gauge read once a second misses short openings.

use serde::{Deserialize, Serialize};

use crate::event::{BreakerState, Event, EventKind, Guard};
use crate::outcome::Vendor;

/// A stretch of time in one state, in microseconds since the load began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerSpan {
    /// The state.
    pub state: BreakerState,
    /// When it began.
    pub start_us: u64,
    /// When it ended: at the next transition, or with the load.
    pub end_us: u64,
}

impl BreakerSpan {
    /// Whether calls are rejected in it.
    pub fn is_open(&self) -> bool {
        matches!(self.state, BreakerState::Open | BreakerState::ForcedOpen)
    }

    /// Its length in microseconds.
    pub fn length_us(&self) -> u64 {
        self.end_us - self.start_us
    }
}

/// The states of one vendor's guard from the load's start to `end_us`, without gaps. A breaker without transitions was
/// CLOSED all the time. Transitions after the load's end (while queues are drained) do not count.
pub fn breaker_spans(events: &[Event], vendor: Vendor, guard: Guard, end_us: u64) -> Vec<BreakerSpan> {
    let mut spans = Vec::new();
    let mut state = None;
    let mut since = 0;
    for event in events.iter().filter(|event| event.vendor == Some(vendor) && event.at_us <= end_us) {
        let EventKind::Transition { guard: which, from, to, .. } = &event.kind else { continue };
        if *which != guard {
            continue;
        }
        let at = event.at_us.max(since);
        if at > since {
            spans.push(BreakerSpan { state: state.unwrap_or(*from), start_us: since, end_us: at });
        }
        state = Some(*to);
        since = at;
    }
    if end_us > since {
        spans.push(BreakerSpan { state: state.unwrap_or(BreakerState::Closed), start_us: since, end_us });
    }
    spans
}

/// Seconds that one vendor's circuit breaker spent in OPEN or FORCED_OPEN, up to `end_us`.
pub fn open_seconds(events: &[Event], vendor: Vendor, end_us: u64) -> f64 {
    let spans = breaker_spans(events, vendor, Guard::CircuitBreaker, end_us);
    let open = spans.iter().filter(|span| span.is_open());
    // Summed as integers: a sum of no floats is -0.0, and would be shown so.
    open.map(BreakerSpan::length_us).sum::<u64>() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transition(at_us: u64, vendor: Vendor, from: BreakerState, to: BreakerState) -> Event {
        let kind = EventKind::Transition { guard: Guard::CircuitBreaker, from, to, cause: String::new(), calls: 5, failures: 5 };
        Event { at_us, vendor: Some(vendor), kind }
    }

    fn dialogue() -> Vec<Event> {
        use BreakerState::{Closed, HalfOpen, Open};
        vec![
            transition(2_000_000, Vendor::Clay, Closed, Open),
            transition(2_500_000, Vendor::CustomerIo, Closed, Open),
            transition(7_000_000, Vendor::Clay, Open, HalfOpen),
            transition(7_250_000, Vendor::Clay, HalfOpen, Open),
            transition(12_250_000, Vendor::Clay, Open, HalfOpen),
            transition(12_500_000, Vendor::Clay, HalfOpen, Closed),
        ]
    }

    #[test]
    fn spans_cover_the_load_without_gaps() {
        let spans = breaker_spans(&dialogue(), Vendor::Clay, Guard::CircuitBreaker, 20_000_000);
        assert_eq!(spans.len(), 6);
        assert_eq!(spans[0], BreakerSpan { state: BreakerState::Closed, start_us: 0, end_us: 2_000_000 });
        assert!(spans.windows(2).all(|pair| pair[0].end_us == pair[1].start_us));
        assert_eq!(spans[5].end_us, 20_000_000);
    }

    #[test]
    fn open_time_ends_with_the_load() {
        assert_eq!(open_seconds(&dialogue(), Vendor::Clay, 20_000_000), 10.0);
        assert_eq!(open_seconds(&dialogue(), Vendor::Clay, 4_000_000), 2.0);
        assert_eq!(open_seconds(&dialogue(), Vendor::CustomerIo, 20_000_000), 17.5);
        let never = open_seconds(&[], Vendor::Clay, 20_000_000);
        assert_eq!((never, never.is_sign_positive()), (0.0, true), "shown as -0.00 s otherwise");
    }

    #[test]
    fn the_credit_budget_is_another_guard() {
        assert_eq!(breaker_spans(&dialogue(), Vendor::Clay, Guard::CreditBudget, 20_000_000).len(), 1);
    }

    #[test]
    fn forced_open_counts_as_open() {
        let events = [transition(1_000_000, Vendor::Clay, BreakerState::Closed, BreakerState::ForcedOpen)];
        assert_eq!(open_seconds(&events, Vendor::Clay, 3_000_000), 2.0);
    }
}
