//! What is recorded: one sample a request, one a journey.

use std::fmt::Debug;
use std::time::Duration;

use crate::outcome::FailureKind;

use super::labels::{Labels, SeriesKey, Source};
use super::user_tags::UserTags;

/// A route registered with [`super::RecorderBuilder::route`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteId {
    /// The source of its samples from when they were due.
    pub(super) latency: u16,
    /// That from when they were sent.
    pub(super) duration: u16,
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
    /// When it was sent: it is under a fault when one was active at this instant.
    pub sent: Duration,
    /// When the last byte of the answer's body had been read, or the attempt was given up.
    pub done: Duration,
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

/// A request or a journey as it was recorded. Its names are shared, not copied, so that it costs no allocation.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When it was due, was sent and was done, since the start of the load.
    pub times: [Duration; 3],
    /// Number of the attempt at its operation, from 1.
    pub attempt: u32,
    /// Bytes of the answer's body.
    pub bytes: u64,
    pub(super) key: SeriesKey,
    pub(super) source: Source,
}

impl Sample {
    /// What sets its series apart from others.
    pub fn labels(&self) -> Labels {
        Labels::of(&self.key, &self.source)
    }

    /// The tags that the plan gives to its scenario and journey.
    pub fn tags(&self) -> &UserTags {
        &self.source.tags
    }
}

/// Gets every sample, besides the histograms. It is called on the threads of the load and must not wait.
pub trait SampleReceiver: Debug + Send + Sync {
    /// Takes a sample.
    fn sample(&self, sample: Sample);
}
