//! What is known of a kind of fault, whatever its parameters.

use super::keys::FaultForm;
use super::problem::FaultProblem;
use super::words::HowName;
use crate::simulated::SimulatedVendor;

/// What is known of a kind.
pub(super) struct Facts {
    /// The keys of its own that it takes.
    pub(super) keys: &'static [&'static str],
    /// Those that must be given, each with an example.
    pub(super) needs: &'static [(&'static str, &'static str)],
    /// Gives others that are left out their values.
    pub(super) defaults: fn(&mut FaultForm),
    /// What is wrong where keys are wrong together only.
    pub(super) contradiction: fn(&FaultForm) -> Option<FaultProblem>,
    /// What its `how` can be; the first where it is left out and not needed.
    pub(super) ways: &'static [HowName],
    /// The one vendor that it is for, and why; `None` for any.
    pub(super) only_of: Option<(SimulatedVendor, &'static str)>,
    /// It acts on callbacks, never on requests.
    pub(super) hits_callbacks: bool,
    /// A ramp makes it smaller, rather than rarer.
    pub(super) ramps_in_size: bool,
}

impl Facts {
    /// A kind for any vendor that hits requests and takes no keys.
    pub(super) const NONE: Self = Self {
        keys: &[],
        needs: &[],
        defaults: |_| {},
        contradiction: |_| None,
        ways: &[],
        only_of: None,
        hits_callbacks: false,
        ramps_in_size: false,
    };
}
