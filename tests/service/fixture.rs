//! A service in this process, on a port and a file of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::Full;
use mock_server::latency::LatencyModel;
use mock_server::settings::{ClaySettings, CustomerIoSettings, SimulationSettings};
use mock_server::simulation::SimulatedVendors;
use plimsoll::event::NoEvents;
use plimsoll::outcome::Vendor;
use plimsoll::seed::Seed;
use plimsoll::service::ServiceConfig;
use plimsoll::service::{self, Running};
use plimsoll::store::sqlite::{SqliteSettings, SqliteStore};
use plimsoll::store::{Bounds, LeadStore};
use plimsoll::transport::{Body, HttpClient, PoolSettings};
use serde_json::Value;
use tempfile::TempDir;

/// What Clay signs with.
pub(crate) const SECRET: &str = "whsec_of_the_test";
/// Longer than anything takes that works.
pub(crate) const LONG: Duration = Duration::from_secs(30);
/// Nothing listens there.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";

/// A service that runs.
pub(crate) struct Fixture<S: LeadStore = SqliteStore> {
    pub(crate) running: Running<S>,
    pub(crate) url: String,
    pub(crate) dir: TempDir,
    client: HttpClient,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Its lines, each JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The first problem that a refusal names.
    pub(crate) fn problem(&self) -> Value {
        self.json()["errors"][0].clone()
    }
}

/// The vendors without delays and limits; rows are enriched at once, and always found.
pub(crate) fn vendor_settings() -> SimulationSettings {
    let no_delay = LatencyModel::Fixed { delay: Duration::ZERO };
    let mut settings = SimulationSettings {
        clay: ClaySettings { latency: no_delay, webhook_submissions: u64::MAX, ..ClaySettings::default() },
        customer_io: CustomerIoSettings { latency: no_delay, ..CustomerIoSettings::default() },
        ..SimulationSettings::default()
    };
    settings.clay.enrichment.time_scale = 0.0;
    settings.clay.enrichment.providers[0].coverage = 1.0;
    settings.clay.callbacks.url_field = Some("callback_url".to_owned());
    settings.clay.callbacks.signing_secret = Some(mock_server::settings::Secret(SECRET.to_owned()));
    settings
}

/// A configuration; `top` goes to its top, `tables` to its end. Without vendors nothing listens there.
pub(crate) fn config(dir: &TempDir, vendors: Option<&SimulatedVendors>, top: &str, tables: &str) -> ServiceConfig {
    let settings = SimulationSettings::default();
    let (clay, customer_io) =
        vendors.map_or((NOWHERE.to_owned(), NOWHERE.to_owned()), |vendors| (vendors.clay_url(), vendors.customer_io_url()));
    let text = format!(
        "listen = \"127.0.0.1:0\"\n{top}\n[store]\npath = \"leads.sqlite\"\n[vendors]\nclay = \"{clay}\"\n\
         clay_webhook_path = \"/v3/sources/webhook/{}\"\nclay_callback_secret = {{ env = \"SECRET\" }}\n\
         customer_io = \"{customer_io}\"\ncustomer_io_site_id = {{ env = \"SITE\" }}\n\
         customer_io_api_key = {{ env = \"KEY\" }}\n{tables}\n",
        settings.clay.webhook_id
    );
    let environment = |name: &str| match name {
        "SECRET" => Some(SECRET.to_owned()),
        "SITE" => Some(settings.customer_io.site_id.clone()),
        "KEY" => Some(settings.customer_io.api_key.clone()),
        "TOKEN" => Some("right".to_owned()),
        _ => None,
    };
    ServiceConfig::read(&text, &dir.path().join("service.toml"), &environment).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Starts a service on a new SQLite file.
pub(crate) async fn start(vendors: Option<&SimulatedVendors>, top: &str, tables: &str) -> Fixture {
    start_in(TempDir::new().unwrap(), vendors, top, tables).await
}

/// Starts a service on the file in `dir`.
pub(crate) async fn start_in(dir: TempDir, vendors: Option<&SimulatedVendors>, top: &str, tables: &str) -> Fixture {
    let config = config(&dir, vendors, top, tables);
    let mut settings = SqliteSettings::default();
    settings.bounds = Bounds::from(&config.resilience[Vendor::Clay].fallback);
    let store = SqliteStore::open(&dir.path().join("leads.sqlite"), settings).unwrap();
    start_on(store, dir, &config).await
}

/// Starts a service on a store.
pub(crate) async fn start_on<S: LeadStore>(store: S, dir: TempDir, config: &ServiceConfig) -> Fixture<S> {
    let running = service::start(config, store, Seed(7), Arc::new(NoEvents)).await.unwrap();
    let url = format!("http://{}", running.address());
    Fixture { running, url, dir, client: HttpClient::plain(&PoolSettings::default()) }
}

impl<S: LeadStore> Fixture<S> {
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let answer = self.client.send(request, LONG, Body::Keep(1 << 24)).await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        Answer { status: answer.status, headers: answer.headers, text }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// Submits one lead.
    pub(crate) async fn lead(&self, body: &Value) -> Answer {
        self.raw_lead(body.to_string()).await
    }

    pub(crate) async fn raw_lead(&self, body: impl Into<Bytes>) -> Answer {
        self.send("POST", "/leads", &[("content-type", "application/json")], body).await
    }

    pub(crate) async fn batch(&self, body: impl Into<Bytes>) -> Answer {
        self.send("POST", "/leads", &[("content-type", "application/x-ndjson")], body).await
    }

    /// Asks until the answer is as it should be.
    pub(crate) async fn until(&self, path: &str, is_right: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let answer = self.get(path).await.json();
                if is_right(&answer) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(LONG, asking).await {
            Ok(answer) => answer,
            Err(_) => panic!("it never came to be: {:?}", self.get(path).await),
        }
    }

    /// Ends it in order.
    pub(crate) async fn stop(self) -> TempDir {
        drop(self.client);
        self.running.stop(LONG).await.unwrap();
        self.dir
    }
}

/// A service that sends nothing: both breakers are held open before the first lead.
pub(crate) async fn held(tables: &str) -> Fixture {
    held_in(TempDir::new().unwrap(), tables).await
}

/// As [`held`], on the file in `dir`.
pub(crate) async fn held_in(dir: TempDir, tables: &str) -> Fixture {
    let service = start_in(dir, None, "", tables).await;
    for vendor in ["clay", "customer_io"] {
        let answer = service.send("POST", &format!("/admin/breakers/{vendor}"), &[], r#"{"mode":"forced_open"}"#).await;
        assert_eq!((answer.status, &answer.json()["state"]), (200, &Value::from("FORCED_OPEN")));
    }
    service
}
