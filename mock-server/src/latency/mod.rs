//! How long a simulated vendor thinks.

use std::fmt;
use std::time::Duration;

use rand::Rng;
use rand_distr::StandardNormal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod form;

pub use form::{LatencyForm, LatencyModelForm, Percentiles};

/// A distribution of delays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "LatencyForm", into = "LatencyForm")]
#[schemars(with = "LatencyForm")]
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

/// The standard normal distribution's 99th percentile.
pub const Z99: f64 = 2.326_347_874_040_841;

/// The longest delay that a model may speak of. Beyond it a client has long given up, and sums of durations stay far
/// from overflow.
pub const LONGEST_DELAY: Duration = Duration::from_secs(3600);

impl LatencyModel {
    /// Draws a delay; never above [`LONGEST_DELAY`].
    pub fn sample(&self, rng: &mut impl Rng) -> Duration {
        let delay = match *self {
            Self::Fixed { delay } => delay,
            Self::Uniform { min, max } => min + max.saturating_sub(min).mul_f64(rng.random::<f64>()),
            Self::Lognormal { p50, p99 } => {
                if p50.is_zero() {
                    return Duration::ZERO;
                }
                let sigma = (p99.as_secs_f64() / p50.as_secs_f64()).ln().max(0.0) / Z99;
                let normal: f64 = rng.sample(StandardNormal);
                let seconds = p50.as_secs_f64() * (sigma * normal).exp();
                Duration::from_secs_f64(seconds.min(LONGEST_DELAY.as_secs_f64()))
            }
        };
        delay.min(LONGEST_DELAY)
    }

    /// The longest delay; of a lognormal one, its 99th percentile.
    pub fn longest(&self) -> Duration {
        match *self {
            Self::Fixed { delay } => delay,
            Self::Uniform { max, .. } => max,
            Self::Lognormal { p99, .. } => p99,
        }
    }

    /// Bounds or percentiles in the wrong order, or a lognormal median of 0: the key at fault as it is written, what is wrong,
    /// and what would be right.
    pub fn wrong_bounds(&self) -> Option<[&'static str; 3]> {
        match *self {
            Self::Uniform { min, max } if max < min => {
                Some(["uniform", "the longest is below the shortest", "write [shortest, longest]"])
            }
            Self::Lognormal { p50, .. } if p50.is_zero() => {
                let help = "give a median above 0, or a fixed delay of \"0s\"";
                Some(["lognormal.p50", "a lognormal delay is never zero", help])
            }
            Self::Lognormal { p50, p99 } if p99 < p50 => {
                Some(["lognormal.p99", "the 99th percentile is below the median", "make `p99` at least `p50`"])
            }
            _ => None,
        }
    }

    /// What is wrong with the model, with what would be right.
    ///
    /// # Errors
    ///
    /// Bounds or percentiles in the wrong order, a lognormal median of 0, a delay over an hour.
    pub fn validate(&self) -> Result<(), String> {
        match *self {
            Self::Uniform { min, max } if max < min => {
                Err(format!("max ({max:?}) is below min ({min:?}); max must be at least min"))
            }
            Self::Lognormal { p50, .. } if p50.is_zero() => {
                Err("a lognormal p50 must be longer than 0; for no delay use a fixed one of 0".to_owned())
            }
            Self::Lognormal { p50, p99 } if p99 < p50 => {
                Err(format!("p99 ({p99:?}) is below p50 ({p50:?}); p99 must be at least p50"))
            }
            _ if self.longest() > LONGEST_DELAY => {
                Err(format!("{:?} is too long; the longest delay is {LONGEST_DELAY:?}", self.longest()))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for LatencyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed { delay } => write!(f, "{delay:?}"),
            Self::Uniform { min, max } => write!(f, "{min:?} to {max:?}"),
            Self::Lognormal { p50, p99 } => write!(f, "p50 {p50:?}, p99 {p99:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn sorted_draws(model: LatencyModel) -> Vec<Duration> {
        let mut draws: Vec<Duration> = (0..100_000).map(|number| model.sample(&mut Seed(3).draw("t", number))).collect();
        draws.sort_unstable();
        draws
    }

    #[test]
    fn fixed_is_fixed() {
        assert_eq!(LatencyModel::Fixed { delay: ms(40) }.sample(&mut Seed(1).draw("t", 0)), ms(40));
    }

    #[test]
    fn uniform_fills_its_bounds() {
        let draws = sorted_draws(LatencyModel::Uniform { min: ms(10), max: ms(20) });
        assert!(draws[0] >= ms(10) && draws[0] < Duration::from_micros(10_010));
        assert!(draws[99_999] <= ms(20) && draws[99_999] > Duration::from_micros(19_990));
        assert!((draws[50_000].as_secs_f64() - 0.015).abs() < 0.000_1, "{:?}", draws[50_000]);
    }

    #[test]
    fn lognormal_has_the_percentiles_it_was_given() {
        let draws = sorted_draws(LatencyModel::Lognormal { p50: ms(40), p99: ms(200) });
        let (p50, p99) = (draws[50_000].as_secs_f64(), draws[99_000].as_secs_f64());
        assert!((p50 / 0.040 - 1.0).abs() < 0.01, "p50 {p50}");
        assert!((p99 / 0.200 - 1.0).abs() < 0.03, "p99 {p99}");
    }

    #[test]
    fn a_lognormal_of_equal_percentiles_is_fixed() {
        let model = LatencyModel::Lognormal { p50: ms(40), p99: ms(40) };
        assert_eq!(model.validate(), Ok(()));
        assert_eq!(model.sample(&mut Seed(1).draw("t", 0)), ms(40));
    }

    #[test]
    fn bounds_in_the_wrong_order_are_refused() {
        assert!(LatencyModel::Uniform { min: ms(2), max: ms(1) }.validate().unwrap_err().contains("at least min"));
        assert!(LatencyModel::Lognormal { p50: ms(2), p99: ms(1) }.validate().unwrap_err().contains("at least p50"));
        assert!(LatencyModel::Lognormal { p50: ms(0), p99: ms(1) }.validate().unwrap_err().contains("longer than 0"));
        assert!(LatencyModel::Fixed { delay: Duration::MAX }.validate().unwrap_err().contains("too long"));
    }

    #[test]
    fn an_unchecked_model_still_draws_within_the_longest_delay() {
        let mut rng = Seed(1).draw("t", 0);
        assert_eq!(LatencyModel::Fixed { delay: Duration::MAX }.sample(&mut rng), LONGEST_DELAY);
        assert_eq!(LatencyModel::Uniform { min: ms(5), max: ms(1) }.sample(&mut rng), ms(5));
        assert_eq!(LatencyModel::Lognormal { p50: ms(0), p99: ms(1) }.sample(&mut rng), Duration::ZERO);
    }
}
