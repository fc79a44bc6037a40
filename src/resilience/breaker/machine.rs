//! The states and the transitions, pure: what time it is comes in, what happened comes out.

use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::event::BreakerState;
use crate::resilience::settings::{BreakerMode, BreakerSettings};
use crate::resilience::sliding::Tally;

use super::cause::Cause;
use super::window::Window;
use super::{BreakerMetrics, Rejected};

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    Success {
        elapsed: Duration,
    },
    Failure {
        elapsed: Duration,
    },
    /// It says nothing about the vendor, or it was abandoned.
    Ignored,
}

/// What is worth an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Notice {
    Transition { from: BreakerState, to: BreakerState, cause: Cause, tally: Tally },
    WouldOpen { cause: Cause, tally: Tally },
    Stale { success: bool },
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    Open { until: Instant, cooldown: Duration },
    HalfOpen { until: Instant, under_way: u32, successes: u32 },
    ForcedOpen,
    Disabled,
    MetricsOnly { would_be_open: bool },
}

#[derive(Debug)]
pub(super) struct Machine {
    settings: BreakerSettings,
    state: State,
    /// One more with each transition; a result counts only in the generation of its permit.
    generation: u64,
    window: Window,
    stale: u64,
    rng: ChaCha8Rng,
}

impl Machine {
    pub(super) fn new(settings: BreakerSettings, rng: ChaCha8Rng, now: Instant) -> Self {
        Self { settings, state: State::Closed, generation: 0, window: Window::new(settings.window, now), stale: 0, rng }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::ForcedOpen => BreakerState::ForcedOpen,
            State::Disabled => BreakerState::Disabled,
            State::MetricsOnly { .. } => BreakerState::MetricsOnly,
        }
    }

    pub(super) fn metrics(&mut self, now: Instant) -> BreakerMetrics {
        let Tally { calls, failures, slow } = self.window.tally(now);
        let enough = calls >= self.window.minimum(&self.settings);
        let failure_rate = enough.then(|| f64::from(failures) / f64::from(calls) * 100.0);
        BreakerMetrics { state: self.state(), calls, failures, slow, failure_rate, stale: self.stale }
    }

    /// Gives the generation of the new permit, or says no.
    pub(super) fn acquire(&mut self, now: Instant, notices: &mut Vec<Notice>) -> Result<u64, Rejected> {
        self.end_half_open(now, notices);
        self.end_cooldown(now, notices);
        match &mut self.state {
            State::Closed | State::Disabled | State::MetricsOnly { .. } => Ok(self.generation),
            State::HalfOpen { under_way, .. } if *under_way < self.settings.half_open_permits.max(1) => {
                *under_way += 1;
                Ok(self.generation)
            }
            _ => Err(self.rejection()),
        }
    }

    pub(super) fn would_reject(&self, now: Instant) -> Option<Rejected> {
        let passes = match self.state {
            State::Closed | State::Disabled | State::MetricsOnly { .. } => true,
            State::Open { until, .. } => now >= until,
            // Past its time it becomes open: the call itself finds out.
            State::HalfOpen { until, under_way, .. } => now >= until || under_way < self.settings.half_open_permits.max(1),
            State::ForcedOpen => false,
        };
        (!passes).then(|| self.rejection())
    }

    /// Takes the result of a call that was permitted in `generation`.
    pub(super) fn settle(&mut self, generation: u64, finding: Finding, now: Instant, notices: &mut Vec<Notice>) {
        self.end_half_open(now, notices);
        if generation != self.generation {
            self.take_stale(finding, notices);
            return;
        }
        match self.state {
            State::Closed => self.settle_closed(finding, now, notices),
            State::HalfOpen { .. } => self.settle_probe(finding, now, notices),
            State::MetricsOnly { .. } => self.measure(finding, now, notices),
            State::Disabled => {}
            // No permit is given in these states, and a permit of another state has another generation.
            State::Open { .. } | State::ForcedOpen => {}
        }
    }

    /// What was counted in another mode says nothing in the new one, so the window is emptied; held open, it is kept to be
    /// read.
    pub(super) fn set_mode(&mut self, mode: BreakerMode, notices: &mut Vec<Notice>) {
        if mode != BreakerMode::ForcedOpen {
            self.window.clear();
        }
        let (state, cause) = match mode {
            BreakerMode::InForce => (State::Closed, Cause::Reset),
            BreakerMode::Disabled => (State::Disabled, Cause::Disabled),
            BreakerMode::MetricsOnly => (State::MetricsOnly { would_be_open: false }, Cause::MetricsOnly),
            BreakerMode::ForcedOpen => (State::ForcedOpen, Cause::Forced),
        };
        self.enter(state, cause, Tally::default(), notices);
    }

    fn settle_closed(&mut self, finding: Finding, now: Instant, notices: &mut Vec<Notice>) {
        if let Some(cause) = self.count(finding, now) {
            let tally = self.window.tally(now);
            self.open(now, cause, tally, notices);
        }
    }

    /// Counts, and tells when the limit is reached, once until it is not any more.
    fn measure(&mut self, finding: Finding, now: Instant, notices: &mut Vec<Notice>) {
        if finding == Finding::Ignored {
            return;
        }
        let verdict = self.count(finding, now);
        let State::MetricsOnly { would_be_open } = &mut self.state else { return };
        let told = std::mem::replace(would_be_open, verdict.is_some());
        if let Some(cause) = verdict.filter(|_| !told) {
            let tally = self.window.tally(now);
            notices.push(Notice::WouldOpen { cause, tally });
        }
    }

    /// Takes a result into the window, and says why the breaker must open then, if it must.
    fn count(&mut self, finding: Finding, now: Instant) -> Option<Cause> {
        let (failed, elapsed) = match finding {
            Finding::Success { elapsed } => (false, elapsed),
            Finding::Failure { elapsed } => (true, elapsed),
            Finding::Ignored => return None,
        };
        self.window.record(now, failed, self.is_slow(elapsed));
        self.window.verdict(&self.settings, now)
    }

    fn settle_probe(&mut self, finding: Finding, now: Instant, notices: &mut Vec<Notice>) {
        let threshold = self.settings.success_threshold.max(1);
        let slow = matches!(finding, Finding::Success { elapsed } if self.is_slow(elapsed));
        let State::HalfOpen { under_way, successes, .. } = &mut self.state else { return };
        *under_way = under_way.saturating_sub(1);
        let tally = |successes: u32, failures: u32| Tally { calls: successes + failures, failures, slow: 0 };
        match finding {
            Finding::Ignored => {}
            Finding::Failure { .. } => {
                let tally = tally(*successes, 1);
                self.open(now, Cause::ProbeFailed, tally, notices);
            }
            // A vendor that answers, but as slowly as when it tripped the breaker, has not recovered.
            Finding::Success { elapsed } if slow => {
                let tally = Tally { slow: 1, ..tally(*successes + 1, 0) };
                self.open(now, Cause::ProbeSlow(elapsed), tally, notices);
            }
            Finding::Success { .. } => {
                *successes += 1;
                if *successes >= threshold {
                    let successes = *successes;
                    self.window.clear();
                    self.enter(State::Closed, Cause::Successes(successes), tally(successes, 0), notices);
                }
            }
        }
    }

    /// Half-open for too long without a decision: open, and the cool-down counts from the end of that time.
    fn end_half_open(&mut self, now: Instant, notices: &mut Vec<Notice>) {
        if let State::HalfOpen { until, successes, .. } = self.state
            && now >= until
        {
            let tally = Tally { calls: successes, ..Tally::default() };
            self.open(until, Cause::Undecided(self.settings.half_open_max), tally, notices);
        }
    }

    fn end_cooldown(&mut self, now: Instant, notices: &mut Vec<Notice>) {
        if let State::Open { until, cooldown } = self.state
            && now >= until
        {
            let state = State::HalfOpen { until: now + self.settings.half_open_max, under_way: 0, successes: 0 };
            self.enter(state, Cause::CooldownOver(cooldown), Tally::default(), notices);
        }
    }

    fn open(&mut self, since: Instant, cause: Cause, tally: Tally, notices: &mut Vec<Notice>) {
        let spread = self.settings.cooldown_jitter.clamp(0.0, 1.0);
        let cooldown = match spread > 0.0 {
            true => self.settings.cooldown.mul_f64(1.0 + spread * self.rng.random::<f64>()),
            false => self.settings.cooldown,
        };
        // The window stays as it was, to be read; nothing is recorded before it is cleared by closing.
        self.enter(State::Open { until: since + cooldown, cooldown }, cause, tally, notices);
    }

    fn enter(&mut self, state: State, cause: Cause, tally: Tally, notices: &mut Vec<Notice>) {
        let from = self.state();
        self.state = state;
        self.generation += 1;
        let to = self.state();
        if from != to {
            notices.push(Notice::Transition { from, to, cause, tally });
        }
    }

    /// While open or out of force, late results are only counted: the calls that were under way when it tripped are expected
    /// to fail, and an event for each would bury the one that matters.
    fn take_stale(&mut self, finding: Finding, notices: &mut Vec<Notice>) {
        let success = match finding {
            Finding::Success { .. } => true,
            Finding::Failure { .. } => false,
            Finding::Ignored => return,
        };
        self.stale += 1;
        if matches!(self.state, State::Closed | State::HalfOpen { .. }) {
            notices.push(Notice::Stale { success });
        }
    }

    fn rejection(&self) -> Rejected {
        let retry_at = match self.state {
            State::Open { until, .. } => Some(until),
            _ => None,
        };
        Rejected { state: self.state(), retry_at }
    }

    fn is_slow(&self, elapsed: Duration) -> bool {
        self.settings.slow_call.is_some_and(|limit| elapsed > limit)
    }
}
