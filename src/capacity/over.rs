//! Signs that a run was at its limit or over it, whatever its CPU says: a process that waits is idle.

use crate::measure::Second;
use crate::units::{format_count, format_seconds, three_figures};

use super::window::{Window, busiest};

/// How many more users make a difference.
const MORE_USERS: f64 = 1.25;
/// How much more throughput would be no more than noise.
const FLAT: f64 = 1.05;
/// How much longer iterations are clearly longer.
const SLOWER: f64 = 1.1;
/// The least share of a window's requests by which a queue grows that does not come to rest, in each half of the window.
const GROWTH: f64 = 0.005;
/// The least number of operations by which it does.
const LEAST_GROWTH: u64 = 5;

/// Why a run was over its capacity; nothing where no sign of it was seen. `window` is its busiest sustained one, and `missed` are the
/// thresholds that failed under load alone.
pub(super) fn reasons(seconds: &[Second], window: Option<&Window>, plateaus: &[Window], missed: &[String]) -> Vec<String> {
    let mut reasons = Vec::new();
    reasons.extend(window.and_then(|window| queue_grew(seconds, window)));
    reasons.extend(busiest(plateaus).and_then(|busiest| saturated(busiest, plateaus)));
    reasons.extend(missed.iter().map(|threshold| format!("the threshold {threshold} failed with no fault to explain it")));
    reasons
}

/// A queue that grows in both halves of a window takes in more than is delivered. One that only fills grows in the first.
fn queue_grew(seconds: &[Second], window: &Window) -> Option<String> {
    let within = |second: &&Second| (window.start_us..window.end_us).contains(&second.start_us);
    let rows: Vec<&Second> = seconds.iter().filter(within).collect();
    let depth = |row: &Second| row.gauges.queue_depth;
    let (first, middle, last) = (depth(rows.first()?), depth(rows[rows.len() / 2]), depth(rows.last()?));
    let requests = rows.iter().map(|row| row.requests).sum::<u64>();
    let least = ((requests as f64 * GROWTH) as u64).max(LEAST_GROWTH);
    let grew = |from: u64, to: u64| to >= from.saturating_add(least);
    (grew(first, middle) && grew(middle, last))
        .then(|| format!("the queue grew from {} to {} operations in the window", format_count(first), format_count(last)))
}

/// More users who get no more done only wait for longer.
fn saturated(busiest: &Window, plateaus: &[Window]) -> Option<String> {
    let gained_nothing = |fewer: &Window, more: &Window| {
        f64::from(more.planned.users) >= f64::from(fewer.planned.users) * MORE_USERS
            && more.rate <= fewer.rate * FLAT
            && more.iteration_seconds >= fewer.iteration_seconds * SLOWER
    };
    plateaus.iter().find_map(|other| {
        let (fewer, more) = match (gained_nothing(busiest, other), gained_nothing(other, busiest)) {
            (true, _) => (busiest, other),
            (_, true) => (other, busiest),
            _ => return None,
        };
        Some(format!(
            "{} users got {}/s done and {} users {}/s, while an iteration took {} and then {}",
            format_count(fewer.planned.users.into()),
            three_figures(fewer.rate),
            format_count(more.planned.users.into()),
            three_figures(more.rate),
            format_seconds(fewer.iteration_seconds),
            format_seconds(more.iteration_seconds),
        ))
    })
}
