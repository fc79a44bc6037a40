//! A run: from a test plan to what was measured.

pub(crate) mod audited;
pub(crate) mod conduct;
pub(crate) mod events;
pub(crate) mod expectations;
mod journals;
mod live;
mod service;
pub(crate) mod simulator;
