//! The breaker against a model of it: whatever is done, in whatever order, both are in the same state and have reported the same.
//!
//! The model keeps every call and counts anew each time, knows nothing of permits but the period that each was given in, and
//! shares no code with the breaker.

use std::fmt;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tokio::runtime::{Builder, Runtime};

use crate::resilience::breaker::{Breaker, Permit};

use super::*;

const COOLDOWN: u64 = 5_000;
const HALF_OPEN_MAX: u64 = 12_000;
const SLOW: u64 = 4_000;
const SPAN: u64 = 10_000;
/// A time window slides in steps of a twentieth.
const STEP: u64 = SPAN / 20;

#[derive(Debug, Clone, Copy)]
enum Result {
    Success { after: u64 },
    Failure,
    Ignored,
    Dropped,
}

#[derive(Debug, Clone)]
enum Act {
    Acquire,
    Settle { which: usize, result: Result },
    Pass { ms: u64 },
    Mode(BreakerMode),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Closed,
    Open { until: u64 },
    HalfOpen { until: u64, out: u32, good: u32 },
    ForcedOpen,
    Disabled,
    MetricsOnly { reported: bool },
}

#[derive(Debug, Clone, Copy)]
struct Call {
    at: u64,
    failed: bool,
    slow: bool,
}

#[derive(Debug, Clone)]
struct Model {
    settings: BreakerSettings,
    now: u64,
    phase: Phase,
    period: u32,
    calls: Vec<Call>,
    /// The period of each permit that is out.
    permits: Vec<u32>,
    granted: bool,
    stale: u64,
    entered: Vec<BreakerState>,
    would_open: usize,
}

impl Model {
    fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
            Phase::ForcedOpen => BreakerState::ForcedOpen,
            Phase::Disabled => BreakerState::Disabled,
            Phase::MetricsOnly { .. } => BreakerState::MetricsOnly,
        }
    }

    fn go(&mut self, phase: Phase) {
        let before = self.state();
        self.phase = phase;
        self.period += 1;
        if self.state() != before {
            self.entered.push(self.state());
        }
    }

    /// The calls in the window, all of them, failed and slow.
    fn tally(&self) -> (u32, u32, u32) {
        let seen: Vec<&Call> = match self.settings.window {
            Window::Consecutive => {
                let run = self.calls.iter().rev().take_while(|call| call.failed || call.slow).count() as u32;
                return (run, run, 0);
            }
            Window::Count => self.calls.iter().rev().take(self.settings.calls as usize).collect(),
            Window::Time => self.calls.iter().filter(|call| call.at / STEP + 20 > self.now / STEP).collect(),
        };
        let count = |which: fn(&&&Call) -> bool| seen.iter().filter(which).count() as u32;
        (seen.len() as u32, count(|call| call.failed), count(|call| call.slow))
    }

    fn must_open(&self) -> bool {
        let (calls, failures, slow) = self.tally();
        match self.settings.window {
            Window::Consecutive => failures >= self.settings.failures,
            _ => calls >= self.settings.minimum_calls && (failures * 2 >= calls || slow * 2 >= calls),
        }
    }

    fn lapse(&mut self) {
        if let Phase::HalfOpen { until, .. } = self.phase
            && self.now >= until
        {
            self.go(Phase::Open { until: until + COOLDOWN });
        }
    }

    fn acquire(&mut self) {
        self.lapse();
        if let Phase::Open { until } = self.phase
            && self.now >= until
        {
            self.go(Phase::HalfOpen { until: self.now + HALF_OPEN_MAX, out: 0, good: 0 });
        }
        self.granted = match &mut self.phase {
            Phase::Open { .. } | Phase::ForcedOpen => false,
            Phase::HalfOpen { out, .. } if *out >= self.settings.half_open_permits => false,
            Phase::HalfOpen { out, .. } => {
                *out += 1;
                true
            }
            Phase::Closed | Phase::Disabled | Phase::MetricsOnly { .. } => true,
        };
        if self.granted {
            self.permits.push(self.period);
        }
    }

    fn settle(&mut self, period: u32, result: Result) {
        self.lapse();
        let (failed, slow) = match result {
            Result::Ignored | Result::Dropped => {
                if let Phase::HalfOpen { out, .. } = &mut self.phase
                    && period == self.period
                {
                    *out -= 1;
                }
                return;
            }
            Result::Success { after } => (false, after > SLOW),
            Result::Failure => (true, false),
        };
        if period != self.period {
            self.stale += 1;
            return;
        }
        let call = Call { at: self.now, failed, slow };
        match &mut self.phase {
            Phase::Closed => {
                self.calls.push(call);
                if self.must_open() {
                    self.go(Phase::Open { until: self.now + COOLDOWN });
                }
            }
            Phase::MetricsOnly { .. } => {
                self.calls.push(call);
                let must = self.must_open();
                let Phase::MetricsOnly { reported } = &mut self.phase else { return };
                self.would_open += usize::from(must && !*reported);
                *reported = must;
            }
            Phase::HalfOpen { out, good, .. } => {
                *out -= 1;
                *good += 1;
                let enough = *good >= self.settings.success_threshold;
                if failed || slow {
                    self.go(Phase::Open { until: self.now + COOLDOWN });
                } else if enough {
                    self.calls.clear();
                    self.go(Phase::Closed);
                }
            }
            Phase::Open { .. } | Phase::ForcedOpen | Phase::Disabled => {}
        }
    }

    fn set_mode(&mut self, mode: BreakerMode) {
        if mode != BreakerMode::ForcedOpen {
            self.calls.clear();
        }
        self.go(match mode {
            BreakerMode::InForce => Phase::Closed,
            BreakerMode::Disabled => Phase::Disabled,
            BreakerMode::MetricsOnly => Phase::MetricsOnly { reported: false },
            BreakerMode::ForcedOpen => Phase::ForcedOpen,
        });
    }
}

struct Reference;

impl ReferenceStateMachine for Reference {
    type State = Model;
    type Transition = Act;

    fn init_state() -> BoxedStrategy<Model> {
        let window = prop_oneof![Just(Window::Consecutive), Just(Window::Count), Just(Window::Time),];
        (window, 1_u32..4, 1_u32..4)
            .prop_map(|(window, half_open_permits, success_threshold)| Model {
                settings: BreakerSettings {
                    window,
                    failures: 3,
                    calls: 6,
                    span: Duration::from_millis(SPAN),
                    half_open_permits,
                    success_threshold,
                    slow_call: Some(Duration::from_millis(SLOW)),
                    half_open_max: Duration::from_millis(HALF_OPEN_MAX),
                    ..table()
                },
                now: 0,
                phase: Phase::Closed,
                period: 0,
                calls: Vec::new(),
                permits: Vec::new(),
                granted: false,
                stale: 0,
                entered: Vec::new(),
                would_open: 0,
            })
            .boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Act> {
        let result = prop_oneof![
            4 => Just(Result::Success { after: 1 }),
            1 => Just(Result::Success { after: SLOW + 1 }),
            4 => Just(Result::Failure),
            1 => Just(Result::Ignored),
            1 => Just(Result::Dropped),
        ];
        let mode = prop_oneof![
            2 => Just(BreakerMode::InForce),
            1 => Just(BreakerMode::Disabled),
            1 => Just(BreakerMode::MetricsOnly),
            1 => Just(BreakerMode::ForcedOpen),
        ];
        prop_oneof![
            16 => Just(Act::Acquire),
            16 => (any::<usize>(), result).prop_map(|(which, result)| Act::Settle { which, result }),
            5 => (0_u64..4_000).prop_map(|ms| Act::Pass { ms }),
            1 => mode.prop_map(Act::Mode),
        ]
        .boxed()
    }

    fn preconditions(model: &Model, act: &Act) -> bool {
        !matches!(act, Act::Settle { .. } if model.permits.is_empty())
    }

    fn apply(mut model: Model, act: &Act) -> Model {
        match *act {
            Act::Acquire => model.acquire(),
            Act::Settle { which, result } => {
                let period = model.permits.swap_remove(which % model.permits.len());
                model.settle(period, result);
            }
            Act::Pass { ms } => model.now += ms,
            Act::Mode(mode) => model.set_mode(mode),
        }
        model
    }
}

/// The breaker on a clock that stands still unless reported otherwise.
struct Tested {
    time: Runtime,
    breaker: &'static Breaker,
    permits: Vec<Permit<'static>>,
    log: Arc<Log>,
}

impl fmt::Debug for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.breaker.fmt(f)
    }
}

impl StateMachineTest for Tested {
    type SystemUnderTest = Self;
    type Reference = Reference;

    fn init_test(model: &Model) -> Self {
        let time = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let log = Arc::new(Log::default());
        let breaker = time.block_on(async {
            let start = Instant::now();
            Breaker::new(model.settings, Seed(1).stream("breaker"), emitter(start, &log), start)
        });
        // Permits borrow their breaker; a test of a few hundred may leave as many behind.
        Self { time, breaker: Box::leak(Box::new(breaker)), permits: Vec::new(), log }
    }

    fn apply(mut tested: Self, model: &Model, act: Act) -> Self {
        let entered = tested.time.enter();
        let now = Instant::now();
        match act {
            Act::Acquire => {
                let foreseen = tested.breaker.would_reject(now).is_none();
                let permit = tested.breaker.try_acquire(now);
                assert_eq!(permit.is_ok(), model.granted, "{:?}", model.phase);
                // Of a half-open period that is over, only the call itself finds out that it was.
                assert!(foreseen || permit.is_err(), "a rejection was foreseen");
                tested.permits.extend(permit);
            }
            Act::Settle { which, result } => {
                let permit = tested.permits.swap_remove(which % tested.permits.len());
                match result {
                    Result::Success { after } => permit.success(now, Duration::from_millis(after)),
                    Result::Failure => permit.failure(now, Duration::ZERO),
                    Result::Ignored => permit.ignore(now),
                    Result::Dropped => drop(permit),
                }
            }
            Act::Pass { ms } => {
                drop(entered);
                tested.time.block_on(tokio::time::advance(Duration::from_millis(ms)));
            }
            Act::Mode(mode) => tested.breaker.set_mode(mode, now),
        }
        tested
    }

    fn check_invariants(tested: &Self, model: &Model) {
        let _entered = tested.time.enter();
        assert_eq!(tested.breaker.state(), model.state());
        assert_eq!(tested.log.entered(Guard::CircuitBreaker), model.entered);
        let metrics = tested.breaker.metrics(Instant::now());
        assert_eq!((metrics.calls, metrics.failures, metrics.slow), model.tally(), "{:?}", model.calls);
        assert_eq!(metrics.stale, model.stale);
        let reported = tested.log.all().iter().filter(|event| matches!(event.kind, EventKind::WouldOpen { .. })).count();
        assert_eq!(reported, model.would_open);
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_breaker_does_what_its_model_does(sequential 1..120 => Tested);
}
