//! What is recorded: one sample a request, one a journey.

use std::time::Duration;

use crate::outcome::{FailureKind, Steps};

/// A route registered with [`super::RecorderBuilder::route`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteId {
    /// The source of its samples from when they were due.
    pub(super) latency: u16,
    /// That from when they were handed to a connection, and that of the wait for the head of an answer.
    pub(super) over_connection: [u16; 2],
    /// Those of making a connection, and of its TLS handshake.
    pub(super) connecting: [u16; 2],
    /// That of those that the end of the run cut off.
    pub(super) interrupted: u16,
}

/// A journey registered with [`super::RecorderBuilder::journey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JourneyId(pub(super) u16);

/// A check registered with [`super::RecorderBuilder::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CheckId(pub(super) u16);

/// One HTTP request. Times count from the start of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptSample {
    /// Its route.
    pub route: RouteId,
    /// When the load model wanted it sent: latency counts from here, and the phase is the one of this instant.
    pub due: Duration,
    /// When it was sent: it is under a fault that is in force at any time from here until it is done.
    pub sent: Duration,
    /// When the last byte of the answer's body had been read, or the attempt was given up.
    pub done: Duration,
    /// What happened in between, since it was sent: k6's times count from when it was handed to a connection.
    pub steps: Steps,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// The HTTP status; 0 without an answer.
    pub status: u16,
    /// Why it failed; `None` for a success.
    pub failure: Option<FailureKind>,
    /// Number of the attempt at its operation, from 1.
    pub attempt: u32,
}

/// One journey from its start to its end, retries and waits included, think time not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IterationSample {
    /// Its journey.
    pub journey: JourneyId,
    /// When the load model wanted it to start.
    pub due: Duration,
    /// When it started.
    pub sent: Duration,
    /// When it ended.
    pub done: Duration,
    /// Why it failed; `None` for a success.
    pub failure: Option<FailureKind>,
}
