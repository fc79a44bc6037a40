//! How many requests each API takes.

use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::answers;
use super::route::{Api, Endpoint};
use crate::bucket::TokenBucket;
use crate::limit::RateLimit;
use crate::simulated::Answer;
use crate::simulated::customer_io::settings::CustomerIoSettings;

/// The limits of all APIs.
pub(super) struct Quotas {
    track: Limit,
    app: Limit,
    transactional: Limit,
    broadcast: Limit,
    pipelines: Limit,
    daily: Option<Daily>,
}

/// A limit of requests a second and a burst, or none. Its clock starts with its first request.
struct Limit {
    setting: Option<RateLimit>,
    bucket: Mutex<Option<(TokenBucket, Instant)>>,
}

impl Limit {
    fn new(setting: Option<RateLimit>) -> Self {
        Self { setting, bucket: Mutex::default() }
    }

    /// Takes a token.
    ///
    /// # Errors
    ///
    /// How long to wait for the next one.
    fn take(&self, now: Instant) -> Result<(), Duration> {
        let Some(RateLimit { rate, burst }) = self.setting else { return Ok(()) };
        let mut bucket = self.bucket.lock();
        let (bucket, start) = bucket.get_or_insert_with(|| (TokenBucket::new(rate, burst), now));
        bucket.take(now.saturating_duration_since(*start))
    }
}

/// So many requests a day; the first one begins it.
struct Daily {
    quota: u64,
    today: Mutex<Option<(Instant, u64)>>,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Daily {
    fn take(&self, now: Instant) -> bool {
        let mut today = self.today.lock();
        let (_, used) = match today.as_mut() {
            Some(day) if now.saturating_duration_since(day.0) < DAY => day,
            _ => today.insert((now, 0)),
        };
        let may = *used < self.quota;
        *used += u64::from(may);
        may
    }
}

impl Quotas {
    pub(super) fn new(settings: &CustomerIoSettings) -> Self {
        Self {
            track: Limit::new(settings.rate_limit),
            app: Limit::new(settings.app_rate_limit),
            transactional: Limit::new(settings.transactional_rate_limit),
            broadcast: Limit::new(settings.broadcast_rate_limit),
            pipelines: Limit::new(settings.pipelines_rate_limit),
            daily: settings.app_daily_quota.map(|quota| Daily { quota, today: Mutex::default() }),
        }
    }

    /// Takes what a request needs. Returns the answer to a request that is one too many.
    pub(super) fn refuse(&self, endpoint: Endpoint, now: Instant, reference: impl FnOnce() -> String) -> Option<Answer> {
        let limit = match (endpoint.api(), endpoint) {
            (Api::TrackV1 | Api::TrackV2 | Api::Open, _) => &self.track,
            (Api::Pipelines, _) => &self.pipelines,
            (Api::App, Endpoint::TriggerBroadcast) => &self.broadcast,
            (Api::App, Endpoint::FindCustomers | Endpoint::CustomerAttributes) => &self.app,
            (Api::App, _) => &self.transactional,
        };
        let api = endpoint.api();
        if let Err(wait) = limit.take(now) {
            return Some(answers::too_many(api, &too_many(api, limit.setting, reference), Some(wait)));
        }
        match &self.daily {
            Some(daily) if api == Api::App && !daily.take(now) => {
                Some(answers::too_many(api, &format!("daily quota of {} requests exceeded", daily.quota), None))
            }
            _ => None,
        }
    }

    /// The limits, for reading back.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "track": self.track.setting,
            "app": self.app.setting,
            "transactional": self.transactional.setting,
            "broadcast": self.broadcast.setting,
            "pipelines": self.pipelines.setting,
            "app_daily_quota": self.daily.as_ref().map(|daily| daily.quota),
        })
    }
}

/// The App API's words (documented: "rate limited to 10 requests per 1s (reference a1b2c3)"), and plainer ones elsewhere.
fn too_many(api: Api, setting: Option<RateLimit>, reference: impl FnOnce() -> String) -> String {
    match (api, setting) {
        (Api::App, Some(RateLimit { rate, .. })) if rate >= 1.0 => {
            format!("rate limited to {rate} requests per 1s (reference {})", reference())
        }
        (Api::App, Some(RateLimit { rate, .. })) => {
            format!("rate limited to 1 requests per {}s (reference {})", (1.0 / rate).round(), reference())
        }
        _ => "rate limit exceeded".to_owned(),
    }
}
