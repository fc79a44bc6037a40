//! From samples to histograms: recorded without a lock that users share, cut into seconds, merged, never averaged.

mod gauges;
mod labels;
mod second;
mod totals;

pub use gauges::{Gauges, LeadCounts, ProcessSample};
pub use labels::{Labels, SampleKind, TAGS};
pub use second::Second;
pub use totals::{CheckCount, Series, Totals};

/// Shortest latency that a histogram tells apart, in microseconds.
pub const LOWEST_US: u64 = 1;
/// Longest latency that a histogram holds, in microseconds: one hour. Longer ones count as one hour.
pub const HIGHEST_US: u64 = 3_600_000_000;
/// Significant decimal digits of every histogram.
pub const DIGITS: u8 = 3;
