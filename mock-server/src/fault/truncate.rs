//! Truncate: the answer breaks off after so many bytes of its body.
//!
//! The head promises more than comes, and the connection is closed in order, as by a proxy that gives up. A client must not
//! take the part for the whole. How the connection ends is left to a reset, where one hits the same answer.

use tokio::time::Instant;

use super::{Begun, Effect, Facts, FaultProblem, body};
use crate::wire::Script;

pub(super) const FACTS: Facts = Facts { keys: &["bytes"], needs: &[("bytes", "bytes = 10")], ..Facts::NONE };

pub(super) fn describe(bytes: &u64) -> String {
    format!("answer cut after {bytes} bytes of the body")
}

pub(super) fn check(_: &u64, _: &mut Vec<FaultProblem>) {}

pub(super) fn effect(bytes: &u64, _: Begun<'_>) -> Box<dyn Effect> {
    Box::new(Truncation(*bytes))
}

struct Truncation(u64);

impl Effect for Truncation {
    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        body::cut(script, self.0)
    }
}
