//! The states and the transitions, pure: what time it is comes in, what happened comes out.

use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::event::{BreakerState, EventKind, Guard};
use crate::resilience::settings::{BreakerMode, BreakerSettings};
use crate::resilience::sliding::Tally;

use super::cause::Cause;
use super::window::Window;

/// The breaker rejected a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is {}", state.as_str())]
pub struct Rejected {
    /// The breaker's state.
    pub state: BreakerState,
    /// When the cool-down is over; `None` when no time is set (probes in flight, held open by hand).
    pub retry_at: Option<Instant>,
}

/// The breaker's state and counts, read without changing anything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerMetrics {
    /// The state.
    pub state: BreakerState,
    /// Calls in the window.
    pub calls: u32,
    /// Failures among them.
    pub failures: u32,
    /// Slow calls among them.
    pub slow: u32,
    /// Failures in percent; `None` below the minimum of calls.
    pub failure_rate: Option<f64>,
    /// Results that came back from before a transition and were ignored.
    pub stale: u64,
}

/// The result of a call, as the breaker counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::resilience) enum CallResult {
    Success {
        elapsed: Duration,
    },
    Failure {
        elapsed: Duration,
    },
    /// It is no evidence about the vendor, or it was abandoned.
    Ignored,
}

/// What is worth an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::resilience) enum Notice {
    Transition { from: BreakerState, to: BreakerState, cause: Cause, tally: Tally },
    WouldOpen { cause: Cause, tally: Tally },
    Stale { success: bool },
}

impl Notice {
    /// What it is called in the events of `guard`.
    pub(in crate::resilience) fn event(self, guard: Guard) -> EventKind {
        match self {
            Self::Transition { from, to, cause, tally: Tally { calls, failures, .. } } => {
                let cause = match (guard, cause) {
                    (Guard::CreditBudget, Cause::ProbeFailed) => "the lead that tried it failed".to_owned(),
                    (_, cause) => cause.to_string(),
                };
                EventKind::Transition { guard, from, to, cause, calls, failures }
            }
            Self::WouldOpen { cause, tally: Tally { calls, failures, .. } } => {
                EventKind::WouldOpen { cause: cause.to_string(), calls, failures }
            }
            Self::Stale { success } => EventKind::StaleResult { success },
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    Open { until: Instant, cooldown: Duration },
    HalfOpen { until: Instant, in_flight: u32, successes: u32 },
    ForcedOpen,
    Disabled,
    MetricsOnly { would_be_open: bool },
}

#[derive(Debug)]
pub(in crate::resilience) struct Machine {
    settings: BreakerSettings,
    state: State,
    /// One more with each transition; a result counts only in the generation of its permit.
    generation: u64,
    window: Window,
    stale: u64,
    rng: ChaCha8Rng,
}

impl Machine {
    pub(in crate::resilience) fn new(settings: BreakerSettings, rng: ChaCha8Rng, now: Instant) -> Self {
        Self { settings, state: State::Closed, generation: 0, window: Window::new(&settings, now), stale: 0, rng }
    }

    pub(in crate::resilience) fn state(&self) -> BreakerState {
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
    pub(in crate::resilience) fn acquire(&mut self, now: Instant, notices: &mut Vec<Notice>) -> Result<u64, Rejected> {
        self.end_half_open(now, notices);
        self.end_cooldown(now, notices);
        match &mut self.state {
            State::Closed | State::Disabled | State::MetricsOnly { .. } => Ok(self.generation),
            State::HalfOpen { in_flight, .. } if *in_flight < self.settings.half_open_permits.max(1) => {
                *in_flight += 1;
                Ok(self.generation)
            }
            _ => Err(self.rejection()),
        }
    }

    pub(in crate::resilience) fn would_reject(&self, now: Instant) -> Option<Rejected> {
        let passes = match self.state {
            State::Closed | State::Disabled | State::MetricsOnly { .. } => true,
            State::Open { until, .. } => now >= until,
            // Past its time it becomes open: the call itself finds out.
            State::HalfOpen { until, in_flight, .. } => now >= until || in_flight < self.settings.half_open_permits.max(1),
            State::ForcedOpen => false,
        };
        (!passes).then(|| self.rejection())
    }

    /// Takes the result of a call that was permitted in `generation`.
    pub(in crate::resilience) fn settle(&mut self, generation: u64, result: CallResult, now: Instant, notices: &mut Vec<Notice>) {
        self.end_half_open(now, notices);
        if generation != self.generation {
            self.take_stale(result, notices);
            return;
        }
        match self.state {
            State::Closed => self.settle_closed(result, now, notices),
            State::HalfOpen { .. } => self.settle_probe(result, now, notices),
            State::MetricsOnly { .. } => self.measure(result, now, notices),
            State::Disabled => {}
            // No permit is given in these states, and a permit of another state has another generation.
            State::Open { .. } | State::ForcedOpen => {}
        }
    }

    /// What was counted in another mode says nothing in the new one, so the window is emptied; held open, it is kept to be
    /// read.
    pub(in crate::resilience) fn set_mode(&mut self, mode: BreakerMode, notices: &mut Vec<Notice>) {
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

    fn settle_closed(&mut self, result: CallResult, now: Instant, notices: &mut Vec<Notice>) {
        if let Some(cause) = self.count(result, now) {
            let tally = self.window.tally(now);
            self.open(now, cause, tally, notices);
        }
    }

    /// Counts, and reports each time that the limit is newly reached.
    fn measure(&mut self, result: CallResult, now: Instant, notices: &mut Vec<Notice>) {
        if result == CallResult::Ignored {
            return;
        }
        let verdict = self.count(result, now);
        let State::MetricsOnly { would_be_open } = &mut self.state else { return };
        let reported = std::mem::replace(would_be_open, verdict.is_some());
        if let Some(cause) = verdict.filter(|_| !reported) {
            let tally = self.window.tally(now);
            notices.push(Notice::WouldOpen { cause, tally });
        }
    }

    /// Takes a result into the window, and says why the breaker must open then, if it must.
    fn count(&mut self, result: CallResult, now: Instant) -> Option<Cause> {
        let (failed, elapsed) = match result {
            CallResult::Success { elapsed } => (false, elapsed),
            CallResult::Failure { elapsed } => (true, elapsed),
            CallResult::Ignored => return None,
        };
        self.window.record(now, failed, self.is_slow(elapsed));
        self.window.verdict(&self.settings, now)
    }

    fn settle_probe(&mut self, result: CallResult, now: Instant, notices: &mut Vec<Notice>) {
        let threshold = self.settings.success_threshold.max(1);
        let slow = matches!(result, CallResult::Success { elapsed } if self.is_slow(elapsed));
        let State::HalfOpen { in_flight, successes, .. } = &mut self.state else { return };
        *in_flight = in_flight.saturating_sub(1);
        let tally = |successes: u32, failures: u32| Tally { calls: successes + failures, failures, slow: 0 };
        match result {
            CallResult::Ignored => {}
            CallResult::Failure { .. } => {
                let tally = tally(*successes, 1);
                self.open(now, Cause::ProbeFailed, tally, notices);
            }
            // A vendor that answers, but as slowly as when it tripped the breaker, has not recovered.
            CallResult::Success { elapsed } if slow => {
                let tally = Tally { slow: 1, ..tally(*successes + 1, 0) };
                self.open(now, Cause::ProbeSlow(elapsed), tally, notices);
            }
            CallResult::Success { .. } => {
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
            let state = State::HalfOpen { until: now + self.settings.half_open_max, in_flight: 0, successes: 0 };
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

    /// While open or out of force, late results are only counted: the calls that were in flight when it tripped are expected
    /// to fail, and an event for each would bury the one that matters.
    fn take_stale(&mut self, result: CallResult, notices: &mut Vec<Notice>) {
        let success = match result {
            CallResult::Success { .. } => true,
            CallResult::Failure { .. } => false,
            CallResult::Ignored => return,
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
