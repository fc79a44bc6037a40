//! Samples on their way to whoever wants each of them, and not only histograms.

use std::fmt::Debug;
use std::time::Duration;

use super::labels::{Labels, SeriesKey, Source};
use super::user_tags::UserTags;
use crate::outcome::Steps;

/// A request or a journey as it was recorded. Its names are shared, not copied, so that it costs no allocation.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When it was due, was sent and was done, since the start of the load.
    pub times: [Duration; 3],
    /// The steps of a request; `None` for a journey.
    pub steps: Option<Steps>,
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
