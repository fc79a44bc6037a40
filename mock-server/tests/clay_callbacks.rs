//! Clay's callbacks over sockets: a receiver that checks signatures as a client would.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use std::collections::BTreeSet;
use std::convert::Infallible;

use bytes::Bytes;
use common::{Client, in_time, settings};
use hmac::{Hmac, Mac};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mock_server::fault::{Fault, FaultKind, WebhookFault};
use mock_server::settings::{RegisteredWebhook, SimulationSettings};
use mock_server::simulated::clay::{DeliveryStatus, RowStatus};
use mock_server::simulation::SimulatedVendors;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The secret that callbacks are signed with unless settings say otherwise.
const SECRET: &str = "whsec_simulated";

/// Where callbacks go, and those that came: whether the signature was right, and the body.
struct Receiver {
    url: String,
    received: mpsc::UnboundedReceiver<(bool, Value)>,
}

impl Receiver {
    async fn start() -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                let service = service_fn(move |request| receive(sender.clone(), request));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, received }
    }

    async fn next(&mut self) -> (bool, Value) {
        in_time(self.received.recv()).await.unwrap()
    }
}

async fn receive(
    sender: mpsc::UnboundedSender<(bool, Value)>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let is_signed = parts.headers.get("x-clay-signature").is_some_and(|given| *given == format!("sha256={expected}"));
    let is_json = parts.headers["content-type"] == "application/json";
    let _ = sender.send((is_signed && is_json, serde_json::from_slice(&body).unwrap()));
    Ok(Response::new(Full::default()))
}

/// Vendors whose rows are enriched at once, and always found.
fn at_once() -> SimulationSettings {
    let mut settings = settings(Vec::new());
    settings.clay.enrichment.time_scale = 0.0;
    settings.clay.enrichment.providers[0].coverage = 1.0;
    settings
}

#[tokio::test]
async fn every_enriched_row_is_posted_signed_to_its_address() {
    let mut receiver = Receiver::start().await;
    let mut settings = at_once();
    settings.clay.callbacks.url = Some(receiver.url.clone());
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    let client = Client::new();
    for number in 0..100 {
        let answer = client.submit(&vendors.clay_url(), format!(r#"{{"email":"lead{number}@acme.test"}}"#)).await.unwrap();
        assert_eq!(answer.status, 200);
    }
    let mut subjects = Vec::new();
    for _ in 0..100 {
        let (is_signed, body) = receiver.next().await;
        assert!(is_signed, "{body}");
        assert_eq!((&body["status"], &body["enriched"]["company_domain"]), (&json!("enriched"), &json!("acme.test")));
        subjects.push(body["subject"].as_str().unwrap().to_owned());
    }
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 100);
    assert!(vendors.clay().rows().iter().all(|row| row.status == RowStatus::Enriched));
    vendors.shutdown().await;
}

#[tokio::test]
async fn a_run_notifies_its_webhook_and_its_results_can_be_fetched() {
    let mut receiver = Receiver::start().await;
    let mut settings = at_once();
    let webhook = RegisteredWebhook { id: "wh_1".to_owned(), url: receiver.url.clone(), signing_secret: None };
    settings.clay.public_api.webhooks = vec![webhook];
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    let client = Client::new();
    let items: Vec<Value> =
        (0..3).map(|number| json!({ "id": number.to_string(), "inputs": { "domain": "acme.test" } })).collect();
    let run = Request::post(format!("{}/public/v0/routines/function:t_simulated/run", vendors.clay_url()))
        .header("clay-api-key", "simulated-clay-key")
        .body(Full::new(Bytes::from(json!({ "items": items, "webhook_id": "wh_1" }).to_string())));
    let started = client.send(run.unwrap()).await.unwrap();
    assert_eq!(started.status, 202);
    let id = serde_json::from_slice::<Value>(&started.body).unwrap()["routine_run_id"].clone();

    let (is_signed, sent) = receiver.next().await;
    assert!(is_signed);
    assert_eq!((&sent["webhookId"], &sent["data"]["routine_run_id"]), (&json!("wh_1"), &id));
    let results = Request::get(format!("{}/public/v0/routines/run/{}/results", vendors.clay_url(), id.as_str().unwrap()))
        .header("authorization", "Bearer simulated-clay-key")
        .body(Full::default());
    let results = client.send(results.unwrap()).await.unwrap();
    let body: Value = serde_json::from_slice(&results.body).unwrap();
    assert_eq!((results.status.as_u16(), &body["status"], body["data"].as_array().unwrap().len()), (200, &json!("complete"), 3));
    vendors.shutdown().await;
}

/// The leads, of 60, whose callbacks a fault let vanish.
async fn lost(seed: u64) -> BTreeSet<String> {
    let mut receiver = Receiver::start().await;
    let mut settings = at_once();
    settings.seed = seed;
    settings.clay.callbacks.url = Some(receiver.url.clone());
    settings.faults = vec![Fault { share: 0.5, ..Fault::new("lossy", FaultKind::Webhook { how: WebhookFault::Lost }) }];
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    let mut changes = vendors.subscribe();
    vendors.start_timetable();
    in_time(changes.recv()).await.unwrap();
    let client = Client::new();
    let submit = |number: usize| {
        let (client, url) = (client.clone(), vendors.clay_url());
        async move { client.submit(&url, format!(r#"{{"email":"lead{number}@acme.test"}}"#)).await.unwrap() }
    };
    let all: JoinSet<_> = (0..60).map(submit).collect();
    assert!(all.join_all().await.iter().all(|answer| answer.status == 200));
    let ended = async {
        while vendors.clay().callbacks().len() < 60 {
            tokio::task::yield_now().await;
        }
    };
    in_time(ended).await;
    let (lost, delivered): (Vec<_>, Vec<_>) =
        vendors.clay().callbacks().into_iter().partition(|delivery| delivery.status == DeliveryStatus::Lost);
    assert!(lost.iter().all(|delivery| delivery.actual == ["lossy".into()] && delivery.attempts.is_empty()));
    for _ in &delivered {
        receiver.next().await;
    }
    assert!(receiver.received.try_recv().is_err());
    lost.into_iter().map(|delivery| vendors.clay().row(&delivery.about).unwrap().subject).collect()
}

#[tokio::test]
async fn the_same_seed_loses_the_callbacks_of_the_same_leads() {
    let first = lost(7).await;
    // Five standard deviations of a binomial of 60 at a half: 19.
    assert!(first.len().abs_diff(30) <= 20, "{}", first.len());
    assert_eq!(first, lost(7).await);
    assert_ne!(first, lost(8).await);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_written_down() {
    let mut settings = at_once();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    settings.clay.callbacks.url = Some(format!("http://{}/", closed.local_addr().unwrap()));
    drop(closed);
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    Client::new().submit(&vendors.clay_url(), "{}").await.unwrap();
    let log = async {
        while vendors.clay().callbacks().is_empty() {
            tokio::task::yield_now().await;
        }
        vendors.clay().callbacks()
    };
    let log = in_time(log).await;
    assert_eq!((log[0].status, log[0].attempts.len()), (DeliveryStatus::Failed, 1));
    assert!(log[0].attempts[0].error.as_ref().unwrap().contains("refused"), "{log:?}");
}
