//! Suspensions of the machine and steps of its wall clock: the clock that measures the load stands still in the one and does not
//! notice the other.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The machine's clocks at one instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// Stands still while the machine is suspended.
    running: Duration,
    /// Goes on while the machine is suspended.
    elapsed: Duration,
    /// Is set by people and programs.
    wall: Duration,
}

impl Clocks {
    pub(super) fn read() -> Self {
        Self { running: read(ClockId::Monotonic), elapsed: read(WITH_SUSPENSIONS), wall: read(ClockId::Realtime) }
    }

    /// For how long the machine was suspended since `earlier`.
    pub(super) fn suspended_since(&self, earlier: &Self) -> Duration {
        (self.elapsed - earlier.elapsed).saturating_sub(self.running - earlier.running)
    }

    /// How far the wall clock was set since `earlier`, forwards or back. A virtual machine that was paused from outside finds its
    /// own pause here, where its wall clock is set right afterwards.
    pub(super) fn step_since(&self, earlier: &Self) -> Duration {
        (self.wall + earlier.elapsed).abs_diff(earlier.wall + self.elapsed)
    }
}

#[cfg(target_os = "linux")]
const WITH_SUSPENSIONS: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const WITH_SUSPENSIONS: ClockId = ClockId::Monotonic;

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(running: u64, elapsed: u64, wall: u64) -> Clocks {
        let ms = Duration::from_millis;
        Clocks { running: ms(running), elapsed: ms(elapsed), wall: ms(wall) }
    }

    #[test]
    fn a_suspension_and_a_step_of_the_wall_clock_are_told_apart() {
        let ms = Duration::from_millis;
        let begin = at(1_000, 1_000, 500_000);
        for (now, suspended, step) in [
            (at(2_000, 2_000, 501_000), 0, 0),
            (at(2_000, 10_000, 509_000), 8_000, 0),
            (at(2_000, 2_000, 504_000), 0, 3_000),
            (at(2_000, 2_000, 401_000), 0, 100_000),
            (at(2_000, 3_000, 499_000), 1_000, 3_000),
        ] {
            assert_eq!((now.suspended_since(&begin), now.step_since(&begin)), (ms(suspended), ms(step)), "{now:?}");
        }
    }

    #[test]
    fn the_clocks_of_this_machine_can_be_read() {
        let (begin, end) = (Clocks::read(), Clocks::read());
        assert!(end.running >= begin.running && end.elapsed >= begin.elapsed && end.wall > Duration::from_secs(1_600_000_000));
    }
}
