//! Little's law, N = X × (R + Z), as a check of the measurement: users, rate and latency are measured apart, so a
//! generator that stalls or a clock that is wrong shows as a disagreement between them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::window::Window;

/// Largest difference between the two sides, as a fraction of the users measured.
pub const TOLERANCE: f64 = 0.1;

/// Both sides of Little's law over a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Little {
    /// N: users that iterated, on average.
    pub users: f64,
    /// X: iterations a second.
    pub iteration_rate: f64,
    /// R: mean duration of an iteration in seconds, of those that ended in the window.
    pub iteration_seconds: f64,
    /// Z by difference, N / X − R, in seconds. Below zero, users were slower than the latencies say.
    pub think_seconds: f64,
    /// The think time that the scenario asks for, on average, in seconds.
    pub planned_think_seconds: Option<f64>,
    /// X × (R + planned Z): the users that the law asks for.
    pub expected_users: Option<f64>,
    /// Whether N is within [`TOLERANCE`] of `expected_users`; `None` where the think time is not known.
    pub agrees: Option<bool>,
}

/// Checks the law; `None` without iterations to check it on.
pub(super) fn check(window: &Window, think_time: Option<Duration>) -> Option<Little> {
    if window.iteration_rate <= 0.0 || window.users <= 0.0 {
        return None;
    }
    let iteration_seconds = window.iteration_seconds;
    let planned = think_time.map(|time| time.as_secs_f64());
    let expected_users = planned.map(|think| window.iteration_rate * (iteration_seconds + think));
    Some(Little {
        users: window.users,
        iteration_rate: window.iteration_rate,
        iteration_seconds,
        think_seconds: window.users / window.iteration_rate - iteration_seconds,
        planned_think_seconds: planned,
        expected_users,
        agrees: expected_users.map(|expected| (expected - window.users).abs() <= TOLERANCE * window.users),
    })
}
