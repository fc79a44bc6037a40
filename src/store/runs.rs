//! When services ran on a store: how long something has been there is the time in which they ran, not what a clock says.
//!
//! A clock that is a month ahead at one start would make everything look a month older, and what is forgotten by age would be
//! gone for good. So the store keeps the spans in which a service ran, each carried forward by monotonic time, and age is
//! counted in them: a jump of the clock between two spans, or a time in which nothing ran, makes nothing older. What must be
//! kept for a week is kept for a week of running.

use serde::{Deserialize, Serialize};

use crate::resilience::UnixMillis;

/// A span ends when nothing has been noted for longer than this, in milliseconds: a service notes every ten minutes. So a jump
/// between two lives of a service makes things older by this much at most.
const GAP_MS: u64 = 20 * 60_000;
/// Most spans that are kept. Without the oldest ones things look younger than they are, and are kept for longer.
const MOST: usize = 1_000;

/// The spans of the services' clock in which one ran: when each began, and when it was noted last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs(Vec<(UnixMillis, UnixMillis)>);

impl Runs {
    /// Of spans in their order.
    pub fn of(spans: Vec<(UnixMillis, UnixMillis)>) -> Self {
        Self(spans)
    }

    /// The spans in their order.
    pub fn spans(&self) -> &[(UnixMillis, UnixMillis)] {
        &self.0
    }

    /// A service runs at `now`. A clock that shows less than before says nothing new.
    pub fn note(&mut self, now: UnixMillis) {
        match self.0.last_mut() {
            Some((_, last)) if now <= *last => {}
            Some((_, last)) if now - *last <= GAP_MS => *last = now,
            _ => self.0.push((now, now)),
        }
        let spare = self.0.len().saturating_sub(MOST);
        self.0.drain(..spare);
    }

    /// The time since when services have run for `age` milliseconds in all; 0 when they have not yet. Spans that ended before
    /// are not needed any more.
    pub fn since(&mut self, age: u64) -> UnixMillis {
        let mut left = age;
        for at in (0..self.0.len()).rev() {
            let (began, last) = self.0[at];
            match left.checked_sub(last - began) {
                None | Some(0) => {
                    self.0.drain(..at);
                    return last - left;
                }
                Some(more) => left = more,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const DAY: u64 = 1_440 * MINUTE;

    /// Notes every ten minutes from `from` on.
    fn run(runs: &mut Runs, from: u64, lasts: u64) {
        (0..=lasts / MINUTE / 10).for_each(|tick| runs.note(from + tick * 10 * MINUTE));
    }

    #[test]
    fn age_is_the_time_in_which_a_service_ran() {
        let mut runs = Runs::default();
        assert_eq!(runs.since(1), 0, "none ever ran");
        run(&mut runs, DAY, 3 * DAY);
        assert_eq!(runs.since(2 * DAY), 2 * DAY);
        assert_eq!(runs.since(4 * DAY), 0, "it has not run for so long");
        // A restart within minutes is no gap.
        run(&mut runs, 4 * DAY + 15 * MINUTE, DAY);
        assert_eq!(runs.spans().len(), 1);
    }

    #[test]
    fn a_clock_that_jumps_ahead_at_a_start_makes_nothing_older() {
        let mut runs = Runs::default();
        run(&mut runs, DAY, 3 * DAY);
        runs.note(34 * DAY);
        assert_eq!(runs.since(2 * DAY), 2 * DAY, "as before the jump");
        // Neither does a second one, nor one back.
        runs.note(90 * DAY);
        runs.note(5 * DAY);
        assert_eq!(runs.since(2 * DAY), 2 * DAY);
        run(&mut runs, 90 * DAY, DAY);
        assert_eq!(runs.since(2 * DAY), 3 * DAY, "a day of running later");
        run(&mut runs, 91 * DAY, 2 * DAY);
        assert_eq!(runs.since(2 * DAY), 91 * DAY);
        assert_eq!(runs.spans(), [(90 * DAY, 93 * DAY)], "older spans are not needed");
    }

    #[test]
    fn a_service_that_never_runs_for_long_keeps_a_bounded_number_of_spans() {
        let mut runs = Runs::default();
        (0..2_000).for_each(|start| runs.note(start * 30 * MINUTE));
        assert_eq!(runs.spans().len(), MOST);
        assert_eq!(runs.since(1), 0);
    }
}
