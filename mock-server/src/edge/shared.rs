//! What the connections of a vendor share.

use std::sync::Arc;

use super::backend::Backend;
use crate::exchange::FaultyVendor;
use crate::tls::Tls;

/// What connections share.
pub(super) struct Shared {
    pub(super) vendor: Arc<FaultyVendor>,
    pub(super) backend: Backend,
    pub(super) tls: Arc<Tls>,
    /// Held once by each open connection, and once by this.
    pub(super) open: Arc<()>,
}
