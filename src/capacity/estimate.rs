//! The load-scale document's formula, kept as it stands and named for what it is: a *utilisation estimate*.
//!
//! The rate cancels out of the headroom, which is 70 / cpu% − 1: "under 30" only says that CPU is above 53.85 %, "under
//! 50" above 46.67 %. It knows nothing of memory, queues or vendor limits.

use serde::{Deserialize, Serialize};

/// CPU under which the formula is declined, in percent: an idle process says nothing about a busy one.
pub(super) const LEAST_CPU: f64 = 25.0;

/// CPU that the formula plans for, as a fraction.
const TARGET_CPU: f64 = 0.7;

/// The document's three recommendations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recommendation {
    /// Headroom under 30 %.
    ScaleUpSoon,
    /// Headroom under 50 %.
    MonitorClosely,
    /// Headroom of 50 % and more.
    AdequateCapacity,
}

impl Recommendation {
    /// The document's words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScaleUpSoon => "Scale up soon",
            Self::MonitorClosely => "Monitor closely",
            Self::AdequateCapacity => "Adequate capacity",
        }
    }
}

/// What the formula gives. Floored and rounded for display only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Requests a second in the window.
    pub current_rps: f64,
    /// CPU in the window, in percent of the cores that it may use.
    pub cpu_percent: f64,
    /// Requests a second at 70 % CPU, were cost per request constant; or what the run sustained, where that is more.
    pub max_rps: f64,
    /// How far `max_rps` is above `current_rps`, in percent of it.
    pub headroom_percent: f64,
    /// The document's recommendation.
    pub recommendation: Recommendation,
}

/// maxRPS = currentRPS / (cpu% / 100) × 0.7; headroom = (maxRPS − currentRPS) / currentRPS × 100.
///
/// # Errors
/// Why the formula says nothing about these numbers: no requests, no CPU reading, or CPU under 25 %.
pub fn utilisation_estimate(current_rps: f64, cpu_percent: f64) -> Result<Estimate, String> {
    if current_rps.is_nan() || current_rps <= 0.0 {
        return Err("no request was made in the window".to_owned());
    }
    if cpu_percent.is_nan() || cpu_percent < LEAST_CPU {
        return Err(format!("CPU was {cpu_percent:.1} %, under {LEAST_CPU:.0} %: too idle to extrapolate from"));
    }
    let max_rps = current_rps / (cpu_percent / 100.0) * TARGET_CPU;
    let headroom_percent = (max_rps - current_rps) / current_rps * 100.0;
    let recommendation = recommendation(headroom_percent);
    Ok(Estimate { current_rps, cpu_percent, max_rps, headroom_percent, recommendation })
}

fn recommendation(headroom_percent: f64) -> Recommendation {
    match headroom_percent {
        ..30.0 => Recommendation::ScaleUpSoon,
        30.0..50.0 => Recommendation::MonitorClosely,
        _ => Recommendation::AdequateCapacity,
    }
}

impl Estimate {
    /// Whether the maximum is what the run sustained, which is more than the formula gives.
    pub fn is_sustained(&self) -> bool {
        self.max_rps > self.current_rps / (self.cpu_percent / 100.0) * TARGET_CPU * (1.0 + f64::EPSILON)
    }

    /// The same with no maximum below what was sustained: the formula extrapolates, and a measurement is one.
    pub(super) fn at_least(self, sustained_rps: f64) -> Self {
        let max_rps = self.max_rps.max(sustained_rps);
        let headroom_percent = (max_rps - self.current_rps) / self.current_rps * 100.0;
        Self { max_rps, headroom_percent, recommendation: recommendation(headroom_percent), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_cancels_out_of_the_headroom() {
        for rate in [1.0, 84.0, 5_000.0] {
            let estimate = utilisation_estimate(rate, 35.0).unwrap();
            assert!((estimate.headroom_percent - 100.0).abs() < 1e-9);
            assert!((estimate.max_rps - 2.0 * rate).abs() < 1e-9);
        }
    }

    #[test]
    fn the_recommendations_change_at_53_85_and_46_67_percent_cpu() {
        let words = |cpu| utilisation_estimate(100.0, cpu).unwrap().recommendation.as_str();
        assert_eq!(words(53.86), "Scale up soon");
        assert_eq!(words(53.84), "Monitor closely");
        assert_eq!(words(46.67), "Monitor closely");
        assert_eq!(words(46.66), "Adequate capacity");
        assert_eq!(words(100.0), "Scale up soon");
    }

    #[test]
    fn over_the_target_the_headroom_is_negative() {
        let estimate = utilisation_estimate(100.0, 87.5).unwrap();
        assert!((estimate.max_rps - 80.0).abs() < 1e-9 && (estimate.headroom_percent + 20.0).abs() < 1e-9);
    }

    #[test]
    fn no_maximum_is_below_what_was_sustained() {
        let estimate = utilisation_estimate(100.0, 87.5).unwrap();
        let floored = estimate.at_least(110.0);
        assert_eq!((floored.max_rps, floored.recommendation), (110.0, Recommendation::ScaleUpSoon));
        assert!((floored.headroom_percent - 10.0).abs() < 1e-9);
        let roomy = utilisation_estimate(100.0, 35.0).unwrap();
        assert_eq!(roomy.at_least(110.0), roomy);
        assert!(floored.is_sustained() && !roomy.is_sustained());
    }

    #[test]
    fn an_idle_process_says_nothing() {
        assert!(utilisation_estimate(100.0, 24.99).unwrap_err().contains("25 %"));
        assert!(utilisation_estimate(100.0, 25.0).is_ok());
        assert!(utilisation_estimate(100.0, f64::NAN).is_err());
        assert!(utilisation_estimate(0.0, 60.0).is_err());
    }
}
