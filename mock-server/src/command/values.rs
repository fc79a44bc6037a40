//! Values of options that are more than a number.

use std::time::Duration;

use crate::duration::parse_duration;
use crate::latency::LatencyModel;

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
pub(super) fn limit(text: &str) -> Result<(f64, u32), String> {
    let wrong = || format!("`{text}` is not a limit; write it as requests a second and burst: `10/20`");
    let (rate, burst) = text.split_once('/').ok_or_else(wrong)?;
    let (rate, burst) = (rate.parse::<f64>().map_err(|_| wrong())?, burst.parse::<u32>().map_err(|_| wrong())?);
    if rate.is_finite() && rate > 0.0 && burst > 0 { Ok((rate, burst)) } else { Err(wrong()) }
}
