//! Lost answer: the vendor commits the effect, then its answer is lost.
//!
//! It is the fault that makes duplicates. The client cannot know that its request was carried out; where it sends it again,
//! and nothing makes the two known as one, the effect happens twice. The ledger shows both.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Begun, Effect, Facts, FaultProblem, HowName};
use crate::wire::{End, Script};

/// How a client notices that its answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostAnswer {
    /// The connection is closed in order.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing comes.
    Hang,
}

pub(super) const FACTS: Facts = Facts { keys: &["how"], ways: &[HowName::Close, HowName::Reset, HowName::Hang], ..Facts::NONE };

pub(super) fn describe(how: &LostAnswer) -> String {
    match how {
        LostAnswer::Close => "answer lost (connection closed)",
        LostAnswer::Reset => "answer lost (connection reset)",
        LostAnswer::Hang => "answer lost (nothing comes)",
    }
    .to_owned()
}

pub(super) fn check(_: &LostAnswer, _: &mut Vec<FaultProblem>) {}

pub(super) fn effect(how: &LostAnswer, _: Begun<'_>) -> Box<dyn Effect> {
    Box::new(*how)
}

impl Effect for LostAnswer {
    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        super::body::lose(
            script,
            match *self {
                LostAnswer::Close => End::Close,
                LostAnswer::Reset => End::Reset,
                LostAnswer::Hang => End::Hang,
            },
        )
    }
}
