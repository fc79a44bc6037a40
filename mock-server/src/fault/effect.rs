//! What an active fault does to one request.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::ramp::Ramp;
use super::{
    Fault, FaultKind, SimulatedVendor, auth, bandwidth, credits, error, hang, latency, lost_answer, malformed, outage,
    rate_limit, reset, slow_body, truncate, webhook,
};
use crate::seed::Seed;
use crate::simulated::{Answer, Request, Vendor};
use crate::wire::Script;

/// The moment at which a request is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The clock that faults run on.
    pub(crate) now: Instant,
    /// The date, for headers that give one.
    pub(crate) date: SystemTime,
}

/// What is to happen to a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Nothing.
    Pass,
    /// Its connection is closed without an answer.
    Close,
    /// This is its answer.
    Answer(Answer),
    /// Its answer, whatever it is, comes later.
    Delay(Duration),
    /// Something happens to its answer, whatever it is, on the way: [`Effect::alter`] says what.
    Wire {
        /// Whether the vendor gets the request first, and so commits its effect.
        asks_vendor: bool,
    },
}

/// What is to happen to a callback that a vendor makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbackVerdict {
    /// Nothing.
    Pass,
    /// It comes later.
    Delay(Duration),
    /// It comes twice.
    Twice,
    /// The next one overtakes it.
    Swap,
    /// It never comes.
    Lose,
    /// Its signature is wrong.
    BadSignature,
}

/// An active fault. It lives from the fault's start to its end, so its state (a bucket's level, say) starts fresh.
pub(crate) trait Effect: Send + Sync {
    /// Judges one request in the fault's scope to `vendor`. Must not block.
    fn judge(&self, vendor: &dyn Vendor, request: &Request<'_>, moment: Moment) -> Verdict;

    /// Alters the answer of a request that was judged [`Verdict::Wire`]. Returns whether there was anything to alter: an
    /// answer that is shorter than a cut is not cut. Called when the answer is about to be sent.
    fn alter(&self, _script: &mut Script, _now: Instant) -> bool {
        false
    }

    /// Judges one callback of the vendor.
    fn judge_callback(&self) -> CallbackVerdict {
        CallbackVerdict::Pass
    }
}

impl Fault {
    /// The effect on one vendor of a fault that began at `began`.
    pub(crate) fn effect(&self, seed: Seed, vendor: SimulatedVendor, began: Instant) -> Box<dyn Effect> {
        let ramp = Ramp::new(self, began);
        match &self.kind {
            FaultKind::Outage { how } => Box::new(outage::Gone(*how)),
            FaultKind::Auth { status, new_key } => Box::new(auth::Rotated::new(*status, new_key.clone())),
            FaultKind::RateLimit { rate, burst, retry_after } => {
                Box::new(rate_limit::Limited::new(*rate, *burst, *retry_after, began))
            }
            FaultKind::Credits => Box::new(credits::UsedUp),
            FaultKind::Error { status, body } => Box::new(error::Failing::new(*status, body.clone())),
            FaultKind::Latency { model, jitter } => Box::new(latency::Slow::new(*model, *jitter, ramp, seed, &self.name, vendor)),
            FaultKind::LostAnswer { how } => Box::new(lost_answer::Lost(*how)),
            FaultKind::Hang => Box::new(hang::Silent),
            FaultKind::Reset { when } => Box::new(reset::Reset(*when)),
            FaultKind::Malformed { how } => Box::new(malformed::Garbled(*how)),
            FaultKind::Truncate { bytes } => Box::new(truncate::Cut(*bytes)),
            FaultKind::SlowBody { chunk, pause } => Box::new(slow_body::Dripping { chunk: *chunk, pause: *pause }),
            FaultKind::Bandwidth { bytes_per_second } => Box::new(bandwidth::Narrow::new(*bytes_per_second, ramp)),
            FaultKind::Webhook { how } => Box::new(webhook::Disturbed(*how)),
        }
    }
}
