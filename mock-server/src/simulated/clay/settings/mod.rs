//! What the simulated Clay is made of.

mod callback;
mod credits;
mod enrichment;
mod public_api;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use callback::CallbackSettings;
pub use credits::{CreditSettings, Plan, WhenExhausted};
pub use enrichment::{EnrichmentSettings, Provider};
pub(super) use public_api::LONGEST_ID;
pub use public_api::{PublicApiSettings, RegisteredWebhook, Routine};

use crate::latency::LatencyModel;
use crate::limit::RateLimit;
use crate::secret::Secret;
use crate::simulated::SettingsProblem;

/// The simulated Clay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClaySettings {
    /// API key of the public API, and Bearer token that `/v1/resource` asks for.
    pub api_key: String,
    /// UUID of the first webhook source.
    pub webhook_id: String,
    /// Token that the first source asks for in `x-clay-webhook-auth`; `None` for an open one.
    pub webhook_token: Option<String>,
    /// Further webhook sources.
    pub sources: Vec<WebhookSource>,
    /// How long it thinks before it answers.
    pub latency: LatencyModel,
    /// The vendor's own limit on webhook submissions of the whole workspace, requests a second and burst; `None` for none.
    /// Integrators report 10 and 20.
    pub rate_limit: Option<RateLimit>,
    /// Submissions that a webhook source takes in its life: 50,000 are documented, deleted rows included.
    pub webhook_submissions: u64,
    /// The column by which a webhook's table removes duplicates, as Clay's auto-dedupe does; `None` for none. A submission whose
    /// value in this field is in the table already is answered as any other, adds no row and costs nothing. Values of more than
    /// 200 characters are not compared, as documented.
    pub auto_dedupe: Option<String>,
    /// The public API.
    pub public_api: PublicApiSettings,
    /// How rows are enriched.
    pub enrichment: EnrichmentSettings,
    /// What enrichment may cost.
    pub credits: CreditSettings,
    /// What is sent back.
    pub callbacks: CallbackSettings,
    /// Bytes of rows, runs and callbacks that are kept to be read back. Beyond them the oldest are forgotten, and counted.
    pub store_bytes: usize,
}

/// A webhook source: an address under which a table takes rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSource {
    /// Its UUID.
    pub id: String,
    /// Token that it asks for in `x-clay-webhook-auth`; `None` for an open one.
    #[serde(default)]
    pub token: Option<Secret>,
    /// Where its enriched rows are posted; `None` for [`CallbackSettings::url`].
    #[serde(default)]
    pub callback_url: Option<String>,
}

impl Default for ClaySettings {
    fn default() -> Self {
        Self {
            api_key: "simulated-clay-key".to_owned(),
            webhook_id: "7f2c1d9e-3b5a-4c8d-9e6f-0a1b2c3d4e5f".to_owned(),
            webhook_token: None,
            sources: Vec::new(),
            latency: LatencyModel::Lognormal {
                p50: std::time::Duration::from_millis(40),
                p99: std::time::Duration::from_millis(200),
            },
            rate_limit: None,
            webhook_submissions: 50_000,
            auto_dedupe: None,
            public_api: PublicApiSettings::default(),
            enrichment: EnrichmentSettings::default(),
            credits: CreditSettings::default(),
            callbacks: CallbackSettings::default(),
            store_bytes: 6 * 1024 * 1024,
        }
    }
}

impl ClaySettings {
    /// With the limits that Clay is known to have, where the default has none so that a load measures the client and not the
    /// limit: 10 submissions a second with a burst of 20, and the credits of the Launch plan (the smallest that is paid for).
    /// The public API's limit is known to exist and its figure is not published; the webhook's was taken for it.
    pub fn documented() -> Self {
        let limit = Some(RateLimit { rate: 10.0, burst: 20 });
        Self {
            rate_limit: limit,
            public_api: PublicApiSettings { rate_limit: limit, ..PublicApiSettings::default() },
            credits: CreditSettings { plan: Plan::Launch, ..CreditSettings::default() },
            ..Self::default()
        }
    }

    /// Every source, the first one included.
    pub(crate) fn all_sources(&self) -> Vec<WebhookSource> {
        let first =
            WebhookSource { id: self.webhook_id.clone(), token: self.webhook_token.clone().map(Secret), callback_url: None };
        std::iter::once(first).chain(self.sources.iter().cloned()).collect()
    }

    /// The first setting that makes no sense.
    pub(crate) fn validate(&self) -> Result<(), SettingsProblem> {
        let wrong = |setting| move |problem| SettingsProblem { setting, problem };
        self.latency.validate().map_err(wrong("clay.latency"))?;
        self.rate_limit.map_or(Ok(()), RateLimit::check).map_err(wrong("clay.rate_limit"))?;
        self.public_api.rate_limit.map_or(Ok(()), RateLimit::check).map_err(wrong("clay.public_api.rate_limit"))?;
        self.check_sources().map_err(wrong("clay.sources"))?;
        if self.auto_dedupe.as_deref().is_some_and(str::is_empty) {
            return Err(wrong("clay.auto_dedupe")("a column must have a name, as in \"idempotency_key\"".to_owned()));
        }
        self.public_api.check().map_err(|(setting, problem)| SettingsProblem { setting, problem })?;
        self.enrichment.check().map_err(|(setting, problem)| SettingsProblem { setting, problem })?;
        self.credits.check().map_err(wrong("clay.credits.month"))?;
        self.callbacks.check().map_err(|(setting, problem)| SettingsProblem { setting, problem })
    }

    fn check_sources(&self) -> Result<(), String> {
        let mut seen = std::collections::HashSet::new();
        for source in self.all_sources() {
            if source.id.is_empty() || source.id.contains('/') {
                return Err(format!("`{}` is not an id; it must be a UUID", source.id));
            }
            if !seen.insert(source.id.to_ascii_lowercase()) {
                return Err(format!("two sources have the id {}; give each its own", source.id));
            }
            if let Some(url) = &source.callback_url {
                self.callbacks.check_url(url)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_reported() {
        let problem = |change: &dyn Fn(&mut ClaySettings)| {
            let mut settings = ClaySettings::default();
            change(&mut settings);
            settings.validate().unwrap_err().to_string()
        };
        let source = |id: &str| WebhookSource { id: id.to_owned(), token: None, callback_url: None };
        let same = problem(&|settings| settings.sources.push(source(&settings.webhook_id.to_uppercase())));
        assert!(same.contains("clay.sources: two sources"), "{same}");
        assert!(problem(&|settings| settings.sources.push(source(""))).contains("is not an id"));
        let coverage = problem(&|settings| settings.enrichment.providers[0].coverage = 1.5);
        assert!(coverage.contains("clay.enrichment.providers: provider-a's coverage is 1.5"), "{coverage}");
        assert!(problem(&|settings| settings.enrichment.time_scale = -1.0).contains("clay.enrichment.time_scale"));
        assert!(problem(&|settings| settings.credits.month = std::time::Duration::ZERO).contains("clay.credits.month"));
        let url = problem(&|settings| settings.callbacks.url = Some("http://example.com/".to_owned()));
        assert!(url.contains("clay.callbacks.url") && url.contains("beyond_loopback"), "{url}");
        assert!(problem(&|settings| settings.callbacks.attempts = 0).contains("clay.callbacks.attempts"));
        let dedupe = problem(&|settings| settings.auto_dedupe = Some(String::new()));
        assert!(dedupe.contains("clay.auto_dedupe: a column must have a name"), "{dedupe}");
        let limit = problem(&|settings| settings.public_api.rate_limit = Some(RateLimit { rate: 1.0, burst: 0 }));
        assert!(limit.contains("clay.public_api.rate_limit: the burst is 0"), "{limit}");
    }

    #[test]
    fn the_documented_settings_are_sound_and_limit() {
        let settings = ClaySettings::documented();
        assert_eq!(settings.validate(), Ok(()));
        assert_eq!((settings.rate_limit, settings.webhook_submissions), (Some(RateLimit { rate: 10.0, burst: 20 }), 50_000));
        assert_eq!(settings.credits.plan.monthly(), Some(3_000));
        assert_eq!(ClaySettings::default().validate(), Ok(()));
    }

    #[test]
    fn secrets_are_not_shown() {
        let source = WebhookSource { id: "a".to_owned(), token: Some(Secret("hush".to_owned())), callback_url: None };
        assert!(!format!("{source:?}").contains("hush"));
    }
}
