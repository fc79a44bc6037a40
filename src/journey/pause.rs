//! Think time, drawn from a user's own source of chance.

use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp, LogNormal};

use super::settings::ThinkTime;
use crate::units::Z99;

/// One pause.
pub(super) fn draw(think: &ThinkTime, rng: &mut ChaCha8Rng) -> Duration {
    match *think {
        ThinkTime::None => Duration::ZERO,
        ThinkTime::Fixed(pause) => pause,
        ThinkTime::Uniform { min, max } => min + max.saturating_sub(min).mul_f64(rng.random()),
        ThinkTime::Exponential { mean } => exponential(mean, rng),
        ThinkTime::Lognormal { p50, p99 } => lognormal(p50, p99, rng),
    }
}

fn exponential(mean: Duration, rng: &mut ChaCha8Rng) -> Duration {
    let Ok(unit) = Exp::new(1.0_f64) else { return mean };
    mean.mul_f64(unit.sample(rng).min(10.0))
}

fn lognormal(p50: Duration, p99: Duration, rng: &mut ChaCha8Rng) -> Duration {
    let spread = (p99.as_secs_f64() / p50.as_secs_f64()).ln() / Z99;
    match LogNormal::new(p50.as_secs_f64().ln(), spread) {
        Ok(distribution) => Duration::try_from_secs_f64(distribution.sample(rng)).unwrap_or(p99),
        Err(_) => p50,
    }
}

impl ThinkTime {
    /// Its mean.
    pub fn mean(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Fixed(time) => time,
            Self::Uniform { min, max } => (min + max) / 2,
            Self::Exponential { mean } => mean,
            Self::Lognormal { p50, p99 } => {
                // The 99th percentile of a lognormal is median × exp(Z99 σ); its mean is median × exp(σ² / 2).
                let median = p50.as_secs_f64();
                let sigma = if median > 0.0 { (p99.as_secs_f64() / median).ln() / Z99 } else { 0.0 };
                Duration::try_from_secs_f64(median * (sigma * sigma / 2.0).exp()).unwrap_or(Duration::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn drawn(think: ThinkTime) -> Vec<f64> {
        let mut rng = Seed(7).stream("pause");
        let mut pauses: Vec<f64> = (0..20_000).map(|_| draw(&think, &mut rng).as_secs_f64()).collect();
        pauses.sort_by(f64::total_cmp);
        pauses
    }

    #[test]
    fn each_distribution_has_its_shape() {
        let (half, second) = (Duration::from_millis(500), Duration::from_secs(1));
        let uniform = drawn(ThinkTime::Uniform { min: half, max: second });
        assert!(uniform[0] >= 0.5 && uniform[19_999] <= 1.0 && (uniform[10_000] - 0.75).abs() < 0.01);
        let exponential = drawn(ThinkTime::Exponential { mean: second });
        assert!((exponential.iter().sum::<f64>() / 20_000.0 - 1.0).abs() < 0.03);
        let lognormal = drawn(ThinkTime::Lognormal { p50: second, p99: Duration::from_secs(4) });
        assert!((lognormal[10_000] - 1.0).abs() < 0.03, "{}", lognormal[10_000]);
        assert!((lognormal[19_800] - 4.0).abs() < 0.3, "{}", lognormal[19_800]);
        assert_eq!(draw(&ThinkTime::Fixed(half), &mut Seed(1).stream("")), half);
    }
}
