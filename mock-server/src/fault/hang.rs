//! Hang: the request is read, and nothing ever comes.
//!
//! Only a time-out helps a client against it. The vendor is not asked, so that a request which hung and is sent again leaves
//! one effect; for the other case there is the lost answer.

use tokio::time::Instant;

use super::{Begun, Effect, Facts, FaultProblem};
use crate::wire::{End, Script};

pub(super) const FACTS: Facts = Facts::NONE;

pub(super) fn describe() -> String {
    "hang (never answered)".to_owned()
}

pub(super) fn check(_: &mut Vec<FaultProblem>) {}

pub(super) fn effect(_: Begun<'_>) -> Box<dyn Effect> {
    Box::new(Hang)
}

struct Hang;

impl Effect for Hang {
    fn asks_vendor(&self) -> bool {
        false
    }

    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        super::body::lose(script, End::Hang)
    }
}
