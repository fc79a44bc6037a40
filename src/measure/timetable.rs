//! Which stage of the plan an instant of the load falls into, and which requests a fault overlaps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::outcome::{Peer, Vendor};
use crate::units::micros;

/// When a fault is in force, and for which requests: from `from` up to `end`.
#[derive(Debug, Clone)]
pub struct FaultWindow {
    /// Whom it hits; `None` for everyone.
    pub vendor: Option<Vendor>,
    /// The routes that it hits, by name; empty for all.
    pub routes: Vec<String>,
    /// Start, in microseconds since the load began.
    pub from_us: u64,
    /// End, since the load began.
    pub end: FaultEnd,
}

/// When a fault ends: a bound of that, until it is known.
#[derive(Debug, Clone)]
pub struct FaultEnd(Arc<AtomicU64>);

impl FaultEnd {
    /// At this time since the load began, unless it is set to another.
    pub fn at(end: Duration) -> Self {
        Self(Arc::new(AtomicU64::new(micros(end))))
    }

    /// It has ended.
    pub fn set(&self, end: Duration) {
        self.0.store(micros(end), Ordering::Release);
    }
}

impl FaultWindow {
    /// Whether it can hit what calls these routes: any fault, where it is the user's own service that calls the vendors.
    pub(super) fn concerns(&self, peer: Peer, routes: &[(Vendor, &str)]) -> bool {
        let hits = |(vendor, route): &(Vendor, &str)| {
            self.vendor.is_none_or(|hit| hit == *vendor) && (self.routes.is_empty() || self.routes.iter().any(|hit| hit == route))
        };
        peer == Peer::Service || routes.iter().any(hits)
    }

    /// Whether any part of what was sent and done at these times lies in it.
    pub(super) fn overlaps(&self, sent_us: u64, done_us: u64) -> bool {
        self.from_us <= done_us && sent_us < self.end.0.load(Ordering::Acquire)
    }
}

/// The plan's stages, as labels of samples need them.
#[derive(Debug, Clone, Default)]
pub(super) struct Timetable {
    stage_ends_us: Vec<u64>,
}

impl Timetable {
    pub(super) fn new(stage_ends: Vec<Duration>) -> Self {
        Self { stage_ends_us: stage_ends.into_iter().map(micros).collect() }
    }

    /// Index of the stage at an instant, in microseconds since the load began. A stage's end belongs to the next; what comes after the last belongs to the last,
    /// for it is the tail of that stage's load. Zero-length stages own no instant.
    pub(super) fn phase(&self, at_us: u64) -> u16 {
        let passed = self.stage_ends_us.partition_point(|end| *end <= at_us);
        u16::try_from(passed.min(self.stage_ends_us.len().saturating_sub(1))).unwrap_or(u16::MAX)
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
        let timetable = Timetable::new(vec![s(10), s(20), s(20), s(30)]);
        let phases = [0, 9, 10, 19, 20, 29, 30, 99].map(|at| timetable.phase(at * 1_000_000));
        assert_eq!(phases, [0, 0, 1, 1, 3, 3, 3, 3]);
        assert_eq!(timetable.phase(9_999_999), 0);
        assert_eq!(Timetable::default().phase(5_000_000), 0);
    }

    #[test]
    fn a_request_is_under_a_fault_that_any_part_of_it_overlaps() {
        let fault = FaultWindow { vendor: None, routes: Vec::new(), from_us: 10_000_000, end: FaultEnd::at(s(99)) };
        let under = |sent: u64, done: u64| fault.overlaps(sent * 1_000_000, done * 1_000_000);
        assert!(under(30, 31), "its end is not known yet");
        fault.end.set(s(20));
        assert!(!under(5, 9));
        assert!(under(5, 10), "cut at its start");
        assert!(under(5, 30));
        assert!(under(15, 16));
        assert!(under(19, 40), "an answer that is held back comes after its end");
        assert!(!under(20, 21));
    }

    #[test]
    fn a_fault_concerns_its_vendor_and_its_routes_and_whatever_a_service_does() {
        let fault = |vendor, routes: &[&str]| {
            let routes = routes.iter().map(|route| (*route).to_owned()).collect();
            FaultWindow { vendor, routes, from_us: 0, end: FaultEnd::at(s(1)) }
        };
        let [clay, track] = [(Vendor::Clay, "clay.webhook"), (Vendor::CustomerIo, "customer_io.track")];
        let concerns = |fault: FaultWindow, routes: &[(Vendor, &str)]| fault.concerns(Vendor::Clay.into(), routes);
        assert!(concerns(fault(None, &[]), &[clay]));
        assert!(concerns(fault(Some(Vendor::Clay), &[]), &[clay]));
        assert!(!concerns(fault(Some(Vendor::CustomerIo), &[]), &[clay]));
        assert!(concerns(fault(Some(Vendor::CustomerIo), &[]), &[clay, track]), "a journey that calls both");
        assert!(!concerns(fault(Some(Vendor::CustomerIo), &["customer_io.identify"]), &[clay, track]));
        assert!(concerns(fault(None, &["customer_io.track"]), &[track]));
        assert!(fault(Some(Vendor::Clay), &["clay.webhook"]).concerns(Peer::Service, &[]));
    }
}
