//! What a service reports about itself, read over HTTP: `/clock` and `/stats`.
//!
//! A user's own service may report nothing at all, or only some of it: what it does not report is absent, never zero.

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::time::Instant;

use crate::journey::summed;
use crate::measure::Gauges;
use crate::resilience::PipelineGauges;
use crate::service::Stats;
use crate::transport::{Body, HttpClient};
use crate::units::format_count;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const LONGEST: usize = 16 << 20;
/// Exchanges from which the clock's offset is taken: the quickest is the most exact.
const EXCHANGES: usize = 5;

/// A service's own endpoints.
#[derive(Debug, Clone)]
pub struct Api {
    pub(super) client: HttpClient,
    pub(super) base: String,
    pub(super) authorization: Option<HeaderValue>,
}

/// The service did not report.
#[derive(Debug, Error)]
pub enum ApiError {
    /// It did not answer.
    #[error("{path}: {problem}")]
    NoAnswer {
        /// What it was asked for.
        path: String,
        /// Why.
        problem: String,
    },
    /// It refused.
    #[error("{path} was answered with status {status}")]
    Refused {
        /// What it was asked for.
        path: String,
        /// The status.
        status: u16,
    },
    /// It answered something else.
    #[error("{path} was answered with something else than was expected: {problem}")]
    Unexpected {
        /// What it was asked for.
        path: String,
        /// What is wrong with the answer.
        problem: String,
    },
}

/// Where a service's clock stands on this process's.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockOffset {
    /// The instant at which the service's clock is estimated to have shown `shown`.
    at: Instant,
    shown: Duration,
    /// How far off that can be, either way.
    pub(super) bound: Duration,
}

impl ClockOffset {
    /// The instant at which the service's clock shows `elapsed`.
    pub(super) fn instant(&self, elapsed: Duration) -> Instant {
        if elapsed >= self.shown {
            return self.at + (elapsed - self.shown);
        }
        // A clock that started before this machine did cannot be; such a time is taken for the earliest there is.
        self.at.checked_sub(self.shown - elapsed).unwrap_or(self.at)
    }
}

impl Stats {
    /// As the gauges of a run; users and requests in flight are the load's own.
    pub(super) fn gauges(&self) -> Gauges {
        summed(self.vendors.iter().map(|(vendor, gauges)| (vendor, *gauges)))
    }

    /// Operations that are not at rest.
    pub(super) fn under_way(&self) -> u64 {
        self.vendors.values().map(PipelineGauges::under_way).sum()
    }

    /// "12 operations for Clay, 1 for Customer.io", of those that are not at rest; `None` where all are.
    pub fn open(&self) -> Option<String> {
        let open = self.vendors.iter().map(|(vendor, gauges)| (gauges.under_way(), vendor.display_name()));
        let open: Vec<_> = open.filter(|(count, _)| *count > 0).map(|(count, vendor)| (format_count(count), vendor)).collect();
        let (first, vendor) = open.first()?;
        let others: String = open[1..].iter().map(|(count, vendor)| format!(", {count} for {vendor}")).collect();
        Some(format!("{first} {} for {vendor}{others}", if first == "1" { "operation" } else { "operations" }))
    }
}

impl Api {
    /// The API of a service at `base`.
    pub fn new(client: HttpClient, base: String, authorization: Option<HeaderValue>) -> Self {
        Self { client, base, authorization }
    }

    /// The URL of its places at rest.
    pub fn places(&self) -> String {
        format!("{}/places", self.base)
    }

    /// What the service's gauges show now.
    ///
    /// # Errors
    /// When it does not report them.
    pub async fn stats(&self) -> Result<Stats, ApiError> {
        self.json("/stats").await
    }

    /// Brings the dead letters back.
    ///
    /// # Errors
    /// When it does not.
    pub async fn redrive(&self) -> Result<(), ApiError> {
        self.ask(Method::POST, "/admin/redrive").await.map(drop)
    }

    /// Where the service's clock stands: of several exchanges the quickest counts. As in NTP (RFC 5905, section 8), it showed
    /// its time in the middle of the exchange, give or take half of it.
    pub(super) async fn clock(&self) -> Result<ClockOffset, ApiError> {
        #[derive(Deserialize)]
        struct Clock {
            elapsed_us: u64,
        }
        let mut best: Option<ClockOffset> = None;
        for _ in 0..EXCHANGES {
            let asked = Instant::now();
            let clock: Clock = self.json("/clock").await?;
            let bound = asked.elapsed() / 2;
            if best.is_none_or(|best| bound < best.bound) {
                best = Some(ClockOffset { at: asked + bound, shown: Duration::from_micros(clock.elapsed_us), bound });
            }
        }
        best.ok_or_else(|| ApiError::Unexpected { path: "/clock".to_owned(), problem: "it was not asked".to_owned() })
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let body = self.ask(Method::GET, path).await?;
        serde_json::from_slice(&body).map_err(|error| ApiError::Unexpected { path: path.to_owned(), problem: error.to_string() })
    }

    async fn ask(&self, method: Method, path: &str) -> Result<Bytes, ApiError> {
        let no_answer = |problem: String| ApiError::NoAnswer { path: path.to_owned(), problem };
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.base).parse().map_err(|_| no_answer("no URL".to_owned()))?;
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        let answer =
            self.client.send(request, TIMEOUT, Body::Keep(LONGEST)).await.map_err(|error| no_answer(error.to_string()))?;
        match answer.status {
            200 if answer.body_bytes > LONGEST as u64 => {
                Err(ApiError::Unexpected { path: path.to_owned(), problem: format!("{} bytes", answer.body_bytes) })
            }
            200 => Ok(answer.body),
            status => Err(ApiError::Refused { path: path.to_owned(), status }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::outcome::Vendor;

    use super::*;
    use crate::event::BreakerState;

    #[test]
    fn the_stats_of_both_pipelines_add_up() {
        let stats: Stats = serde_json::from_value(json!({
            "elapsed_us": 5, "accepted": 3,
            "clay": { "queue_depth": 2, "dead_letters": 1, "in_flight": 3, "credits_reserved": 12, "breaker": "OPEN" },
            "customer_io": { "queue_depth": 4, "in_flight": 0 },
        }))
        .expect("unknown fields are passed over, missing ones are empty");
        let gauges = stats.gauges();
        assert_eq!((gauges.queue_depth, gauges.dead_letters, gauges.credits_reserved), (6, 1, 12));
        assert_eq!(gauges.breakers, [(Vendor::Clay, BreakerState::Open)].into());
        assert_eq!(stats.under_way(), 7, "an operation in flight is in its queue too");
        assert_eq!(stats.open().as_deref(), Some("3 operations for Clay, 4 for Customer.io"));
        assert_eq!(Stats::default().open(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn times_of_the_services_clock_become_instants_of_ours() {
        let now = Instant::now() + Duration::from_secs(100);
        let offset = ClockOffset { at: now, shown: Duration::from_secs(7), bound: Duration::ZERO };
        assert_eq!(offset.instant(Duration::from_secs(9)), now + Duration::from_secs(2));
        assert_eq!(offset.instant(Duration::from_secs(5)), now - Duration::from_secs(2));
    }
}
