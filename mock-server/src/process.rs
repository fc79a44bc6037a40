//! The simulator as a child process: JSON lines on its standard input and output.
//!
//! The parent writes [`SimulationSettings`](crate::settings::SimulationSettings) as the first line and commands after it; the child answers with
//! [`Message`]s. When its standard input ends, for whatever reason (the parent's death included), it ends.

use serde::{Deserialize, Serialize};

use crate::fault::SimulatedVendor;

/// What the parent asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The load begins now: the timetable's clock starts.
    Start,
    /// Answer with [`Message::Counts`].
    Count,
}

/// What the child says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// It listens: base URLs without a trailing slash.
    Ready {
        /// `http://127.0.0.1:port`
        clay: String,
        /// `http://127.0.0.1:port`
        customer_io: String,
    },
    /// It cannot run, and ends.
    Failed {
        /// Why: "port 8080 is taken".
        reason: String,
    },
    /// The timetable's clock runs.
    Started,
    /// A fault began or ended.
    Fault {
        /// Its name.
        name: String,
        /// Began or ended.
        active: bool,
        /// Microseconds on the timetable's clock.
        at_us: u64,
    },
    /// What it has answered so far.
    Counts(Vec<Count>),
}

/// Answers of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The vendor.
    pub vendor: SimulatedVendor,
    /// The route's name (`clay.webhook`).
    pub route: String,
    /// The status; 0 where the connection was closed instead.
    pub status: u16,
    /// Whether a fault made the answer.
    pub by_fault: bool,
    /// How many.
    pub count: u64,
}
