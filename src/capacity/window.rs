//! The steadiest window of a run: figures from a ramp or a fault describe the ramp or the fault.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::BreakerState;
use crate::measure::Second;
use crate::result::FaultRecord;

/// Length of a window in seconds; a third of the run where that is shorter.
pub(super) const LENGTH: usize = 10;

/// Fewest seconds of which a variation means anything.
const SHORTEST: usize = 3;

/// A window with a constant number of planned users and no fault, and what was measured in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Its start, in microseconds since the load began.
    pub start_us: u64,
    /// Its end.
    pub end_us: u64,
    /// Users that the plan asked for throughout.
    pub users_planned: u32,
    /// Users that iterated, on average.
    pub users: f64,
    /// Requests a second.
    pub rate: f64,
    /// Iterations a second.
    pub iteration_rate: f64,
    /// Standard deviation of the seconds' rates over their mean (n − 1).
    pub variation: f64,
    /// The stages that it lies in.
    pub phases: BTreeSet<u16>,
    /// CPU of the harness in percent of the machine, on average; `None` where it was not read.
    pub cpu_percent: Option<f64>,
}

/// The window of [`LENGTH`] seconds (a third of a shorter run, at least 3 s) with constant planned users, outside faults and with
/// every breaker closed, whose rate varies least. `None` when there is no such window.
pub fn steadiest(seconds: &[Second], faults: &[FaultRecord]) -> Option<Window> {
    let length = LENGTH.min(seconds.len() / 3);
    if length < SHORTEST {
        return None;
    }
    let windows = seconds.windows(length).filter(|window| is_steady(window, faults)).filter_map(measure);
    windows.min_by(|a, b| a.variation.total_cmp(&b.variation))
}

fn is_steady(window: &[Second], faults: &[FaultRecord]) -> bool {
    let users = window[0].users_planned;
    users > 0 && window.iter().all(|second| second.users_planned == users && is_quiet(second, faults))
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
    let mean = window.iter().map(Second::rate).sum::<f64>() / count;
    let variance = window.iter().map(|second| (second.rate() - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Some(Window {
        start_us: first.start_us,
        end_us: last.start_us + last.length_us,
        users_planned: first.users_planned,
        users: window.iter().map(|second| f64::from(second.gauges.users)).sum::<f64>() / count,
        rate,
        iteration_rate: window.iter().map(|second| second.iterations).sum::<u64>() as f64 / length,
        variation: variance.sqrt() / mean,
        phases: window.iter().map(|second| second.phase).collect(),
        cpu_percent: mean_cpu(window),
    })
}

/// CPU of the harness in percent of the machine, averaged over the seconds in which it was read.
pub(super) fn mean_cpu(seconds: &[Second]) -> Option<f64> {
    let read: Vec<f64> = seconds
        .iter()
        .filter_map(|second| second.processes.iter().find(|process| process.role == "harness"))
        .map(|process| process.cpu_percent)
        .collect();
    (!read.is_empty()).then(|| read.iter().sum::<f64>() / read.len() as f64)
}
