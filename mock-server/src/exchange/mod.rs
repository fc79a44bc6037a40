//! One request and its answer, without a socket: the active faults judge the request, the simulated vendor answers it, and the
//! faults alter the answer. What comes out is what happens on the wire and, once it has happened, an entry of the ledger.
//!
//! Two callers carry it out: the edge on real connections, and [`FaultyVendor::send`] in tokio's time alone, which a test can
//! pause. Both go through the same steps:
//!
//! 1. `FaultyVendor::record` when the request's head has arrived.
//! 2. `FaultyVendor::judge` when its body has: what the active faults make of it.
//! 3. `Judged::asks_vendor`: the vendor's answer is handed over with `Judged::answered`.
//! 4. `Judged::due`: when the reply begins.
//! 5. `Judged::reply`: what to send, step by step.
//!
//! The current instant is an argument everywhere; dates come from the vendor's [`DayClock`]. Where a record is dropped, the
//! request is over: that is the one place that reads tokio's clock.

mod in_process;
mod judge;
mod play;
mod record;
mod reply;

use std::sync::Arc;

use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use parking_lot::RwLock;
use tokio::sync::Notify;

pub use in_process::{Answered, NoAnswer};
pub(crate) use judge::Judged;
pub(crate) use play::{PIECE, Play};
pub(crate) use record::Record;
pub(crate) use reply::{Reply, without_body};

use crate::clock::DayClock;
use crate::content_encoding::{UNDERSTOOD, Undecoded, decoded};
use crate::counts::{Count, Counts};
use crate::fault::ActiveFaults;
use crate::ledger::Ledger;
use crate::simulated::{Answer, SimulatedVendor, Vendor};

/// The largest body that is read at all, in bytes. Ten times what most routes take and a little more than the largest
/// (a message with 2 MB of attachments in base 64), so that routes give their own answers, and bounded, so that memory is.
pub(crate) const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// A simulated vendor with the faults that are active at it.
///
/// ```
/// # use std::sync::Arc;
/// # use bytes::Bytes;
/// # use http::{Request, StatusCode};
/// use mock_server::clock::DayClock;
/// use mock_server::fault::{Fault, FaultKind, SimulatedVendor};
/// use mock_server::settings::SimulationSettings;
/// use mock_server::simulation::SimulatedVendors;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vendors = SimulatedVendors::in_process(SimulationSettings::default(), DayClock::machine(), |_| async { Ok(StatusCode::OK) })?;
/// vendors.add_fault(Fault::new("down", FaultKind::Error { status: 503, body: None })).await?;
/// let customer_io = vendors.vendor(SimulatedVendor::CustomerIo);
/// let answered = customer_io.send(Request::get("/api/v1/accounts/region").body(Bytes::new())?).await?;
/// assert_eq!(answered.head.status, 503);
/// assert!(vendors.ledger().entries()[0].was_hit_by("down"));
/// # Ok(())
/// # }
/// ```
pub struct FaultyVendor {
    name: SimulatedVendor,
    vendor: Arc<dyn Vendor>,
    active: RwLock<ActiveFaults>,
    pub(crate) counts: Counts,
    ledger: Arc<Ledger>,
    pub(crate) clock: DayClock,
    /// Wakes requests that go on without a connection, when a fault that closes connections begins.
    closing: Notify,
}

impl FaultyVendor {
    /// A vendor without faults that writes every request down in `ledger`.
    pub(crate) fn new(name: SimulatedVendor, vendor: Arc<dyn Vendor>, ledger: Arc<Ledger>, clock: DayClock) -> Self {
        Self { name, vendor, active: RwLock::default(), counts: Counts::default(), ledger, clock, closing: Notify::new() }
    }

    /// Which vendor it is.
    pub fn name(&self) -> SimulatedVendor {
        self.name
    }

    /// The vendor itself, to look into its state.
    pub fn vendor(&self) -> &dyn Vendor {
        self.vendor.as_ref()
    }

    pub(crate) fn shared_vendor(&self) -> Arc<dyn Vendor> {
        self.vendor.clone()
    }

    /// What has been answered so far.
    pub fn counts(&self) -> Vec<Count> {
        self.counts.list(self.name())
    }

    /// A request's body without its encoding, or the answer to one that cannot be read.
    pub(crate) fn decoded(&self, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Box<Answer>> {
        decoded(headers, body, LARGEST_BODY).map_err(|undecoded| {
            let mut answer = self.vendor.error(undecoded.status(), &undecoded.to_string());
            if undecoded == Undecoded::Unknown {
                // RFC 9110, 15.5.16.
                answer.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(UNDERSTOOD));
            }
            Box::new(answer)
        })
    }

    /// The ledger that its requests are written to.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    pub(crate) fn active(&self) -> ActiveFaults {
        self.active.read().clone()
    }

    /// Puts faults in force; when this returns, they are.
    pub(crate) fn set_active(&self, active: ActiveFaults) {
        // First, so that a request which carries a new key does not meet a vendor that does not know it yet.
        self.vendor.accept_also(active.new_keys());
        let closes = active.closing().next().is_some();
        *self.active.write() = active;
        if closes {
            self.closing.notify_waiters();
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
