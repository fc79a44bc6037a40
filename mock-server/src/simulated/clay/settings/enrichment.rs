//! How rows are enriched: a waterfall of providers.
//!
//! A waterfall asks one provider after another until one finds something. Only the one that finds is paid ("you only pay
//! credits for the provider that finds a match"), so a row without a match costs only time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::latency::LatencyModel;

/// How rows are enriched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EnrichmentSettings {
    /// Asked in this order; none for rows that stay as they came.
    pub providers: Vec<Provider>,
    /// How long a row waits before the first provider is asked. Rows are reported to take 5 to 60 s in all; 5 to 50 s
    /// leaves the rest to the providers.
    pub wait: LatencyModel,
    /// Stretches every time of enrichment: 0.01 makes a row of 30 s one of 0.3 s.
    pub time_scale: f64,
}

/// A provider of data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its name, as rows tell it.
    pub name: String,
    /// The share of leads that it finds, 0 to 1. Which ones is decided by the seed, its name and the lead.
    pub coverage: f64,
    /// Credits for a lead that it finds; one that it does not find is free.
    pub credits: u32,
    /// How long it takes, found or not.
    pub latency: LatencyModel,
}

/// One e-mail look-up is reported to take about 200 ms, a waterfall up to 10 s; a look-up of at most 2 s keeps five of them
/// below that.
const LOOK_UP: LatencyModel = LatencyModel::Lognormal { p50: Duration::from_millis(200), p99: Duration::from_millis(2_000) };

impl EnrichmentSettings {
    /// Two providers, as integrators report them: at most 4 credits a lead, 83 % found (1 − 0.34 × 0.5).
    pub fn two_providers() -> Self {
        Self::waterfall(&[(0.66, 2), (0.5, 4)])
    }

    /// Five providers, as integrators report them: at most 12 credits a lead, 92 % found, and 6.0 credits a found lead on
    /// average.
    pub fn five_providers() -> Self {
        Self::waterfall(&[(0.45, 4), (0.4, 6), (0.35, 8), (0.3, 10), (0.467, 12)])
    }

    fn waterfall(providers: &[(f64, u32)]) -> Self {
        let providers = ('a'..).zip(providers).map(|(letter, &(coverage, credits))| Provider {
            name: format!("provider-{letter}"),
            coverage,
            credits,
            latency: LOOK_UP,
        });
        let wait = LatencyModel::Uniform { min: Duration::from_secs(5), max: Duration::from_secs(50) };
        Self { providers: providers.collect(), wait, time_scale: 1.0 }
    }

    /// The share of leads that the whole waterfall finds.
    pub fn coverage(&self) -> f64 {
        1.0 - self.providers.iter().map(|provider| 1.0 - provider.coverage).product::<f64>()
    }

    /// The setting that makes no sense, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        const PROVIDERS: &str = "clay.enrichment.providers";
        if self.providers.len() > MOST_PROVIDERS {
            return Err((PROVIDERS, format!("{} are too many; give at most {MOST_PROVIDERS}", self.providers.len())));
        }
        for Provider { name, coverage, latency, .. } in &self.providers {
            if !(0.0..=1.0).contains(coverage) {
                return Err((PROVIDERS, format!("{name}'s coverage is {coverage}; it must be from 0 to 1")));
            }
            latency.validate().map_err(|problem| (PROVIDERS, format!("{name}'s latency: {problem}")))?;
        }
        self.wait.validate().map_err(|problem| ("clay.enrichment.wait", problem))?;
        if !(0.0..=MOST_STRETCHED).contains(&self.time_scale) {
            let problem = format!("{} is no scale; it must be from 0 to {MOST_STRETCHED}", self.time_scale);
            return Err(("clay.enrichment.time_scale", problem));
        }
        Ok(())
    }
}

/// Providers that a waterfall may have. Clay names 150; a row keeps the number of its provider in a byte.
const MOST_PROVIDERS: usize = 200;
/// The largest scale of time; sums of durations stay far from overflow.
const MOST_STRETCHED: f64 = 1000.0;

impl Default for EnrichmentSettings {
    /// [`Self::five_providers`]: about 6 credits a lead is what integrators reckon with.
    fn default() -> Self {
        Self::five_providers()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_are_what_integrators_report() {
        let most = |settings: &EnrichmentSettings| settings.providers.iter().map(|provider| provider.credits).max();
        let (two, five) = (EnrichmentSettings::two_providers(), EnrichmentSettings::five_providers());
        assert!((two.coverage() - 0.83).abs() < 1e-9 && (five.coverage() - 0.92).abs() < 1e-3);
        assert_eq!((most(&two), most(&five)), (Some(4), Some(12)));
        let mut missed = 1.0;
        let mut credits = 0.0;
        for provider in &five.providers {
            credits += missed * provider.coverage * f64::from(provider.credits);
            missed *= 1.0 - provider.coverage;
        }
        assert!((credits / five.coverage() - 6.0).abs() < 0.05, "{credits}");
    }
}
