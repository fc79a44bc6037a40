//! Which stage of the plan and which faults an instant of the load falls into.

use std::time::Duration;

use crate::outcome::{Peer, Vendor};

/// When a fault is planned to be active: from `from`, up to but not at `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultWindow {
    /// Whom it hits; `None` for everyone.
    pub vendor: Option<Vendor>,
    /// Start, since the load began.
    pub from: Duration,
    /// End, since the load began.
    pub to: Duration,
}

/// The plan's stages and faults, as labels of samples need them.
#[derive(Debug, Clone, Default)]
pub(super) struct Timetable {
    stage_ends: Vec<Duration>,
    faults: Vec<FaultWindow>,
}

impl Timetable {
    pub(super) fn new(stage_ends: Vec<Duration>, faults: Vec<FaultWindow>) -> Self {
        Self { stage_ends, faults }
    }

    /// Index of the stage at an instant. A stage's end belongs to the next; what comes after the last belongs to the last,
    /// for it is the tail of that stage's load. Zero-length stages own no instant.
    pub(super) fn phase(&self, at: Duration) -> u16 {
        let passed = self.stage_ends.partition_point(|end| *end <= at);
        u16::try_from(passed.min(self.stage_ends.len().saturating_sub(1))).unwrap_or(u16::MAX)
    }

    /// Whether a fault was active for a vendor at an instant.
    pub(super) fn under_fault(&self, peer: Peer, at: Duration) -> bool {
        self.faults.iter().any(|fault| fault.vendor.is_none_or(|hit| peer == hit) && fault.from <= at && at < fault.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_border_belongs_to_the_stage_that_it_starts() {
        let timetable = Timetable::new(vec![s(10), s(20), s(20), s(30)], vec![]);
        let phases = [0, 9, 10, 19, 20, 29, 30, 99].map(|at| timetable.phase(s(at)));
        assert_eq!(phases, [0, 0, 1, 1, 3, 3, 3, 3]);
        assert_eq!(timetable.phase(s(10) - Duration::from_micros(1)), 0);
        assert_eq!(Timetable::default().phase(s(5)), 0);
    }

    #[test]
    fn a_fault_holds_from_its_start_up_to_its_end_for_its_vendor() {
        let clay = FaultWindow { vendor: Some(Vendor::Clay), from: s(10), to: s(20) };
        let all = FaultWindow { vendor: None, from: s(40), to: s(41) };
        let timetable = Timetable::new(vec![], vec![clay, all]);
        let under = |vendor: Vendor, us| timetable.under_fault(vendor.into(), Duration::from_micros(us));
        assert!(!under(Vendor::Clay, 9_999_999));
        assert!(under(Vendor::Clay, 10_000_000));
        assert!(under(Vendor::Clay, 19_999_999));
        assert!(!under(Vendor::Clay, 20_000_000));
        assert!(!under(Vendor::CustomerIo, 15_000_000));
        assert!(under(Vendor::CustomerIo, 40_500_000));
    }
}
