//! A client, and vendors that answer without delay.

#![allow(dead_code, reason = "each test program uses a part")]

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as HyperClient, Error};
use hyper_util::rt::TokioExecutor;
use mock_server::fault::{Fault, FaultKind, SimulatedVendor};
use mock_server::latency::LatencyModel;
use mock_server::settings::{ClaySettings, CustomerIoSettings, SimulationSettings};

pub(crate) const WEBHOOK: &str = "/v3/sources/webhook/7f2c1d9e-3b5a-4c8d-9e6f-0a1b2c3d4e5f";
pub(crate) const NO_DELAY: LatencyModel = LatencyModel::Fixed { delay: Duration::ZERO };
/// Longer than any test.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(3600);

/// Longer than anything takes that works.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it hangs")
}

pub(crate) fn settings(faults: Vec<Fault>) -> SimulationSettings {
    SimulationSettings {
        clay: ClaySettings { latency: NO_DELAY, webhook_submissions: u64::MAX, ..ClaySettings::default() },
        customer_io: CustomerIoSettings { latency: NO_DELAY, ..CustomerIoSettings::default() },
        faults,
        ..SimulationSettings::default()
    }
}

/// A fault of Clay from the beginning of the load.
pub(crate) fn clay_fault(lasts: Duration, kind: FaultKind) -> Fault {
    Fault { vendor: Some(SimulatedVendor::Clay), lasts: Some(lasts), ..Fault::new("fault", kind) }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Clone)]
pub(crate) struct Client(HyperClient<HttpConnector, Full<Bytes>>);

impl Client {
    pub(crate) fn new() -> Self {
        // Without retries by the client, every request is one attempt.
        Self(HyperClient::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http())
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
        in_time(async {
            let (parts, body) = self.0.request(request).await?.into_parts();
            let body = body.collect().await.expect("a body that breaks off").to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        })
        .await
    }

    pub(crate) async fn submit(&self, clay_url: &str, body: impl Into<Bytes>) -> Result<Answer, Error> {
        self.send(Request::post(format!("{clay_url}{WEBHOOK}")).body(Full::new(body.into())).unwrap()).await
    }

    pub(crate) async fn identify(&self, customer_io_url: &str, id: &str) -> Result<Answer, Error> {
        let request = Request::put(format!("{customer_io_url}/api/v1/customers/{id}"))
            .header("authorization", "Basic c2ltdWxhdGVkLXNpdGU6c2ltdWxhdGVkLWN1c3RvbWVyLWlvLWtleQ==")
            .body(Full::new(Bytes::from_static(b"{}")));
        self.send(request.unwrap()).await
    }
}
