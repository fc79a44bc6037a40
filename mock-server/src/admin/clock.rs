//! `/clock`: the timetable's clock, started by the load generator.
//!
//! A load generator and the simulator run on different clocks. To lay the faults over the load, the generator has to know
//! where the timetable's zero lies on its own clock, and how well it knows that. Every answer here carries what is needed for
//! the usual computation (RFC 5905, section 8): with t0 and t3 the client's clock when it sent the request and when it had
//! the answer, t1 = `received_unix_us` and t2 = `answered_unix_us`,
//!
//! - offset = ((t1 − t0) + (t2 − t3)) / 2, which is what the simulator's clock is ahead by;
//! - the offset is wrong by at most ((t3 − t0) − (t2 − t1)) / 2, either way: the time on the way, all of it in one direction.
//!
//! So the timetable's zero is at `zero_unix_us` − offset on the client's clock.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::operation::{Call, Nothing, Optional};
use super::reply::Json;
use crate::duration::micros;
use crate::refusal::{Problem, Refusal};
use crate::running::Simulation;

/// How far away a start may be. Beyond it the unit is wrong (milliseconds for microseconds) rather than the plan.
const FARTHEST: Duration = Duration::from_secs(24 * 3600);

/// Clocks, in microseconds.
#[derive(Serialize, JsonSchema)]
pub(super) struct Clock {
    /// When the request arrived, since 1970 by the simulator's wall clock.
    received_unix_us: u64,
    /// When this answer was made, likewise.
    answered_unix_us: u64,
    /// Since the simulator's start: the clock of the ledger's `at_us`.
    since_start_us: u64,
    /// The timetable's clock; null where it has not been started.
    timetable: Option<TimetableClock>,
}

/// The timetable's clock, in microseconds.
#[derive(Serialize, JsonSchema)]
pub(super) struct TimetableClock {
    /// Its zero, since 1970 by the simulator's wall clock.
    zero_unix_us: u64,
    /// Its zero on the clock of the ledger's `at_us`; negative where it was before the simulator's start.
    zero_since_start_us: i64,
    /// What it shows; negative before its zero.
    elapsed_us: i64,
}

/// When the timetable is to start; at once where nothing is said.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    /// At this time, microseconds since 1970 by the simulator's wall clock; it may be past or to come, up to a day.
    start_unix_us: Option<u64>,
    /// So many microseconds from now; negative for the past.
    start_in_us: Option<i64>,
}

pub(super) async fn read(call: Call) -> Result<Json<Clock>, Refusal> {
    Ok(Json(clock(&call.context.simulation, call.received_unix_us)))
}

pub(super) async fn start(call: Call<Nothing, Optional<Start>>) -> Result<Json<Clock>, Refusal> {
    let simulation = &call.context.simulation;
    let zero = call.body.0.zero(Instant::now(), simulation.unix_us())?;
    if !simulation.faults.start(zero) {
        let problem = Problem::new("the timetable's clock is already running").help("GET /clock shows since when");
        return Err(Refusal::new(http::StatusCode::CONFLICT, problem));
    }
    Ok(Json(clock(simulation, call.received_unix_us)))
}

impl Start {
    fn zero(&self, now: Instant, now_unix_us: u64) -> Result<Instant, Refusal> {
        let (field, offset) = match (self.start_unix_us, self.start_in_us) {
            (None, None) => return Ok(now),
            (Some(_), Some(_)) => {
                let problem = Problem::of("start_in_us", "cannot be given together with `start_unix_us`");
                return Err(Refusal::unprocessable(vec![problem]));
            }
            (Some(at), None) => ("start_unix_us", i128::from(at) - i128::from(now_unix_us)),
            (None, Some(offset)) => ("start_in_us", i128::from(offset)),
        };
        let distance = Duration::from_micros(u64::try_from(offset.unsigned_abs()).unwrap_or(u64::MAX));
        let zero = if offset < 0 { now.checked_sub(distance) } else { now.checked_add(distance) };
        zero.filter(|_| distance <= FARTHEST).ok_or_else(|| {
            let message = format!("is {} s away from now ({now_unix_us}); it must be within a day", distance.as_secs());
            Refusal::unprocessable(vec![Problem::of(field, message).help("it is in microseconds")])
        })
    }
}

fn clock(simulation: &Simulation, received_unix_us: u64) -> Clock {
    let (now, now_unix_us) = (Instant::now(), simulation.unix_us());
    let start = simulation.ledger.start;
    let timetable = simulation.faults.zero().map(|zero| {
        let elapsed_us = signed_micros(zero, now);
        let zero_unix_us = u64::try_from(i128::from(now_unix_us) - i128::from(elapsed_us)).unwrap_or_default();
        TimetableClock { zero_unix_us, zero_since_start_us: signed_micros(start, zero), elapsed_us }
    });
    Clock { received_unix_us, answered_unix_us: now_unix_us, since_start_us: micros(now - start), timetable }
}

/// Microseconds from one instant to another, negative where the other is earlier.
fn signed_micros(from: Instant, to: Instant) -> i64 {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    if to >= from { micros(to - from) } else { -micros(from - to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_UNIX_US: u64 = 1_800_000_000_000_000;

    fn zero(start_unix_us: Option<u64>, start_in_us: Option<i64>) -> Result<i64, Refusal> {
        let now = Instant::now() + FARTHEST;
        Start { start_unix_us, start_in_us }.zero(now, NOW_UNIX_US).map(|zero| signed_micros(now, zero))
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_is_now_or_at_a_time_or_after_a_while() {
        assert_eq!(zero(None, None), Ok(0));
        assert_eq!(zero(Some(NOW_UNIX_US + 5), None), Ok(5));
        assert_eq!(zero(Some(NOW_UNIX_US - 7), None), Ok(-7));
        assert_eq!(zero(None, Some(2_000_000)), Ok(2_000_000));
        assert_eq!(zero(None, Some(-3)), Ok(-3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_in_another_unit_or_given_twice_is_refused() {
        for (at, after, field) in [
            (Some(NOW_UNIX_US / 1_000), None, "start_unix_us"),
            (Some(u64::MAX), None, "start_unix_us"),
            (None, Some(i64::MIN), "start_in_us"),
            (Some(NOW_UNIX_US), Some(0), "start_in_us"),
        ] {
            assert_eq!(zero(at, after).unwrap_err().errors[0].field.as_deref(), Some(field));
        }
    }
}
