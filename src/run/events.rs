//! Collects the events of a run.

use std::sync::{Mutex, PoisonError};

use crate::event::{Event, EventKind, EventSink};

/// Most events that are kept: a breaker that flaps every second for an hour stays far below.
const KEPT: usize = 20_000;

/// The events so far. Beyond a bound they are counted only, so that memory cannot grow with a misbehaving run.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    left_out: u64,
    /// Of the events, those that [`EventLog::fresh`] has given.
    given: usize,
}

impl EventLog {
    /// Calls `read` with the events so far.
    pub(super) fn with<T>(&self, read: impl FnOnce(&[Event]) -> T) -> T {
        read(&self.state.lock().unwrap_or_else(PoisonError::into_inner).events)
    }

    /// The events since the last call.
    pub(super) fn fresh(&self) -> Vec<Event> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let given = state.events.len();
        let from = std::mem::replace(&mut state.given, given);
        state.events[from..].to_vec()
    }

    /// The events in order of time, and how many were left out. Of those at one instant, faults come before what they cause.
    pub(super) fn take(&self) -> (Vec<Event>, u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut events = std::mem::take(&mut state.events);
        events.sort_by_key(|event| (event.at_us, !matches!(event.kind, EventKind::Fault { .. })));
        (events, state.left_out)
    }
}

impl EventSink for EventLog {
    fn emit(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.events.len() < KEPT {
            state.events.push(event);
        } else {
            state.left_out += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_events_at_one_instant_the_cause_comes_first() {
        let log = EventLog::default();
        let outage = |active| EventKind::Fault { name: "outage".to_owned(), active };
        for (at_us, kind) in [(7, EventKind::CreditsReset), (7, outage(true)), (3, EventKind::CreditsReset), (7, outage(false))] {
            log.emit(Event { at_us, vendor: None, kind });
        }
        let kinds = log.take().0.into_iter().map(|event| event.kind).collect::<Vec<_>>();
        assert_eq!(kinds, [EventKind::CreditsReset, outage(true), outage(false), EventKind::CreditsReset]);
    }

    #[test]
    fn events_are_bounded_and_what_is_left_out_is_counted() {
        let log = EventLog::default();
        for at_us in (0..KEPT as u64 + 5).rev() {
            log.emit(Event { at_us, vendor: None, kind: EventKind::CreditsReset });
        }
        assert_eq!((log.fresh().len(), log.fresh().len()), (KEPT, 0));
        let (events, left_out) = log.take();
        assert_eq!((events.len(), left_out), (KEPT, 5));
        assert!(events.is_sorted_by_key(|event| event.at_us));
    }
}
