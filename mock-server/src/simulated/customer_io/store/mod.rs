//! What the workspace knows: people, events, deliveries and all else that can be read back.
//!
//! It is bounded in bytes. Every kind of thing has a shelf of its own with a share of them, so that a flood of events cannot
//! push out the people, and on each the oldest make room for the newest.

mod change;
mod merge;
mod objects;
mod people;
mod read;
mod records;
mod shelf;

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use self::people::People;
use self::records::{Delivery, Event, Object, Reported, Suppressed, Triggered};
use self::shelf::Shelf;
use super::dedup::EventKey;
use super::operation::Identifier;
use crate::simulated::customer_io::settings::CustomerIoSettings;
use crate::simulated::seen::Seen;

pub use self::read::{Customer, CustomerEvent, Identifiers};

/// When a request came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    /// On the clock that windows are counted on.
    pub(super) now: Instant,
    /// Unix time in seconds, for what carries a date.
    pub(super) unix: i64,
}

/// The state of the workspace.
#[derive(Debug)]
pub(super) struct Store {
    people: People,
    events: Shelf<Event>,
    /// Events of unknown people, by anonymous identifier, oldest first.
    anonymous: HashMap<Box<str>, VecDeque<u64>>,
    deliveries: Shelf<Delivery>,
    broadcasts: Shelf<Triggered>,
    metrics: Shelf<Reported>,
    objects: Shelf<Object>,
    objects_by_name: HashMap<(String, String), u64>,
    suppressed: Shelf<Suppressed>,
    suppressed_by: HashMap<Identifier, u64>,
    seen: Seen<EventKey>,
    /// Identifiers and attributes that were not set because they belong to another person or are one too many. Documented as
    /// "Attribute Update Failure": the request is answered with 200 all the same.
    attribute_update_failures: u64,
}

impl Store {
    pub(super) fn new(settings: &CustomerIoSettings, prefix: u32) -> Self {
        // Half for events, a third for people, and what is left in equal parts: loads identify and track.
        let share = |thirty_seconds: usize| settings.stored_bytes / 32 * thirty_seconds;
        Self {
            people: People::new(share(11), prefix),
            events: Shelf::new(share(16)),
            anonymous: HashMap::new(),
            deliveries: Shelf::new(share(1)),
            broadcasts: Shelf::new(share(1)),
            metrics: Shelf::new(share(1)),
            objects: Shelf::new(share(1)),
            objects_by_name: HashMap::new(),
            suppressed: Shelf::new(share(1)),
            suppressed_by: HashMap::new(),
            seen: Seen::new(settings.deduplication_window, settings.deduplication_ids),
            attribute_update_failures: 0,
        }
    }
}
