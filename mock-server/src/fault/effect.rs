//! What an active fault does to one request.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::ramp::Ramp;
use crate::secret::Secret;
use crate::seed::Seed;
use crate::simulated::{Answer, Request, SimulatedVendor, Vendor};
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

/// What happens to a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum WebhookFault {
    /// It comes later.
    Late {
        /// By how much.
        #[serde(with = "crate::duration::text")]
        by: Duration,
    },
    /// It comes twice.
    Twice,
    /// The next one overtakes it.
    OutOfOrder,
    /// It never comes.
    Lost,
    /// Its signature is wrong.
    BadlySigned,
}

/// An active fault. It lives from the fault's start to its end, so its state (a bucket's level, say) starts fresh.
pub(crate) trait Effect: Send + Sync {
    /// Judges one request in the fault's scope to `vendor`. Must not block. Most faults alter the answer on the wire.
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Wire { asks_vendor: self.asks_vendor() }
    }

    /// Whether the vendor gets a request whose answer is altered, and so commits its effect.
    fn asks_vendor(&self) -> bool {
        true
    }

    /// Alters the answer of a request that was judged [`Verdict::Wire`]. Returns whether there was anything to alter: an
    /// answer that is shorter than a cut is not cut. Called when the answer is about to be sent.
    fn alter(&self, _script: &mut Script, _now: Instant) -> bool {
        false
    }

    /// What happens to the callbacks that it hits; `None` where it hits requests.
    fn callback_fault(&self) -> Option<WebhookFault> {
        None
    }

    /// A key that the vendor accepts beside its own while the fault is active.
    fn new_key(&self) -> Option<&Secret> {
        None
    }
}

/// A fault that begins at a vendor.
pub(super) struct Begun<'a> {
    pub(super) name: &'a str,
    pub(super) vendor: SimulatedVendor,
    pub(super) seed: Seed,
    pub(super) at: Instant,
    pub(super) ramp: Ramp,
}
