//! Callbacks on a paused clock, posted to a receiver without sockets.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::signature::{SIGNATURE, sign};
use super::*;
use crate::clock::DayClock;
use crate::fault::{CallbackFaults, WebhookFault};
use crate::latency::LatencyModel;
use crate::seed::Seed;
use crate::settings::{CallbackSettings, ClaySettings, Provider, RegisteredWebhook, Secret};
use crate::simulated::clay::{Delivery, DeliveryStatus};
use crate::simulated::{Request, Vendor};

const WEBHOOK: &str = "/v3/sources/webhook/7f2c1d9e-3b5a-4c8d-9e6f-0a1b2c3d4e5f";
const RUN: &str = "/public/v0/routines/function:t_simulated/run";

/// Answers with what it was given, then with 200; `None` never answers.
#[derive(Clone)]
struct Receiver {
    answers: Arc<Mutex<VecDeque<Option<u16>>>>,
    received: mpsc::UnboundedSender<(Instant, http::Request<Bytes>)>,
}

impl Post for Receiver {
    async fn post(&self, message: http::Request<Bytes>) -> Result<u16, String> {
        let _ = self.received.send((Instant::now(), message));
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Some(200));
        match answer {
            Some(0) => Err("connection refused".to_owned()),
            Some(status) => Ok(status),
            None => std::future::pending().await,
        }
    }
}

/// A workspace that enriches everything within 10 s, and its callbacks.
struct Bench {
    clay: Arc<Clay>,
    received: mpsc::UnboundedReceiver<(Instant, http::Request<Bytes>)>,
    start: Instant,
    _task: JoinSet<()>,
}

impl Bench {
    fn start(change: impl FnOnce(&mut ClaySettings), answers: &[Option<u16>], judge: Judge) -> Self {
        let fixed = |seconds| LatencyModel::Fixed { delay: Duration::from_secs(seconds) };
        let mut settings = ClaySettings::default();
        settings.enrichment.wait = fixed(8);
        let found = Provider { name: "p".to_owned(), coverage: 1.0, credits: 3, latency: fixed(2) };
        settings.enrichment.providers = vec![found];
        settings.callbacks.url = Some("http://127.0.0.1:9/hook".to_owned());
        change(&mut settings);
        let clay = Arc::new(Clay::new(settings, Seed(1), DayClock::machine()));
        let (sender, received) = mpsc::unbounded_channel();
        let receiver = Receiver { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), received: sender };
        let task = start(clay.clone(), judge, receiver);
        Self { clay, received, start: Instant::now(), _task: task }
    }

    fn post(&self, path: &str, body: &str) -> u16 {
        let headers =
            HeaderMap::from_iter([(http::HeaderName::from_static("clay-api-key"), "simulated-clay-key".parse().unwrap())]);
        let request = Request { method: &Method::POST, path, query: None, headers: &headers, body: body.as_bytes() };
        self.clay.answer(&request, Instant::now()).status.as_u16()
    }

    fn submit(&self, email: &str) {
        assert_eq!(self.post(WEBHOOK, &format!(r#"{{"email":"{email}"}}"#)), 200);
    }

    /// The next callback: after how many milliseconds, and what.
    async fn next(&mut self) -> (u128, http::Request<Bytes>) {
        // On a paused clock a day is over as soon as nothing else is left to happen.
        let received = tokio::time::timeout(Duration::from_secs(86_400), self.received.recv()).await;
        let (at, message) = received.expect("no callback comes").unwrap();
        ((at - self.start).as_millis(), message)
    }

    /// The subject of the next row's callback, after how many seconds.
    async fn next_subject(&mut self) -> (u128, String) {
        let (at, message) = self.next().await;
        (at / 1000, body(&message)["subject"].as_str().unwrap().to_owned())
    }

    /// The log, once so many deliveries have ended and nothing more comes for a day.
    async fn log(&self, count: usize) -> Vec<Delivery> {
        while self.clay.callbacks().len() < count {
            tokio::task::yield_now().await;
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        let log = self.clay.callbacks();
        assert_eq!(log.len(), count, "{log:?}");
        log
    }
}

fn no_fault() -> Judge {
    Box::new(|_| CallbackFaults::default())
}

/// A fault that hits the callbacks of these leads.
fn fault(fault: WebhookFault, leads: &'static [&'static str]) -> Judge {
    Box::new(move |identity| {
        let is_hit = leads.iter().any(|lead| lead.as_bytes() == identity);
        CallbackFaults(if is_hit { vec![("fault".into(), fault)] } else { Vec::new() })
    })
}

fn body(message: &http::Request<Bytes>) -> Value {
    serde_json::from_slice(message.body()).unwrap()
}

fn is_signed(message: &http::Request<Bytes>, secret: &str) -> bool {
    message.headers().get(SIGNATURE) == sign(&Secret(secret.to_owned()), message.body()).as_ref()
}

#[tokio::test(start_paused = true)]
async fn an_enriched_row_is_posted_when_it_is_due_and_signed() {
    let mut bench = Bench::start(|_| {}, &[], no_fault());
    bench.submit("ada@acme.test");
    let (at, message) = bench.next().await;
    assert!((10_000..=10_002).contains(&at), "{at}");
    assert_eq!(*message.uri(), "http://127.0.0.1:9/hook");
    assert!(is_signed(&message, "whsec_simulated"));
    let sent = body(&message);
    assert_eq!((&sent["status"], &sent["credits"], &sent["provider"]), (&"enriched".into(), &3.into(), &"p".into()));
    assert_eq!((&sent["submitted"]["email"], &sent["enriched"]["company_name"]), (&"ada@acme.test".into(), &"Acme".into()));
    let log = bench.log(1).await;
    assert_eq!((log[0].status, log[0].attempts.len(), log[0].attempts[0].status), (DeliveryStatus::Delivered, 1, Some(200)));
    assert_eq!((log[0].id.as_str(), log[0].about.as_str()), ("1", sent["id"].as_str().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_row_can_name_its_own_address_and_only_on_this_machine() {
    let mut bench = Bench::start(|_| {}, &[], no_fault());
    bench.post(WEBHOOK, r#"{"email":"a@x.test","callback_url":"http://localhost:1/own"}"#);
    assert_eq!(bench.next().await.1.uri(), "http://localhost:1/own");
    bench.post(WEBHOOK, r#"{"email":"b@x.test","callback_url":"http://example.com/steal"}"#);
    let log = bench.log(2).await;
    assert_eq!((log[1].status, log[1].attempts.len()), (DeliveryStatus::Refused, 0));
    assert!(log[1].refused.as_ref().unwrap().contains("not this machine"));
    assert!(bench.received.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_run_sends_one_notice_of_its_end_in_the_documented_form() {
    let webhook = |settings: &mut ClaySettings| {
        let url = "http://127.0.0.1:9/runs".to_owned();
        let signing_secret = Some(Secret("whsec_of_its_own".to_owned()));
        settings.public_api.webhooks = vec![RegisteredWebhook { id: "wh_1".to_owned(), url, signing_secret }];
    };
    let mut bench = Bench::start(webhook, &[], no_fault());
    let items = r#"[{"id":"1","inputs":{"email":"a@x.test"}},{"id":"2","inputs":{}}]"#;
    assert_eq!(bench.post(RUN, &format!(r#"{{"items":{items},"webhook_id":"wh_1"}}"#)), 202);
    assert_eq!(bench.post(RUN, &format!(r#"{{"items":{items}}}"#)), 202);
    let (at, message) = bench.next().await;
    assert!((10_000..=10_002).contains(&at), "{at}");
    assert!(is_signed(&message, "whsec_of_its_own"));
    let sent = body(&message);
    let keys: Vec<_> = sent.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["createdAt", "data", "webhookId"]);
    assert_eq!(sent["webhookId"], "wh_1");
    assert_eq!(sent["data"], serde_json::json!({ "routine_run_id": bench.log(1).await[0].about }));
    assert!(sent["createdAt"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_is_repeated_as_often_as_was_asked_for() {
    let thrice = |settings: &mut ClaySettings| {
        settings.callbacks = CallbackSettings { attempts: 3, ..settings.callbacks.clone() };
    };
    // Refused, then no answer within 10 s, then 200.
    let mut bench = Bench::start(thrice, &[Some(0), None], no_fault());
    bench.submit("a@x.test");
    let seconds = [bench.next().await.0 / 1000, bench.next().await.0 / 1000, bench.next().await.0 / 1000];
    assert_eq!(seconds, [10, 15, 30]);
    let log = bench.log(1).await;
    let errors: Vec<_> = log[0].attempts.iter().map(|attempt| attempt.error.as_deref()).collect();
    assert_eq!(errors, [Some("connection refused"), Some("no answer within 10s"), None]);
    assert_eq!(log[0].status, DeliveryStatus::Delivered);
}

#[tokio::test(start_paused = true)]
async fn by_default_there_is_one_attempt() {
    let bench = Bench::start(|_| {}, &[Some(500)], no_fault());
    bench.submit("a@x.test");
    let log = bench.log(1).await;
    assert_eq!((log[0].status, log[0].attempts.len(), log[0].attempts[0].status), (DeliveryStatus::Failed, 1, Some(500)));
}

#[tokio::test(start_paused = true)]
async fn a_late_one_is_late_and_others_are_not() {
    let verdict = WebhookFault::Late { by: Duration::from_secs(30) };
    let mut bench = Bench::start(|_| {}, &[], fault(verdict, &["a@x.test"]));
    bench.submit("a@x.test");
    bench.submit("b@x.test");
    assert_eq!(bench.next_subject().await, (10, "b@x.test".to_owned()));
    assert_eq!(bench.next_subject().await, (40, "a@x.test".to_owned()));
    let log = bench.log(2).await;
    assert_eq!((log[0].intended.len(), &log[1].intended, &log[1].actual), (0, &vec!["fault".into()], &vec!["fault".into()]));
}

#[tokio::test(start_paused = true)]
async fn a_doubled_one_comes_twice_with_the_same_body() {
    let mut bench = Bench::start(|_| {}, &[], fault(WebhookFault::Twice, &["a@x.test"]));
    bench.submit("a@x.test");
    let (first, second) = (bench.next().await.1, bench.next().await.1);
    assert_eq!((first.body(), first.headers()), (second.body(), second.headers()));
    let log = bench.log(1).await;
    assert_eq!((log[0].attempts.len(), log[0].actual.len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn one_is_overtaken_by_the_next_where_there_is_one() {
    let mut bench = Bench::start(|_| {}, &[], fault(WebhookFault::OutOfOrder, &["a@x.test", "b@x.test", "c@x.test"]));
    for lead in ["a@x.test", "b@x.test", "c@x.test"] {
        bench.submit(lead);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(bench.next_subject().await, (11, "b@x.test".to_owned()));
    assert_eq!(bench.next_subject().await, (11, "a@x.test".to_owned()));
    // No other came to overtake this one, so it goes without.
    assert_eq!(bench.next_subject().await, (22, "c@x.test".to_owned()));
    let actual: Vec<_> =
        bench.log(3).await.into_iter().map(|delivery| (delivery.intended.len(), delivery.actual.len())).collect();
    assert_eq!(actual, [(1, 0), (1, 1), (1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_one_never_comes_and_a_badly_signed_one_is_known_by_its_signature() {
    let mut bench = Bench::start(|_| {}, &[], fault(WebhookFault::Lost, &["a@x.test"]));
    bench.submit("a@x.test");
    let log = bench.log(1).await;
    assert_eq!((log[0].status, log[0].attempts.len(), log[0].actual.len()), (DeliveryStatus::Lost, 0, 1));
    assert!(bench.received.try_recv().is_err());

    let mut bench = Bench::start(|_| {}, &[], fault(WebhookFault::BadlySigned, &["a@x.test"]));
    bench.submit("a@x.test");
    let (_, message) = bench.next().await;
    assert!(message.headers().contains_key(SIGNATURE) && !is_signed(&message, "whsec_simulated"));
    assert_eq!(bench.log(1).await[0].actual.len(), 1);

    let unsigned = |settings: &mut ClaySettings| settings.callbacks.signing_secret = None;
    let mut bench = Bench::start(unsigned, &[], fault(WebhookFault::BadlySigned, &["a@x.test"]));
    bench.submit("a@x.test");
    assert!(!bench.next().await.1.headers().contains_key(SIGNATURE));
    assert_eq!(bench.log(1).await[0].actual.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_more_attempts_than_allowed_are_under_way() {
    let two = |settings: &mut ClaySettings| settings.callbacks.concurrency = 2;
    let mut bench = Bench::start(two, &[None, None, None], no_fault());
    for lead in ["a@x.test", "b@x.test", "c@x.test"] {
        bench.submit(lead);
    }
    let mut seconds = Vec::new();
    for _ in 0..3 {
        seconds.push(bench.next().await.0 / 1000);
    }
    // The third has to wait until the first two are given up.
    assert_eq!(seconds, [10, 10, 20]);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_queue_callbacks_are_given_up_and_counted() {
    let narrow = |settings: &mut ClaySettings| settings.callbacks.queue = 3;
    let bench = Bench::start(narrow, &[], no_fault());
    for number in 0..20 {
        bench.submit(&format!("{number}@x.test"));
    }
    bench.log(3).await;
    assert_eq!(json!(bench.clay.section("limits").unwrap())["callbacks_given_up"], 17);
}

#[tokio::test(start_paused = true)]
async fn after_a_reset_nothing_from_before_comes() {
    let verdict = WebhookFault::Late { by: Duration::from_secs(5) };
    let mut bench = Bench::start(|_| {}, &[], fault(verdict, &["late@x.test"]));
    bench.submit("late@x.test");
    tokio::time::sleep(Duration::from_secs(12)).await;
    bench.submit("pending@x.test");
    bench.clay.reset();
    bench.submit("new@x.test");
    assert_eq!(bench.next_subject().await, (22, "new@x.test".to_owned()));
    assert_eq!(bench.log(1).await.len(), 1);
    assert!(bench.received.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn large_callbacks_without_a_receiver_do_not_pile_up() {
    let slow = |settings: &mut ClaySettings| {
        settings.store_bytes = 256 * 1024;
        settings.callbacks.concurrency = 1;
        settings.callbacks.timeout = Duration::from_secs(3600);
    };
    let bench = Bench::start(slow, &[None], no_fault());
    for number in 0..20 {
        let body = format!(r#"{{"email":"{number}@example.com","note":"{}"}}"#, "x".repeat(90 * 1024));
        assert_eq!(bench.post(WEBHOOK, &body), 200);
        tokio::time::sleep(Duration::from_secs(11)).await;
    }
    let limits = json!(bench.clay.section("limits").unwrap());
    // Three go beyond what may be under way, two wait.
    assert_eq!((limits["callbacks_waiting"].as_u64(), limits["callbacks_given_up"].as_u64()), (Some(2), Some(15)));
}
