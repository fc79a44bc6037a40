//! Slow body: it comes in small pieces with pauses between them.
//!
//! A client whose time-out starts anew with every byte never gives up; one with a deadline for the whole answer does.

use std::time::Duration;

use super::body;
use tokio::time::Instant;

use super::effect::{Effect, Moment, Verdict};
use super::problem::FaultProblem;
use crate::duration::format_duration;
use crate::latency::LONGEST_DELAY;
use crate::simulated::{Request, Vendor};
use crate::wire::Script;

pub(super) fn describe(chunk: u64, pause: Duration) -> String {
    let unit = if chunk == 1 { "byte" } else { "bytes" };
    format!("body in pieces of {chunk} {unit}, {pause:?} apart")
}

pub(super) fn problems(chunk: u64, pause: Duration, problems: &mut Vec<FaultProblem>) {
    if chunk == 0 {
        problems.push(FaultProblem::value("chunk", "a piece of no bytes gets nowhere", "it must be at least 1"));
    }
    if pause.is_zero() {
        problems.push(FaultProblem::value("pause", "without a pause nothing is slow", "give it a length, as in \"100ms\""));
    } else if pause > LONGEST_DELAY {
        let problem = format!("the simulator does not wait for {}", format_duration(pause));
        problems.push(FaultProblem::value("pause", problem, format!("give at most {}", format_duration(LONGEST_DELAY))));
    }
}

pub(super) struct Dripping {
    pub(super) chunk: u64,
    pub(super) pause: Duration,
}

impl Effect for Dripping {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Wire { asks_vendor: true }
    }

    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        body::slice(script, self.chunk, |sent, _| if sent == 0 { Duration::ZERO } else { self.pause })
    }
}
