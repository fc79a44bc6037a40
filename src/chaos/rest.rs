//! Coming to rest: the audit is of what is, and not of what is on its way.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use super::driver::Driver;
use super::vendors::Vendors;
use crate::service::Stats;
use crate::transport::{Body, HttpClient};

/// How often the harness looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many looks in a row must find it at rest: a callback may be on its way between two of them.
const LOOKS: u32 = 8;
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The service as an operator sees it.
#[derive(Clone)]
pub(super) struct Admin {
    pub(super) client: HttpClient,
    /// Its base URL, for `plimsoll serve`; `None` for a service that tells nothing of itself.
    pub(super) base: Option<String>,
    pub(super) authorization: Option<HeaderValue>,
}

impl Admin {
    /// Brings the dead letters back.
    pub(super) async fn redrive(&self) {
        if let Some(request) = self.request("POST", "/admin/redrive") {
            // A service that dies meanwhile is what the harness is for.
            let _ = self.client.send(request, ANSWER_WITHIN, Body::Count).await;
        }
    }

    async fn stats(&self) -> Option<Stats> {
        let answer = self.client.send(self.request("GET", "/stats")?, ANSWER_WITHIN, Body::Keep(1 << 20)).await.ok()?;
        serde_json::from_slice(&answer.body).ok()
    }

    fn request(&self, method: &str, path: &str) -> Option<Request<Full<Bytes>>> {
        let uri: Uri = format!("{}{path}", self.base.as_ref()?).parse().ok()?;
        let mut request = Request::builder().method(method).uri(uri).body(Full::default()).ok()?;
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        Some(request)
    }
}

/// Waits until nothing moves any more: nothing queued, nothing under way, nothing that comes back. Without a service that tells,
/// until the vendors have heard nothing for `quiet`. Gives what is still moving after `within`.
pub(super) async fn come_to_rest(
    admin: &Admin,
    vendors: &Vendors,
    driver: &Driver,
    within: Duration,
    quiet: Duration,
) -> Option<String> {
    let until = Instant::now() + within;
    if driver.ask_again().await > 0 {
        return Some("the service is gone".to_owned());
    }
    admin.redrive().await;
    let mut still = 0;
    let mut heard = (requests(vendors), Instant::now());
    loop {
        let now = requests(vendors);
        if now != heard.0 {
            heard = (now, Instant::now());
        }
        let moving = match admin.base {
            Some(_) => moving(admin.stats().await, vendors),
            None => (heard.1.elapsed() < quiet).then(|| "the vendors still hear from it".to_owned()),
        };
        still = if moving.is_none() { still + 1 } else { 0 };
        if still >= LOOKS || Instant::now() >= until {
            return moving;
        }
        sleep(LOOK_EVERY).await;
    }
}

fn requests(vendors: &Vendors) -> u64 {
    vendors.simulated.counts().iter().map(|count| count.count).sum()
}

fn moving(stats: Option<Stats>, vendors: &Vendors) -> Option<String> {
    let Some(stats) = stats else { return Some("the service does not answer".to_owned()) };
    for (vendor, stats) in stats.vendors.iter() {
        let vendor = vendor.display_name();
        if stats.queue_depth > 0 || stats.in_flight > 0 {
            return Some(format!("{} operations are queued for {vendor}, {} under way", stats.queue_depth, stats.in_flight));
        }
    }
    (!vendors.are_done()).then(|| "Clay still enriches rows".to_owned())
}
