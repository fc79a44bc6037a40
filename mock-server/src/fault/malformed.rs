//! Malformed: an answer that is not what HTTP or JSON asks for.
//!
//! Gateways and proxies send such answers when something behind them breaks. A client should fail on them like on any other
//! failure, and neither take them for a success nor wait for ever for bytes that do not come.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Begun, Effect, Facts, FaultProblem, HowName, body};
use crate::wire::{Script, Step};

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Malformed {
    /// The body is not JSON: its first half, sent as if it were the whole. Without a body there is nothing to spoil.
    Json,
    /// No HTTP at all.
    Head,
    /// The head promises 100 bytes more than come before the connection is closed.
    ContentLengthTooLong,
    /// The head promises half of the body; all of it comes. Without a body there is nothing to halve.
    ContentLengthTooShort,
}

/// What comes instead of HTTP: a line of text, as from a server for something else at this port.
const NOT_HTTP: &[u8] = b"220 mail.example ESMTP ready\r\n";

/// Bytes that a length promises too many.
const TOO_MANY: u64 = 100;

pub(super) const FACTS: Facts = Facts {
    keys: &["how"],
    ways: &[HowName::Json, HowName::Head, HowName::ContentLengthTooLong, HowName::ContentLengthTooShort],
    ..Facts::NONE
};

pub(super) fn describe(how: &Malformed) -> String {
    match how {
        Malformed::Json => "malformed answer (invalid JSON)",
        Malformed::Head => "malformed answer (no HTTP)",
        Malformed::ContentLengthTooLong => "malformed answer (content length too long)",
        Malformed::ContentLengthTooShort => "malformed answer (content length too short)",
    }
    .to_owned()
}

pub(super) fn check(_: &Malformed, _: &mut Vec<FaultProblem>) {}

pub(super) fn effect(how: &Malformed, _: Begun<'_>) -> Box<dyn Effect> {
    Box::new(*how)
}

impl Effect for Malformed {
    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        match *self {
            Malformed::Json => spoil_json(script),
            Malformed::Head => {
                if script.steps.is_empty() {
                    return false;
                }
                script.steps = vec![Step::Raw(Bytes::from_static(NOT_HTTP))];
                script.content_length = None;
                true
            }
            Malformed::ContentLengthTooLong => declare(script, |length| length + TOO_MANY),
            Malformed::ContentLengthTooShort => declare(script, |length| length / 2),
        }
    }
}

fn spoil_json(script: &mut Script) -> bool {
    let whole = body::whole(script);
    if !is_json(&whole) {
        return false;
    }
    let half = whole.slice(..whole.len().div_ceil(2));
    // Half of a number is a number.
    let spoilt = if is_json(&half) { Bytes::from_static(b"{") } else { half };
    script.steps.retain(|step| !matches!(step, Step::Body(_)));
    script.steps.push(Step::Body(spoilt));
    true
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// Lets the head speak of another length. Returns whether it is another.
fn declare(script: &mut Script, of: impl FnOnce(u64) -> u64) -> bool {
    if !script.steps.contains(&Step::Head) {
        return false;
    }
    let length = script.content_length.unwrap_or_else(|| script.body_length());
    let declared = of(length);
    if declared == length {
        return false;
    }
    script.content_length = Some(declared);
    true
}
