//! Pacing: what failed before is tried again one at a time, and does not hold up what never failed.
//!
//! After an outage the queue is full of entries that failed in it. Sent together they are the next outage; sent at a pace by
//! workers that all wait for their turns, they hold up every fresh operation behind them. So one worker at most waits for
//! the next turn; entries that would have to wait longer are put off to turns of their own, and their workers go on.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The turns of entries that failed before.
#[derive(Debug)]
pub(super) struct Pacer {
    pause: Duration,
    turns: Mutex<Turns>,
}

#[derive(Debug)]
struct Turns {
    /// When the next entry may go.
    next: Instant,
    /// When the next entry that is put off comes back.
    put_off: Instant,
    /// A worker waits for `next`.
    awaited: bool,
}

/// When an entry that failed before may be tried.
#[derive(Debug)]
pub(super) enum Turn<'a> {
    /// At `at`, which is soon: wait until then and go. Dropping it before frees the turn.
    Soon {
        at: Instant,
        /// Hold it until the turn has come.
        waiting: Waiting<'a>,
    },
    /// Release it until this time.
    PutOff(Instant),
}

/// The one worker that waits for the next turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Pacer);

impl Pacer {
    /// Turns that are `pause` apart.
    pub(super) fn new(pause: Duration, now: Instant) -> Self {
        Self { pause, turns: Mutex::new(Turns { next: now, put_off: now, awaited: false }) }
    }

    /// Asks for a turn.
    pub(super) fn turn(&self, now: Instant) -> Turn<'_> {
        let mut turns = self.turns.lock();
        if turns.awaited {
            // Behind the worker that waits, and behind the entries that were put off before.
            let at = turns.put_off.max(turns.next + self.pause);
            turns.put_off = at + self.pause;
            return Turn::PutOff(at);
        }
        turns.awaited = true;
        Turn::Soon { at: turns.next.max(now), waiting: Waiting(self) }
    }
}

impl Waiting<'_> {
    /// The turn has come: the next one is a pause later.
    pub(super) fn go(self, now: Instant) {
        self.0.turns.lock().next = now + self.0.pause;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.turns.lock().awaited = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(200);

    fn soon<'a>(pacer: &'a Pacer, now: Instant) -> (Instant, Waiting<'a>) {
        match pacer.turn(now) {
            Turn::Soon { at, waiting } => (at, waiting),
            Turn::PutOff(at) => panic!("put off for {:?}", at.saturating_duration_since(now)),
        }
    }

    #[test]
    fn one_after_the_other_they_go_a_pause_apart() {
        let start = Instant::now();
        let pacer = Pacer::new(PAUSE, start);
        for expected in [start, start + PAUSE, start + 2 * PAUSE] {
            let (at, waiting) = soon(&pacer, start);
            assert_eq!(at, expected);
            waiting.go(at);
        }
        assert_eq!(soon(&pacer, start + 10 * PAUSE).0, start + 10 * PAUSE, "lost turns are not made up for");
    }

    #[test]
    fn one_waits_and_the_others_come_back_one_pause_apart() {
        let start = Instant::now();
        let pacer = Pacer::new(PAUSE, start);
        let (_, waiting) = soon(&pacer, start);
        let put_off: Vec<Instant> = (0..3)
            .map(|_| match pacer.turn(start) {
                Turn::PutOff(at) => at,
                Turn::Soon { .. } => panic!("two wait at once"),
            })
            .collect();
        assert_eq!(put_off, [start + PAUSE, start + 2 * PAUSE, start + 3 * PAUSE]);
        waiting.go(start);
        assert_eq!(soon(&pacer, start + PAUSE).0, start + PAUSE, "the first of them finds its turn free");
    }

    #[test]
    fn a_wait_that_is_given_up_frees_the_turn() {
        let start = Instant::now();
        let pacer = Pacer::new(PAUSE, start);
        drop(soon(&pacer, start));
        assert_eq!(soon(&pacer, start).0, start);
    }
}
