//! What the waterfall makes of a lead: who finds it, what that costs, and how long it takes.
//!
//! All of it follows from the seed and from what names the lead, and from nothing else: the same lead has the same fate in
//! every run, whenever it comes and whatever comes beside it.

use std::time::Duration;

use crate::seed::{Hash, Seed};
use crate::simulated::clay::settings::EnrichmentSettings;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The fate of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The number of the provider that finds it; `None` where none does.
    pub(super) provider: Option<u8>,
    /// What that costs.
    pub(super) credits: u32,
    /// From the submission to the first look-up.
    pub(super) waits: Duration,
    /// From the submission to the end.
    pub(super) takes: Duration,
}

/// The waterfall of a workspace.
pub(super) struct Waterfall {
    settings: EnrichmentSettings,
    /// A hash for each provider, to be continued with the lead.
    finds: Vec<Hash>,
    times: Hash,
}

impl Waterfall {
    pub(super) fn new(settings: EnrichmentSettings, seed: Seed) -> Self {
        let finds = settings.providers.iter().map(|provider| seed.hash("coverage").part(provider.name.as_bytes())).collect();
        Self { settings, finds, times: seed.hash("enrichment time") }
    }

    /// The fate of the lead that `key` names.
    pub(super) fn outcome(&self, key: &[u8]) -> Outcome {
        let mut rng = ChaCha8Rng::seed_from_u64(self.times.part(key).finish());
        let waits = self.settings.wait.sample(&mut rng);
        let mut takes = waits;
        let mut found = None;
        for (number, (provider, finds)) in (0_u8..).zip(self.settings.providers.iter().zip(&self.finds)) {
            takes += provider.latency.sample(&mut rng);
            if finds.part(key).unit() < provider.coverage {
                found = Some((number, provider.credits));
                break;
            }
        }
        let scaled = |time: Duration| time.mul_f64(self.settings.time_scale);
        let (provider, credits) = found.unzip();
        Outcome { provider, credits: credits.unwrap_or(0), waits: scaled(waits), takes: scaled(takes) }
    }

    /// The name of a provider.
    pub(super) fn name(&self, provider: u8) -> &str {
        self.settings.providers.get(usize::from(provider)).map_or("", |provider| &provider.name)
    }

    /// Credits without which nothing can be found; 0 where a provider is free, or there is none.
    pub(super) fn cheapest(&self) -> u32 {
        self.settings.providers.iter().map(|provider| provider.credits).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::latency::LatencyModel;
    use crate::simulated::clay::settings::Provider;

    fn outcomes(settings: EnrichmentSettings, seed: u64, leads: u32) -> Vec<Outcome> {
        let waterfall = Waterfall::new(settings, Seed(seed));
        (0..leads).map(|lead| waterfall.outcome(format!("lead{lead}@acme.test").as_bytes())).collect()
    }

    #[test]
    fn the_same_lead_has_the_same_fate_and_another_seed_another() {
        let five = EnrichmentSettings::five_providers;
        assert_eq!(outcomes(five(), 1, 100), outcomes(five(), 1, 100));
        assert_ne!(outcomes(five(), 1, 100), outcomes(five(), 2, 100));
    }

    #[test]
    fn only_the_provider_that_finds_is_paid_and_all_that_were_asked_take_time() {
        let second = Duration::from_secs(1);
        let provider = |coverage, credits| Provider {
            name: format!("p{credits}"),
            coverage,
            credits,
            latency: LatencyModel::Fixed { delay: second },
        };
        let wait = LatencyModel::Fixed { delay: 5 * second };
        let waits = Duration::from_millis(2_500);
        let with = |providers| EnrichmentSettings { providers, wait, time_scale: 0.5 };
        let outcome = |providers| outcomes(with(providers), 1, 1)[0];
        let second_finds = outcome(vec![provider(0.0, 1), provider(1.0, 2), provider(1.0, 3)]);
        assert_eq!(second_finds, Outcome { provider: Some(1), credits: 2, waits, takes: Duration::from_millis(3_500) });
        let none = outcome(vec![provider(0.0, 1), provider(0.0, 2)]);
        assert_eq!(none, Outcome { provider: None, credits: 0, waits, takes: Duration::from_millis(3_500) });
        assert_eq!(outcome(Vec::new()), Outcome { provider: None, credits: 0, waits, takes: waits });
    }

    #[test]
    fn rows_take_5_to_60_seconds_and_cost_about_6_credits() {
        let outcomes = outcomes(EnrichmentSettings::default(), 7, 10_000);
        assert!(outcomes.iter().all(|outcome| outcome.takes >= Duration::from_secs(5)));
        let late = outcomes.iter().filter(|outcome| outcome.takes > Duration::from_secs(60)).count();
        // A look-up of the lognormal model may take long: rarely.
        assert!(late < 10, "{late}");
        let found = outcomes.iter().filter(|outcome| outcome.provider.is_some()).count();
        let credits: u32 = outcomes.iter().map(|outcome| outcome.credits).sum();
        let mean = f64::from(credits) / found as f64;
        assert!((mean - 6.0).abs() < 0.2, "{mean}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Every provider finds its share, within five standard deviations of the binomial distribution, and no more credits
        /// are asked than the dearest provider's.
        #[test]
        fn coverage_is_what_was_asked_for(seed in any::<u64>(), first in 0.0_f64..=1.0, second in 0.0_f64..=1.0) {
            const LEADS: u32 = 4_000;
            let provider = |name: &str, coverage, credits| Provider {
                name: name.to_owned(),
                coverage,
                credits,
                latency: LatencyModel::Fixed { delay: Duration::ZERO },
            };
            let providers = vec![provider("a", first, 2), provider("b", second, 4)];
            let settings = EnrichmentSettings { providers, ..EnrichmentSettings::default() };
            let expected = [first, (1.0 - first) * second, (1.0 - first) * (1.0 - second)];
            let outcomes = outcomes(settings, seed, LEADS);
            for (provider, share) in [Some(0), Some(1), None].into_iter().zip(expected) {
                let count = outcomes.iter().filter(|outcome| outcome.provider == provider).count();
                let deviation = (f64::from(LEADS) * share * (1.0 - share)).sqrt();
                prop_assert!((count as f64 - f64::from(LEADS) * share).abs() <= 5.0 * deviation + 1.0, "{provider:?}: {count}");
            }
            prop_assert!(outcomes.iter().all(|outcome| [0, 2, 4].contains(&outcome.credits)));
        }
    }
}
