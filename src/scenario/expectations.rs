//! What a scenario says must be true: its chaos expectations, checked and ready to be judged.
//!
//! A threshold bounds a metric of the whole run. An expectation speaks of what was done to the vendors: of each fault as it was
//! executed, and of what the vendors' own ledger says came of it.

use std::time::Duration;

use crate::outcome::PerVendor;
use crate::units::format_duration;

/// `[expect]`: what must be true of the run. What is `None` or false is not judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expectations {
    /// Most leads that were acknowledged and are nowhere.
    pub leads_lost: Option<u64>,
    /// Most effects that a vendor has a second time for one operation.
    pub duplicates: Option<u64>,
    /// Clay charges what the distinct effects cost, and nothing else.
    pub credits_match_effects: bool,
    /// Highest share, 0 to 1, of operations that were answered from the cache or by a guess.
    pub max_degraded: Option<f64>,
    /// Longest time from the last fault's end until the queue is empty.
    pub drains_within: Option<Duration>,
    /// Most attempts at each vendor for each operation that reached it, on average.
    pub max_retry_amplification: Option<f64>,
    /// After a 429 with Retry-After, nothing is sent to the same route before it is over.
    pub respects_retry_after: bool,
    /// What must be true of each vendor's circuit breaker.
    pub breakers: PerVendor<BreakerExpectations>,
}

/// `[expect.clay]` and `[expect.customer_io]`: what must be true of a vendor's circuit breaker.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BreakerExpectations {
    /// The faults that these are about, by name, in order of their starts: those that the scenario names, or all that can make
    /// calls of this vendor fail.
    pub faults: Vec<String>,
    /// Every fault that hits calls of this vendor, by name: a reason for the breaker to be open.
    pub reasons: Vec<String>,
    /// Longest time from the start of each fault until the breaker is OPEN.
    pub opens_within: Option<Duration>,
    /// Most calls that arrive at the vendor from the start of each fault until the breaker is OPEN.
    pub opens_within_calls: Option<u64>,
    /// Longest time from the end of each fault until the breaker is HALF_OPEN.
    pub half_open_within: Option<Duration>,
    /// Longest time from the end of each fault until the breaker is CLOSED.
    pub closes_within: Option<Duration>,
    /// Longest time OPEN without a reason: while no fault of this vendor was active nor had ended less than `recovery` before.
    pub max_false_open: Option<Duration>,
    /// The time after a fault in which an open breaker still has its reason: `closes_within`, or the breaker's own cool-down.
    pub recovery: Duration,
    /// Most calls a second that arrive at the vendor while the breaker is OPEN.
    pub max_calls_while_open: Option<f64>,
}

impl Expectations {
    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }

    /// Each as a scenario writes it: `drains_within = "20s"`.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.leads_lost.map(|most| format!("leads_lost = {most}")));
        lines.extend(self.duplicates.map(|most| format!("duplicates = {most}")));
        lines.extend(self.credits_match_effects.then(|| "credits_match_effects = true".to_owned()));
        lines.extend(self.max_degraded.map(|most| format!("max_degraded = {most}")));
        lines.extend(self.drains_within.map(|time| format!("drains_within = \"{}\"", format_duration(time))));
        lines.extend(self.max_retry_amplification.map(|most| format!("max_retry_amplification = {most}")));
        lines.extend(self.respects_retry_after.then(|| "respects_retry_after = true".to_owned()));
        for (vendor, breaker) in self.breakers.iter() {
            lines.extend(breaker.lines().into_iter().map(|one| format!("{vendor}.{one}")));
        }
        lines
    }

    /// Whether something is expected that takes the vendors' ledger to judge.
    pub fn needs_ledger(&self) -> bool {
        let of_breakers =
            self.breakers.values().any(|breaker| breaker.opens_within_calls.is_some() || breaker.max_calls_while_open.is_some());
        self.duplicates.is_some()
            || self.credits_match_effects
            || self.max_retry_amplification.is_some()
            || self.respects_retry_after
            || of_breakers
    }

    /// The same in `factor` times the time. What the pipeline's waits decide is scaled with them; how soon a breaker opens is
    /// decided by the calls and their timeouts, which do not change.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self {
            drains_within: scaled(self.drains_within, factor),
            breakers: self.breakers.map(|_, breaker| breaker.scaled(factor)),
            ..self.clone()
        }
    }
}

impl BreakerExpectations {
    /// Whether nothing is expected of this breaker.
    pub fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }

    fn lines(&self) -> Vec<String> {
        let time = |name: &str, time: Option<Duration>| time.map(|time| format!("{name} = \"{}\"", format_duration(time)));
        let mut lines = Vec::new();
        lines.extend(time("opens_within", self.opens_within));
        lines.extend(self.opens_within_calls.map(|most| format!("opens_within_calls = {most}")));
        lines.extend(time("half_open_within", self.half_open_within));
        lines.extend(time("closes_within", self.closes_within));
        lines.extend(time("max_false_open", self.max_false_open));
        lines.extend(self.max_calls_while_open.map(|most| format!("max_calls_while_open = {most}")));
        lines
    }

    fn scaled(&self, factor: f64) -> Self {
        Self {
            half_open_within: scaled(self.half_open_within, factor),
            closes_within: scaled(self.closes_within, factor),
            max_false_open: scaled(self.max_false_open, factor),
            recovery: self.recovery.mul_f64(factor),
            ..self.clone()
        }
    }
}

fn scaled(time: Option<Duration>, factor: f64) -> Option<Duration> {
    time.map(|time| time.mul_f64(factor))
}
