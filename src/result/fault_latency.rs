//! How long requests took before a fault and under it, from the merged histograms of the fault's vendor and window.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::fault::FaultRecord;
use crate::measure::{DIGITS, LoggedInterval, SampleKind};
use crate::outcome::Peer;

/// How long before a fault its requests are compared with those under it, in microseconds.
pub const BEFORE_US: u64 = 10_000_000;

/// The requests to one peer before a fault and under it.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultLatency {
    /// The index of the fault.
    pub fault: usize,
    /// Who answered: the fault's vendor, or the service that calls it.
    pub peer: Peer,
    /// Those that were done in the seconds of the [`BEFORE_US`] before it, under no fault.
    pub before: Histogram<u64>,
    /// Those that it overlapped.
    pub under: Histogram<u64>,
    /// How many of these failed: a refusal is quick, and says nothing about how fast work is done.
    pub failed: u64,
}

/// Collects them from the lines of an interval log.
#[derive(Debug)]
pub struct FaultLatencies<'a> {
    faults: &'a [FaultRecord],
    found: BTreeMap<(usize, Peer), FaultLatency>,
}

impl<'a> FaultLatencies<'a> {
    /// Of these faults.
    pub fn of(faults: &'a [FaultRecord]) -> Self {
        Self { faults, found: BTreeMap::new() }
    }

    /// Takes a line.
    ///
    /// # Panics
    /// Never: a resizing histogram takes every value.
    pub fn add(&mut self, line: &LoggedInterval) {
        if line.labels.kind != SampleKind::Attempt {
            return;
        }
        let (start_us, end_us) = (line.start_us, line.start_us + line.length_us);
        let peer = line.labels.vendor;
        let began = |fault: &FaultRecord| fault.started_us.filter(|_| fault.hits(peer, &line.labels.name));
        if line.labels.under_fault {
            for index in self.causes(start_us, end_us, &began) {
                let latency = self.latency(index, peer);
                latency.under.add(&line.histogram).expect("a resizing histogram takes any value");
                latency.failed += if line.labels.failure.is_some() { line.histogram.len() } else { 0 };
            }
            return;
        }
        for (index, fault) in self.faults.iter().enumerate() {
            let is_before = |began: u64| end_us <= began && start_us >= began.saturating_sub(BEFORE_US);
            if began(fault).is_some_and(is_before) {
                self.latency(index, peer).before.add(&line.histogram).expect("a resizing histogram takes any value");
            }
        }
    }

    /// The faults that were in force in a second, or the last one before it: its requests are done when it is over.
    fn causes(&self, start_us: u64, end_us: u64, began: &impl Fn(&FaultRecord) -> Option<u64>) -> Vec<usize> {
        let faults = self.faults.iter().enumerate();
        let began_before_its_end = faults.filter(|(_, fault)| began(fault).is_some_and(|began| began < end_us));
        let ended = |(_, fault): &(usize, &FaultRecord)| fault.ended_us.unwrap_or(u64::MAX);
        let all: Vec<_> = began_before_its_end.collect();
        if all.is_empty() {
            // The labels know the plan, the record when it came to pass: a request at its very start may be a little before that.
            let first = self.faults.iter().enumerate().filter_map(|(index, fault)| Some((began(fault)?, index))).min();
            return first.into_iter().map(|(_, index)| index).collect();
        }
        let latest = all.iter().map(ended).max().unwrap_or_default();
        all.iter().filter(|fault| ended(fault) >= latest.min(start_us)).map(|(index, _)| *index).collect()
    }

    fn latency(&mut self, fault: usize, peer: Peer) -> &mut FaultLatency {
        self.found.entry((fault, peer)).or_insert_with(|| {
            let [before, under] = [0; 2].map(|_| Histogram::new(DIGITS).expect("3 significant digits are valid"));
            FaultLatency { fault, peer, before, under, failed: 0 }
        })
    }

    /// What was collected, in the order of the faults.
    pub fn finish(self) -> Vec<FaultLatency> {
        self.found.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Labels;
    use crate::outcome::{FailureKind, Vendor};
    use crate::result::samples::result;

    fn fault(name: &str, vendor: Vendor, start_s: u64, end_s: u64) -> FaultRecord {
        FaultRecord {
            name: name.to_owned(),
            vendors: vec![vendor],
            started_us: Some(start_s * 1_000_000),
            ended_us: Some(end_s * 1_000_000),
            ..result().faults.remove(0)
        }
    }

    /// A second of one request that took as many microseconds as the second has milliseconds.
    fn line(second: u64, peer: impl Into<Peer>, name: &str, under_fault: bool) -> LoggedInterval {
        let mut histogram = Histogram::new(DIGITS).unwrap();
        histogram.record(second + 1).unwrap();
        let labels = Labels { under_fault, ..Labels::new(SampleKind::Attempt, peer, name) };
        LoggedInterval { start_us: second * 1_000_000, length_us: 1_000_000, labels, histogram }
    }

    fn seconds(histogram: &Histogram<u64>) -> Vec<u64> {
        histogram.iter_recorded().map(|value| value.value_iterated_to() - 1).collect()
    }

    #[test]
    fn failures_under_a_fault_are_counted() {
        let faults = [fault("slow", Vendor::Clay, 20, 23)];
        let mut latencies = FaultLatencies::of(&faults);
        for (second, failure) in [(15, Some(FailureKind::Timeout)), (20, None), (21, Some(FailureKind::ServerError))] {
            let mut line = line(second, Vendor::Clay, "clay.webhook", second >= 20);
            line.labels.failure = failure;
            latencies.add(&line);
        }
        let found = latencies.finish();
        assert_eq!((found[0].under.len(), found[0].failed), (2, 1));
    }

    #[test]
    fn requests_are_compared_with_those_of_the_same_vendor_right_before_the_fault() {
        let faults = [fault("slow", Vendor::Clay, 20, 23)];
        let mut latencies = FaultLatencies::of(&faults);
        (0..30).for_each(|second| {
            latencies.add(&line(second, Vendor::Clay, "clay.webhook", (20..25).contains(&second)));
            latencies.add(&line(second, Vendor::CustomerIo, "customer_io.track", false));
        });
        let found = latencies.finish();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].fault, found[0].peer), (0, Vendor::Clay.into()));
        assert_eq!(seconds(&found[0].before), (10..20).collect::<Vec<_>>());
        // Those that were sent under it are done later.
        assert_eq!((seconds(&found[0].under), found[0].failed), ((20..25).collect::<Vec<_>>(), 0));
    }

    #[test]
    fn a_request_at_the_very_start_of_a_fault_belongs_to_it() {
        let faults = [fault("slow", Vendor::Clay, 20, 23)];
        let mut latencies = FaultLatencies::of(&faults);
        latencies.add(&line(19, Vendor::Clay, "clay.webhook", true));
        assert_eq!(seconds(&latencies.finish()[0].under), [19]);
    }

    #[test]
    fn a_late_answer_belongs_to_the_fault_before_it_and_not_to_the_one_after() {
        let faults = [fault("first", Vendor::Clay, 2, 4), fault("second", Vendor::Clay, 7, 9)];
        let mut latencies = FaultLatencies::of(&faults);
        (2..11).for_each(|second| latencies.add(&line(second, Vendor::Clay, "clay.webhook", true)));
        let under = latencies.finish().iter().map(|latency| seconds(&latency.under)).collect::<Vec<_>>();
        assert_eq!(under, [vec![2, 3, 4, 5, 6], vec![7, 8, 9, 10]]);
    }

    #[test]
    fn a_fault_of_a_route_is_of_that_route_and_a_service_is_under_any() {
        let routed = FaultRecord { routes: vec!["clay.webhook".to_owned()], ..fault("slow", Vendor::Clay, 2, 4) };
        let faults = [routed];
        let mut latencies = FaultLatencies::of(&faults);
        latencies.add(&line(1, Vendor::Clay, "clay.resource", false));
        latencies.add(&line(1, Vendor::Clay, "clay.webhook", false));
        latencies.add(&line(3, Peer::Service, "service.leads", true));
        let found = latencies.finish();
        let peers: Vec<_> =
            found.iter().map(|latency| (latency.peer, seconds(&latency.before), seconds(&latency.under))).collect();
        assert_eq!(peers, [(Vendor::Clay.into(), vec![1], vec![]), (Peer::Service, vec![], vec![3])]);
    }
}
