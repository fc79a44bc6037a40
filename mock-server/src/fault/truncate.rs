//! Truncate: the answer breaks off after so many bytes of its body.
//!
//! The head promises more than comes, and the connection is closed in order, as by a proxy that gives up. A client must not
//! take the part for the whole. How the connection ends is left to a reset, where one hits the same answer.

use tokio::time::Instant;

use super::{Begun, Effect, Facts, FaultForm, FaultProblem, body};
use crate::wire::Script;

pub(super) const FACTS: Facts = Facts { keys: &["bytes"], ..Facts::NONE };

pub(super) fn describe(bytes: &u64) -> String {
    format!("answer cut after {bytes} bytes of the body")
}

pub(super) fn check(_: &u64, _: &mut Vec<FaultProblem>) {}

pub(super) fn read(form: &FaultForm, problems: &mut Vec<FaultProblem>) -> Option<(u64,)> {
    Some((form.needed(form.bytes, "bytes", "bytes = 10", problems)?,))
}

pub(super) fn write(bytes: &u64, form: &mut FaultForm) {
    form.bytes = Some(*bytes);
}

pub(super) fn effect(bytes: &u64, _: Begun<'_>) -> Box<dyn Effect> {
    Box::new(Truncation(*bytes))
}

struct Truncation(u64);

impl Effect for Truncation {
    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        body::cut(script, self.0)
    }
}
