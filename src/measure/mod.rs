//! From samples to histograms: recorded without a lock that users share, cut into seconds, merged, never averaged.

mod collector;
mod gauges;
mod generator;
mod interval;
mod interval_log;
mod labels;
mod process;
mod receiver;
mod recorder;
mod sample;
mod second;
mod shard;
mod shared;
#[cfg(test)]
pub(crate) mod strategies;
mod tag;
mod timetable;
mod totals;
mod user_tags;

pub use collector::{Collector, Observed};
pub use gauges::{Gauges, ProcessSample};
pub use generator::{GeneratorHealth, GeneratorSample, GeneratorWatch};
pub use interval::Interval;
pub use interval_log::{IntervalLogReader, IntervalLogWriter, LogError, LoggedInterval};
pub use labels::{Column, DEFAULT_SCENARIO, LABELS, Label, Labels, SampleKind, Selects, Values};
pub use process::{Machine, ProcessWatch};
pub use receiver::{Sample, SampleReceiver};
pub use recorder::{Recorder, RecorderBuilder};
pub use sample::{AttemptSample, CheckId, IterationSample, JourneyId, RouteId};
pub use second::Second;
pub use timetable::{FaultEnd, FaultWindow};
pub use totals::{CheckCount, Series, Totals};
pub use user_tags::{MOST_TAG_SETS, TagError, UserTags};

/// Longest latency that a histogram holds, in microseconds: one hour. Longer ones count as one hour.
pub const HIGHEST_US: u64 = 3_600_000_000;
/// Significant decimal digits of every histogram.
pub const DIGITS: u8 = 3;
