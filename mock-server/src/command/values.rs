//! Values of options that are more than a number.

use std::time::Duration;

use crate::duration::parse_duration;
use crate::latency::LatencyModel;
use crate::settings::RateLimit;

/// `40ms`, or `40ms/200ms`.
pub(super) fn latency(text: &str) -> Result<LatencyModel, String> {
    let model = match text.split_once('/') {
        Some((p50, p99)) => LatencyModel::Lognormal { p50: time(p50)?, p99: time(p99)? },
        None => LatencyModel::Fixed { delay: time(text)? },
    };
    model.validate().map(|()| model)
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// `10/20`.
pub(super) fn limit(text: &str) -> Result<RateLimit, String> {
    let read = || {
        let (rate, burst) = text.split_once('/')?;
        let limit = RateLimit { rate: rate.parse().ok()?, burst: burst.parse().ok()? };
        limit.check().is_ok().then_some(limit)
    };
    read().ok_or_else(|| format!("`{text}` is not a limit; write it as requests a second and burst: `10/20`"))
}
