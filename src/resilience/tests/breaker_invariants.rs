//! What holds for a breaker whatever happens to it, in whatever order.

use proptest::prelude::*;

use crate::resilience::breaker::{Breaker, Permit};

use super::*;

#[derive(Debug, Clone, Copy)]
enum Act {
    Acquire,
    /// Settles one of the permits that are out: with a success, a failure, as excluded, or by dropping it.
    Settle {
        which: usize,
        how: u8,
    },
    Pass {
        ms: u64,
    },
    ForceOpen,
    Reset,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => Just(Act::Acquire),
        8 => (any::<usize>(), 0_u8..4).prop_map(|(which, how)| Act::Settle { which, how }),
        3 => (0_u64..4_000).prop_map(|ms| Act::Pass { ms }),
        1 => Just(Act::ForceOpen),
        1 => Just(Act::Reset),
    ];
    prop::collection::vec(act, 1..200)
}

fn windows() -> impl Strategy<Value = Window> {
    prop_oneof![Just(Window::Consecutive), Just(Window::Count), Just(Window::Time),]
}

proptest! {
    #[test]
    fn probes_are_bounded_transitions_are_legal_and_open_means_nothing_passes(
        acts in acts(), window in windows(), permits in 1_u32..4,
    ) {
        let (failures, calls, span) = (3, 6, Duration::from_secs(10));
        let half_open_max = Duration::from_secs(12);
        let settings =
            BreakerSettings { window, failures, calls, span, half_open_permits: permits, half_open_max, ..table() };
        let start = Instant::now();
        let log = Arc::new(Log::default());
        let breaker = Breaker::new(settings, Seed(1).stream("breaker"), emitter(start, &log), start);
        let mut now = start;
        // Each with the number of transitions at the time that it was given.
        let mut out: Vec<(Permit<'_>, usize)> = Vec::new();
        for act in acts {
            match act {
                Act::Acquire => {
                    let expected = breaker.would_reject(now);
                    if let Ok(permit) = breaker.try_acquire(now) {
                        prop_assert_eq!(expected, None);
                        prop_assert!(matches!(breaker.state(), BreakerState::Closed | BreakerState::HalfOpen));
                        out.push((permit, log.entered(Guard::CircuitBreaker).len()));
                    }
                }
                Act::Settle { which, how } if !out.is_empty() => {
                    let (permit, _) = out.swap_remove(which % out.len());
                    match how {
                        0 => permit.success(now, Duration::ZERO),
                        1 => permit.failure(now, Duration::ZERO),
                        2 => permit.ignore(now),
                        _ => drop(permit),
                    }
                }
                Act::Settle { .. } => {}
                Act::Pass { ms } => now += Duration::from_millis(ms),
                Act::ForceOpen => breaker.set_mode(BreakerMode::ForcedOpen, now),
                Act::Reset => breaker.set_mode(BreakerMode::InForce, now),
            }
            let transitions = log.entered(Guard::CircuitBreaker).len();
            let probes = out.iter().filter(|(_, given)| *given == transitions).count();
            if breaker.state() == BreakerState::HalfOpen {
                prop_assert!(probes <= permits as usize, "{} probes in flight", probes);
            }
        }
        check_transitions(&log, &breaker)?;
    }
}

/// Each transition starts where the last one ended, only legal ones happen, and a cool-down is whole. (That of a half-open
/// period without a decision began at the period's end, which may have been noticed later.)
fn check_transitions(log: &Log, breaker: &Breaker) -> Result<(), TestCaseError> {
    use BreakerState::{Closed, ForcedOpen, HalfOpen, Open};
    let mut state = Closed;
    let mut opened = None;
    for event in log.all() {
        let EventKind::Transition { from, to, cause, .. } = &event.kind else { continue };
        prop_assert_eq!(*from, state);
        match (from, to) {
            (Closed, Open) | (HalfOpen, Open | Closed) | (Open | ForcedOpen, Closed) | (_, ForcedOpen) => {}
            (Open, HalfOpen) => {
                prop_assert!(
                    opened.is_none_or(|opened: Duration| Duration::from_micros(event.at_us) >= opened + Duration::from_secs(5))
                );
            }
            illegal => prop_assert!(false, "{:?}", illegal),
        }
        state = *to;
        opened = (!cause.contains("without a decision")).then(|| Duration::from_micros(event.at_us));
    }
    prop_assert_eq!(state, breaker.state());
    Ok(())
}
