//! The busiest sustained window of a run: figures from a ramp or a fault describe the ramp or the fault, and those from a quiet time
//! say little about a busy one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::BreakerState;
use crate::measure::Second;
use crate::plan::Planned;
use crate::result::FaultRecord;

/// A service's process, in a run that measures one apart.
pub(super) const INTEGRATION: &str = "integration";
/// The load's process, which else holds the integration as well.
const HARNESS: &str = "harness";

/// Length of a window in seconds, where the run has such a window; a third of the run where that is shorter.
pub(super) const LENGTH: usize = 10;

/// Fewest seconds of which a variation means anything, and fewest of a run that is long enough for more.
const SHORTEST: usize = 3;
const SHORTEST_OF_LONG: usize = 5;

/// A window in which the plan asks for the same all the time, without a fault, and what was measured in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Its start, in microseconds since the load began.
    pub start_us: u64,
    /// Its end.
    pub end_us: u64,
    /// What the plan asked for throughout.
    #[serde(flatten)]
    pub planned: Planned,
    /// Users that iterated, on average.
    pub users: f64,
    /// Requests a second.
    pub rate: f64,
    /// Those of them that succeeded.
    #[serde(default)]
    pub good_rate: f64,
    /// Iterations a second.
    pub iteration_rate: f64,
    /// Mean duration of an iteration in seconds; 0 without iterations.
    #[serde(default)]
    pub iteration_seconds: f64,
    /// Standard deviation of the seconds' rates over their mean (n − 1).
    pub variation: f64,
    /// The stages that it lies in.
    pub phases: BTreeSet<u16>,
    /// CPU of the process that is measured (the service's own, else the harness), in percent of the machine, on average; `None` where
    /// it was not read.
    pub cpu_percent: Option<f64>,
}

/// The windows with constant planned users, outside faults and with every breaker closed: of 10 s, or a third of a shorter run. Where faults leave no room for that, of the longest length that there is room
/// for, down to 5 s (3 s in runs under 15 s). In a plan that holds its users somewhere, a slow ramp's pauses between two
/// users don't count: one user who iterates once a second says nothing about capacity.
pub(super) fn windows(seconds: &[Second], faults: &[FaultRecord]) -> Vec<Window> {
    let longest = LENGTH.min(seconds.len() / 3);
    let shortest = longest.clamp(SHORTEST, SHORTEST_OF_LONG);
    let holds = holds(seconds);
    let counts = |window: &&[Second]| {
        let held = holds.is_empty() || window.iter().all(|second| holds.contains(&second.phase));
        held && is_steady(window, faults)
    };
    let of_length = |length| seconds.windows(length).filter(counts).filter_map(measure).collect::<Vec<_>>();
    (shortest..=longest).rev().map(of_length).find(|windows| !windows.is_empty()).unwrap_or_default()
}

/// The times in which the plan asks for the same, without a fault and with every breaker closed, each as long as it lasts. The ones
/// that are too short to mean anything are left out.
pub(super) fn plateaus(seconds: &[Second], faults: &[FaultRecord]) -> Vec<Window> {
    let shortest = LENGTH.min(seconds.len() / 3).clamp(SHORTEST, SHORTEST_OF_LONG);
    let alike = |a: &Second, b: &Second| a.planned == b.planned && is_quiet(a, faults) && is_quiet(b, faults);
    let long = seconds.chunk_by(alike).filter(|plateau| plateau.len() >= shortest && is_steady(plateau, faults));
    long.filter_map(measure).collect()
}

/// The busiest of some windows, by what succeeded; of equals, that whose rate varies least.
pub(super) fn busiest(windows: &[Window]) -> Option<&Window> {
    // The first of equals.
    windows.iter().rev().max_by(|a, b| a.good_rate.total_cmp(&b.good_rate).then(b.variation.total_cmp(&a.variation)))
}

/// The highest rate of requests that succeeded, over as many seconds as a window has, whatever was planned in them.
pub(super) fn sustained(seconds: &[Second]) -> Option<f64> {
    let length = LENGTH.min(seconds.len() / 3).max(SHORTEST);
    seconds.windows(length).map(good_rate).reduce(f64::max)
}

fn good_rate(seconds: &[Second]) -> f64 {
    let length = seconds.iter().map(|second| second.length_us).sum::<u64>().max(1) as f64 / 1e6;
    seconds.iter().map(|second| second.requests - second.failures.min(second.requests)).sum::<u64>() as f64 / length
}

/// The stages through which the plan asks for the same number of users, at least one. What is planned at the end of a
/// stage's last second may belong to the next stage already.
fn holds(seconds: &[Second]) -> BTreeSet<u16> {
    let stages = seconds.chunk_by(|a, b| a.phase == b.phase);
    let hold = |stage: &&[Second]| {
        let planned = stage[0].planned;
        stage.len() > SHORTEST && !planned.is_nothing() && stage[..stage.len() - 1].iter().all(|second| second.planned == planned)
    };
    stages.filter(hold).map(|stage| stage[0].phase).collect()
}

fn is_steady(window: &[Second], faults: &[FaultRecord]) -> bool {
    let planned = window[0].planned;
    !planned.is_nothing() && window.iter().all(|second| second.planned == planned && is_quiet(second, faults))
}

/// A whole second without a fault and with every breaker closed.
fn is_quiet(second: &Second, faults: &[FaultRecord]) -> bool {
    let end_us = second.start_us + second.length_us;
    let faulty = faults.iter().any(|fault| {
        let (start, end) = extent(fault);
        start < end_us && end > second.start_us
    });
    let closed = second.gauges.breakers.values().all(|state| *state == BreakerState::Closed);
    second.length_us >= 900_000 && !faulty && closed
}

/// When a fault was active: as executed where that is known, else as planned.
fn extent(fault: &FaultRecord) -> (u64, u64) {
    let start = fault.started_us.unwrap_or(fault.planned_start_us);
    (start, fault.ended_us.unwrap_or(fault.planned_end_us).max(start))
}

fn measure(window: &[Second]) -> Option<Window> {
    let (first, last) = (window.first()?, window.last()?);
    let count = window.len() as f64;
    let length = window.iter().map(|second| second.length_us).sum::<u64>() as f64 / 1e6;
    let rate = window.iter().map(|second| second.requests).sum::<u64>() as f64 / length;
    if rate <= 0.0 {
        return None;
    }
    let iterations = window.iter().map(|second| second.iterations).sum::<u64>();
    let mean = window.iter().map(Second::rate).sum::<f64>() / count;
    let variance = window.iter().map(|second| (second.rate() - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Some(Window {
        start_us: first.start_us,
        end_us: last.start_us + last.length_us,
        planned: first.planned,
        users: window.iter().map(|second| f64::from(second.gauges.users)).sum::<f64>() / count,
        rate,
        good_rate: good_rate(window),
        iteration_seconds: window.iter().map(|second| second.iteration_us).sum::<u64>() as f64 / 1e6 / iterations.max(1) as f64,
        iteration_rate: iterations as f64 / length,
        variation: variance.sqrt() / mean,
        phases: window.iter().map(|second| second.phase).collect(),
        cpu_percent: mean_cpu(window),
    })
}

/// The process that is measured: a service's of its own, else the harness.
pub(super) fn role(seconds: &[Second]) -> &'static str {
    let apart = |second: &Second| second.processes.iter().any(|process| process.role == INTEGRATION);
    if seconds.iter().any(apart) { INTEGRATION } else { HARNESS }
}

/// CPU of the process that is measured, in percent of the machine, averaged over the seconds in which it was read.
pub(super) fn mean_cpu(seconds: &[Second]) -> Option<f64> {
    let role = role(seconds);
    let read: Vec<f64> = seconds
        .iter()
        .filter_map(|second| second.processes.iter().find(|process| process.role == role))
        .map(|process| process.cpu_percent)
        .collect();
    (!read.is_empty()).then(|| read.iter().sum::<f64>() / read.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Gauges;

    /// Seconds from (planned users, requests).
    fn seconds(rows: impl IntoIterator<Item = (u32, u64)>) -> Vec<Second> {
        let second = |(index, (users, requests)): (usize, (u32, u64))| Second {
            start_us: index as u64 * 1_000_000,
            length_us: 1_000_000,
            planned: Planned { users, ..Planned::default() },
            requests,
            iterations: requests / 2,
            iteration_us: requests / 2 * 50_000,
            gauges: Gauges { users, ..Gauges::default() },
            ..Second::default()
        };
        rows.into_iter().enumerate().map(second).collect()
    }

    fn busy(seconds: &[Second], faults: &[FaultRecord]) -> Option<Window> {
        busiest(&windows(seconds, faults)).cloned()
    }

    fn fault(start: u64, end: u64) -> FaultRecord {
        FaultRecord {
            name: "outage".to_owned(),
            vendors: Vec::new(),
            routes: Vec::new(),
            what: String::new(),
            planned_start_us: start * 1_000_000,
            planned_end_us: end * 1_000_000,
            started_us: Some(start * 1_000_000),
            ended_us: Some(end * 1_000_000),
        }
    }

    #[test]
    fn a_slow_ramp_is_not_steady_where_the_plan_holds_its_users_elsewhere() {
        // A ramp that has one user for twelve seconds, one request each, and a hold at 50 users that varies a little.
        let ramp = (0..36).map(|second| (1 + second / 12, u64::from(1 + second / 12)));
        let hold = (0..20).map(|second| (50, 48 + second % 4));
        let mut seconds = seconds(ramp.chain(hold));
        for second in &mut seconds[36..] {
            second.phase = 1;
        }
        assert_eq!(busy(&seconds, &[]).unwrap().planned.users, 50);
        seconds.truncate(36);
        assert_eq!(busy(&seconds, &[]).unwrap().planned.users, 3, "a run of nothing but ramps has no better");
    }

    #[test]
    fn the_busiest_window_is_chosen_and_not_a_steady_quiet_one() {
        let uneven = (0..20).map(|second| (10, 100 + second % 2 * 20));
        let even = (0..15).map(|_| (10, 90));
        let window = busy(&seconds(even.chain(uneven)), &[]).unwrap();
        assert_eq!((window.start_us, window.end_us), (15_000_000, 25_000_000));
        assert_eq!((window.rate, window.iteration_rate, window.iteration_seconds), (110.0, 55.0, 0.05));
        assert_eq!((window.planned.users, window.users, window.cpu_percent), (10, 10.0, None));
    }

    #[test]
    fn what_fails_at_once_is_not_busy() {
        let mut seconds = seconds((0..40).map(|second| (10, if second < 20 { 100 } else { 900 })));
        seconds[20..].iter_mut().for_each(|second| second.failures = 850);
        assert_eq!(busy(&seconds, &[]).unwrap().rate, 100.0);
        assert_eq!(sustained(&seconds), Some(100.0));
        assert_eq!(sustained(&seconds[..2]), None);
    }

    #[test]
    fn the_variation_is_that_of_a_sample() {
        let window = busy(&seconds((0..9).map(|second| (5, [90, 100, 110][second % 3]))), &[]).unwrap();
        assert!((window.variation - 0.1).abs() < 1e-12, "{}", window.variation);
    }

    #[test]
    fn a_ramp_has_no_steady_window() {
        assert_eq!(busy(&seconds((1..40).map(|users| (users, 100))), &[]), None);
    }

    #[test]
    fn faults_and_open_breakers_are_left_out() {
        let even = seconds((0..40).map(|_| (10, 100)));
        let window = busy(&even, &[fault(0, 25)]).unwrap();
        assert_eq!((window.start_us, window.end_us), (25_000_000, 35_000_000));
        let mut open = even.clone();
        for second in &mut open {
            second.gauges.breakers.insert(crate::outcome::Vendor::Clay, BreakerState::Open);
        }
        assert_eq!(busy(&open, &[]), None);
    }

    #[test]
    fn between_faults_a_shorter_window_will_do_but_not_a_few_seconds() {
        let even = seconds((0..40).map(|_| (10, 100)));
        let window = busy(&even, &[fault(0, 12), fault(19, 40)]).unwrap();
        assert_eq!((window.start_us, window.end_us), (12_000_000, 19_000_000));
        assert_eq!(busy(&even, &[fault(0, 12), fault(16, 40)]), None);
    }

    #[test]
    fn short_runs_use_a_third_and_very_short_ones_nothing() {
        let window = busy(&seconds((0..12).map(|_| (10, 100))), &[]).unwrap();
        assert_eq!(window.end_us - window.start_us, 4_000_000);
        assert_eq!(busy(&seconds((0..8).map(|_| (10, 100))), &[]), None);
        assert_eq!(busy(&seconds((0..30).map(|_| (10, 0))), &[]), None);
    }
}
