//! What a timetable acts on.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::exchange::FaultyVendor;
use crate::fault::{ActiveFaults, SimulatedVendor};

/// A vendor that faults can be put in force at.
pub(crate) trait FaultTarget: Send + Sync {
    /// Which vendor it is.
    fn name(&self) -> SimulatedVendor;

    /// Puts these faults in force instead of those that are. When it is done, they are.
    fn apply(&self, active: ActiveFaults) -> BoxFuture<'_, ()>;
}

/// Without a socket there is nothing to wait for.
impl FaultTarget for Arc<FaultyVendor> {
    fn name(&self) -> SimulatedVendor {
        FaultyVendor::name(self)
    }

    fn apply(&self, active: ActiveFaults) -> BoxFuture<'_, ()> {
        self.set_active(active);
        Box::pin(std::future::ready(()))
    }
}
