//! Slow body: it comes in small pieces with pauses between them.
//!
//! A client whose time-out starts anew with every byte never gives up; one with a deadline for the whole answer does.

use std::time::Duration;

use tokio::time::Instant;

use super::{Begun, Effect, Facts, FaultProblem, body};
use crate::wire::Script;

pub(super) const FACTS: Facts = Facts {
    keys: &["pause", "chunk"],
    needs: &[("pause", "pause = \"100ms\"")],
    defaults: |form| _ = form.chunk.get_or_insert(1),
    ..Facts::NONE
};

pub(super) fn describe(chunk: &u64, pause: &Duration) -> String {
    let unit = if *chunk == 1 { "byte" } else { "bytes" };
    format!("body in pieces of {chunk} {unit}, {pause:?} apart")
}

pub(super) fn check(chunk: &u64, pause: &Duration, problems: &mut Vec<FaultProblem>) {
    if *chunk == 0 {
        problems.push(FaultProblem::value("chunk", "a piece of no bytes gets nowhere", "it must be at least 1"));
    }
    if pause.is_zero() {
        problems.push(FaultProblem::value("pause", "without a pause nothing is slow", "give it a length, as in \"100ms\""));
    }
    problems.extend(FaultProblem::too_long("pause", *pause));
}

pub(super) fn effect(chunk: &u64, pause: &Duration, _: Begun<'_>) -> Box<dyn Effect> {
    Box::new(SlowBody { chunk: *chunk, pause: *pause })
}

struct SlowBody {
    chunk: u64,
    pause: Duration,
}

impl Effect for SlowBody {
    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        body::slice(script, self.chunk, |sent, _| if sent == 0 { Duration::ZERO } else { self.pause })
    }
}
