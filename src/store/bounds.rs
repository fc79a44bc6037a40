//! How much a store may hold: past it intake is refused, because a queue that grows without end takes down its process.

use crate::resilience::FallbackSettings;

/// The bounds of one vendor's queue and dead letters.
///
/// They refuse what comes in: a lead, a pushed entry, a redriven letter. What follows from an operation that is here already is
/// kept beyond them, for its predecessor was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most operations in the queue of one vendor.
    pub queue: usize,
    /// Most dead letters of one vendor.
    pub dead_letters: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self::from(&FallbackSettings::default())
    }
}

impl From<&FallbackSettings> for Bounds {
    fn from(settings: &FallbackSettings) -> Self {
        Self { queue: settings.queue_capacity, dead_letters: settings.dead_letter_capacity }
    }
}
