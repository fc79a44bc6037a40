//! What the simulated Customer.io is made of.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Period;
use crate::latency::LatencyModel;
use crate::limit::RateLimit;
use crate::simulated::SettingsProblem;

/// Where an account lives. Its data stays there, and the vendor's hosts are named after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// The United States: `track.customer.io`, `api.customer.io`, `cdp.customer.io`.
    #[default]
    Us,
    /// The European Union: the same hosts with `-eu`.
    Eu,
}

/// The simulated Customer.io.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CustomerIoSettings {
    /// Site ID, the user of the Track API's Basic authentication.
    pub site_id: String,
    /// API key, its password.
    pub api_key: String,
    /// The App API's bearer token.
    pub app_api_key: String,
    /// The Pipelines API's write key, the user of its Basic authentication; the password is blank.
    pub write_key: String,
    /// Where the account lives.
    pub region: Region,
    /// The workspace's number, which `/api/v1/accounts/region` gives.
    pub environment_id: u64,
    /// How long it thinks.
    pub latency: LatencyModel,
    /// The Track API's limit, versions 1 and 2 together, in requests a second and burst; `None` for none.
    pub rate_limit: Option<RateLimit>,
    /// The App API's limit on requests that have none of their own, likewise.
    pub app_rate_limit: Option<RateLimit>,
    /// The App API's limit on transactional messages, likewise.
    pub transactional_rate_limit: Option<RateLimit>,
    /// The App API's limit on triggers of broadcasts, likewise.
    pub broadcast_rate_limit: Option<RateLimit>,
    /// The Pipelines API's limit, likewise.
    pub pipelines_rate_limit: Option<RateLimit>,
    /// Requests a day that the App API takes; `None` for any number. Beyond it 429 comes without Retry-After, as documented
    /// for daily quotas. How many a day an account has is not publicly documented, so there is none unless one is set. A day
    /// begins with the first request.
    pub app_daily_quota: Option<u64>,
    /// The broadcasts that exist; triggers of others are 404. `None` for all.
    pub broadcasts: Option<Vec<u64>>,
    /// How long an event's identity is remembered, so that the same event is ignored when it comes again. That duplicates
    /// are ignored is documented, for how long is not. A day was chosen because it outlives any client's retries and queues
    /// that are drained by the next morning.
    #[serde(with = "crate::duration::text")]
    #[schemars(with = "Period")]
    pub deduplication_window: Duration,
    /// Identities that are remembered at most; beyond them the oldest is forgotten before its time, because memory has to
    /// stay flat. 200,000 take 12 MB.
    pub deduplication_ids: usize,
    /// Whether the Pipelines API ignores a call whose `messageId` it has seen. The document says that the identity ensures
    /// "that each individual event is unique" and no more; it was taken at its word.
    pub pipelines_deduplication: bool,
    /// Bytes that customers, events, deliveries and everything else that can be read back may take; beyond them the oldest
    /// are forgotten, and counted.
    pub stored_bytes: usize,
}

impl CustomerIoSettings {
    /// The default settings with the documented rate limits: the Track API 1,000 requests/s, the App API 10/s,
    /// transactional messages 100/s, triggers of broadcasts 1 in 10 s, Pipelines 3,000 in 3 s.
    ///
    /// Bursts are documented for Pipelines only; elsewhere a second's worth was chosen, because limits that are given a
    /// second are counted a second.
    pub fn documented_limits() -> Self {
        Self {
            rate_limit: Some(RateLimit { rate: 1_000.0, burst: 1_000 }),
            app_rate_limit: Some(RateLimit { rate: 10.0, burst: 10 }),
            transactional_rate_limit: Some(RateLimit { rate: 100.0, burst: 100 }),
            broadcast_rate_limit: Some(RateLimit { rate: 0.1, burst: 1 }),
            pipelines_rate_limit: Some(RateLimit { rate: 1_000.0, burst: 3_000 }),
            ..Self::default()
        }
    }

    /// Checks them.
    ///
    /// # Errors
    ///
    /// The first setting that makes no sense.
    pub(crate) fn validate(&self) -> Result<(), SettingsProblem> {
        let wrong = |setting| move |problem| SettingsProblem { setting, problem };
        self.latency.validate().map_err(wrong("customer_io.latency"))?;
        for (setting, limit) in [
            ("customer_io.rate_limit", self.rate_limit),
            ("customer_io.app_rate_limit", self.app_rate_limit),
            ("customer_io.transactional_rate_limit", self.transactional_rate_limit),
            ("customer_io.broadcast_rate_limit", self.broadcast_rate_limit),
            ("customer_io.pipelines_rate_limit", self.pipelines_rate_limit),
        ] {
            limit.map_or(Ok(()), RateLimit::check).map_err(wrong(setting))?;
        }
        Ok(())
    }
}

impl Default for CustomerIoSettings {
    fn default() -> Self {
        Self {
            site_id: "simulated-site".to_owned(),
            api_key: "simulated-customer-io-key".to_owned(),
            app_api_key: "simulated-customer-io-app-key".to_owned(),
            write_key: "simulated-customer-io-write-key".to_owned(),
            region: Region::Us,
            environment_id: 1,
            latency: LatencyModel::Lognormal { p50: Duration::from_millis(25), p99: Duration::from_millis(120) },
            rate_limit: None,
            app_rate_limit: None,
            transactional_rate_limit: None,
            broadcast_rate_limit: None,
            pipelines_rate_limit: None,
            app_daily_quota: None,
            broadcasts: None,
            deduplication_window: Duration::from_secs(24 * 60 * 60),
            deduplication_ids: 200_000,
            pipelines_deduplication: true,
            stored_bytes: 8 * 1024 * 1024,
        }
    }
}

impl fmt::Debug for CustomerIoSettings {
    /// As they are written, without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = serde_json::to_value(self).unwrap_or_default();
        if let Some(settings) = written.as_object_mut() {
            settings.retain(|name, _| !name.ends_with("_key"));
        }
        write!(f, "CustomerIoSettings {written}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_the_way_to_another_process_and_hide_their_keys() {
        let settings = CustomerIoSettings { region: Region::Eu, ..CustomerIoSettings::documented_limits() };
        let written = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<CustomerIoSettings>(&written).unwrap(), settings);
        let shown = format!("{settings:?}");
        for key in [&settings.api_key, &settings.app_api_key, &settings.write_key] {
            assert!(!shown.contains(key.as_str()), "{shown}");
        }
    }

    #[test]
    fn a_limit_of_nothing_is_named() {
        let settings =
            CustomerIoSettings { broadcast_rate_limit: Some(RateLimit { rate: 0.0, burst: 1 }), ..CustomerIoSettings::default() };
        assert_eq!(settings.validate().unwrap_err().setting, "customer_io.broadcast_rate_limit");
        CustomerIoSettings::documented_limits().validate().unwrap();
    }
}
