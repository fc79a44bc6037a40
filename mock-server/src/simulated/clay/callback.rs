//! What is to be sent back, and what became of it.
//!
//! The workspace puts callbacks here when they are due; the callback task takes them out, sends them and writes down how that
//! went.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

use crate::secret::Secret;

/// A callback that is due.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    /// The row or the run that it is about.
    pub(crate) about: String,
    /// What it is about, whenever it came: the lead. Faults choose by it.
    pub(crate) identity: Box<[u8]>,
    /// Where it goes.
    pub(crate) url: Arc<str>,
    /// What it is signed with; `None` for no signature.
    pub(crate) secret: Option<Secret>,
    /// What it says.
    pub(crate) body: Bytes,
}

/// Callbacks that wait to be sent: at most so many, of at most so many bytes.
pub(super) struct Outbox {
    pub(super) waiting: VecDeque<Callback>,
    room: usize,
    bytes: usize,
    most_bytes: usize,
    pub(super) given_up: u64,
}

impl Outbox {
    pub(super) fn new(room: usize, most_bytes: usize) -> Self {
        Self { waiting: VecDeque::new(), room, bytes: 0, most_bytes, given_up: 0 }
    }

    /// Adds a callback, or gives it up where there is no room.
    pub(super) fn add(&mut self, callback: Callback) {
        let bytes = self.bytes + callback.body.len();
        if self.waiting.len() < self.room && (bytes <= self.most_bytes || self.waiting.is_empty()) {
            self.bytes = bytes;
            self.waiting.push_back(callback);
        } else {
            self.given_up += 1;
        }
    }

    /// The oldest `most` of them.
    pub(super) fn take(&mut self, most: usize) -> Vec<Callback> {
        let count = most.min(self.waiting.len());
        let taken: Vec<Callback> = self.waiting.drain(..count).collect();
        self.bytes -= taken.iter().map(|callback| callback.body.len()).sum::<usize>();
        taken
    }
}

/// One attempt to deliver a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Microseconds from the workspace's start to the attempt's end.
    pub at_us: u64,
    /// The status that was answered.
    pub status: Option<u16>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It was answered with 2xx.
    Delivered,
    /// No attempt was.
    Failed,
    /// A fault let it vanish.
    Lost,
    /// It may not go to where it was to go; `refused` says why.
    Refused,
}

/// A callback and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Its number, from 1, in the order in which deliveries ended.
    pub id: String,
    /// The id of the row or the run that it was about.
    pub about: String,
    /// Where it went.
    pub url: String,
    /// How it ended.
    pub status: DeliveryStatus,
    /// Every attempt; a fault that doubles callbacks makes two.
    pub attempts: Vec<Attempt>,
    /// Faults that were meant to hit it.
    pub intended: Vec<Arc<str>>,
    /// Those of them that did. One that was to let it be overtaken did not, where none came after it.
    pub actual: Vec<Arc<str>>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Deliveries that are kept; older ones are forgotten, and numbers go on.
const KEPT_DELIVERIES: usize = 2_000;

/// The latest deliveries, and the notification that wakes the task that makes them.
#[derive(Default)]
pub(crate) struct Deliveries {
    kept: Mutex<Kept>,
    /// Notified when something new may be due, and after a reset.
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct Kept {
    latest: VecDeque<Delivery>,
    ever: u64,
    /// Resets so far.
    generation: u64,
}

impl Deliveries {
    /// Writes down a delivery that has ended, unless it began before the latest reset; its id is given here.
    pub(crate) fn write(&self, mut delivery: Delivery, generation: u64) {
        let mut kept = self.kept.lock();
        if kept.generation != generation {
            return;
        }
        kept.ever += 1;
        delivery.id = kept.ever.to_string();
        if kept.latest.len() >= KEPT_DELIVERIES {
            kept.latest.pop_front();
        }
        kept.latest.push_back(delivery);
    }

    /// Resets so far. What was due before the latest is due no more.
    pub(crate) fn generation(&self) -> u64 {
        self.kept.lock().generation
    }

    /// The deliveries that are kept, oldest first.
    pub(super) fn list(&self) -> Vec<Delivery> {
        self.kept.lock().latest.iter().cloned().collect()
    }

    /// Deliveries that ever ended.
    pub(super) fn ever(&self) -> u64 {
        self.kept.lock().ever
    }

    /// Forgets them all.
    pub(super) fn clear(&self) {
        let mut kept = self.kept.lock();
        *kept = Kept { generation: kept.generation + 1, ..Kept::default() };
    }
}
