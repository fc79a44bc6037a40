//! How many requests each API takes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::answers;
use super::route::{Api, Endpoint};
use crate::simulated::Answer;
use crate::simulated::customer_io::settings::CustomerIoSettings;
use crate::simulated::limit::OwnLimit;

/// The limits of all APIs.
pub(super) struct Quotas {
    track: Limit,
    app: Limit,
    transactional: Limit,
    broadcast: Limit,
    pipelines: Limit,
    daily: Option<Daily>,
}

/// A limit with what it was made of.
struct Limit {
    setting: Option<(f64, u32)>,
    bucket: OwnLimit,
}

impl Limit {
    fn new(setting: Option<(f64, u32)>) -> Self {
        Self { setting, bucket: OwnLimit::new(setting) }
    }

    fn to_json(&self) -> Value {
        self.setting.map_or(Value::Null, |(rate, burst)| json!({ "rate": rate, "burst": burst }))
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
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
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
        if let Err(wait) = limit.bucket.take(now) {
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
            "track": self.track.to_json(),
            "app": self.app.to_json(),
            "transactional": self.transactional.to_json(),
            "broadcast": self.broadcast.to_json(),
            "pipelines": self.pipelines.to_json(),
            "app_daily_quota": self.daily.as_ref().map(|daily| daily.quota),
        })
    }
}

/// The App API's words (documented: "rate limited to 10 requests per 1s (reference a1b2c3)"), and plainer ones elsewhere.
fn too_many(api: Api, setting: Option<(f64, u32)>, reference: impl FnOnce() -> String) -> String {
    match (api, setting) {
        (Api::App, Some((rate, _))) if rate >= 1.0 => {
            format!("rate limited to {rate} requests per 1s (reference {})", reference())
        }
        (Api::App, Some((rate, _))) => {
            format!("rate limited to 1 requests per {}s (reference {})", (1.0 / rate).round(), reference())
        }
        _ => "rate limit exceeded".to_owned(),
    }
}
