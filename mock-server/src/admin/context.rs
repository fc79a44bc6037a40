//! What every operation can reach.

use std::sync::Arc;

use http::HeaderValue;

use crate::guard::Guard;
use crate::running::Simulation;

/// What every operation can reach.
pub(super) struct Context {
    pub(super) simulation: Arc<Simulation>,
    pub(super) guard: Guard,
    /// The page's content security policy.
    pub(super) policy: HeaderValue,
    /// The OpenAPI document.
    pub(super) document: serde_json::Value,
}
