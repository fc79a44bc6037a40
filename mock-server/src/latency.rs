//! How long a simulated vendor thinks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A distribution of delays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LatencyModel {
    /// Always the same.
    Fixed {
        /// The delay.
        delay: Duration,
    },
    /// Anything between two bounds.
    Uniform {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// Lognormal, given by two percentiles.
    Lognormal {
        /// The median.
        p50: Duration,
        /// The 99th percentile; not below the median.
        p99: Duration,
    },
}
