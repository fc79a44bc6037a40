//! Turning wiremock instances over loses nothing and leaves nothing behind.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;
use crate::simulated::{self, Answer};

/// Sends back what it got, and counts.
#[derive(Default)]
struct Echo(AtomicU64);

impl Vendor for Echo {
    fn route(&self, _method: &Method, _path: &str) -> Option<&'static str> {
        None
    }

    fn answer(&self, request: &simulated::Request<'_>, _now: Instant) -> Answer {
        self.0.fetch_add(1, Ordering::Relaxed);
        let mut answer = Answer::text(StatusCode::CREATED, format!("{}|{}", request.path, String::from_utf8_lossy(request.body)));
        answer.delay = Duration::from_nanos(request.body.len() as u64);
        answer
    }

    fn error(&self, status: StatusCode, message: &str) -> Answer {
        Answer::text(status, message.to_owned())
    }
}

fn parts(target: &str) -> request::Parts {
    Request::post(target).header("connection", "close").header("content-length", "3").body(()).unwrap().into_parts().0
}

async fn send(backend: &Backend, target: &str, body: String) -> Response<Bytes> {
    ask(backend, target, body).await.response.unwrap()
}

async fn ask(backend: &Backend, target: &str, body: String) -> Asked {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    backend.answer(NUMBER.fetch_add(1, Ordering::Relaxed), parts(target), Bytes::from(body)).await
}

/// Waits for a condition that other threads bring about.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("the condition does not come true");
}

#[tokio::test]
async fn an_answer_comes_through_whole() {
    let backend = Backend::start(Arc::new(Echo::default()), BUDGET).await.unwrap();
    let Asked { response, aside } = ask(&backend, "/a%20b?c=d", "body".to_owned()).await;
    let answer = response.unwrap();
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::CREATED, &b"/a%20b|body"[..]));
    assert_eq!(aside.delay, Duration::from_nanos(4));
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    assert!(answer.headers().keys().all(|name| !name.as_str().starts_with("x-simulated")), "{:?}", answer.headers());
}

#[tokio::test]
async fn only_the_path_of_a_target_counts() {
    let backend = Backend::start(Arc::new(Echo::default()), BUDGET).await.unwrap();
    assert_eq!(&send(&backend, "http://elsewhere/x", String::new()).await.body()[..], b"/x|");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_to_a_change_of_instances() {
    const USERS: u64 = 16;
    const REQUESTS: u64 = 400;
    let vendor = Arc::new(Echo::default());
    // Every 40 requests or so.
    let backend = Arc::new(Backend::start(vendor.clone(), 40 * KEPT_PER_REQUEST).await.unwrap());
    let mut users = JoinSet::new();
    for user in 0..USERS {
        let backend = backend.clone();
        users.spawn(async move {
            for number in 0..REQUESTS {
                let answer = send(&backend, "/x", format!("{user} {number}")).await;
                assert_eq!(answer.status(), StatusCode::CREATED);
                assert_eq!(&answer.body()[..], format!("/x|{user} {number}").as_bytes());
            }
        });
    }
    while let Some(user) = users.join_next().await {
        user.unwrap();
    }
    // Each was carried out once.
    assert_eq!(vendor.0.load(Ordering::Relaxed), USERS * REQUESTS);
    let rotated = *backend.0.rotated.borrow();
    assert!(rotated >= 20, "turned over {rotated} times only");

    // Every instance holds the vendor for as long as its thread runs. What remains: this test, the backend, its instance.
    until(|| Arc::strong_count(&vendor) == 3).await;
    drop(backend);
    until(|| Arc::strong_count(&vendor) == 1).await;
}

#[tokio::test]
async fn large_bodies_turn_instances_over_sooner() {
    let backend = Backend::start(Arc::new(Echo::default()), 1_000_000).await.unwrap();
    let mut rotated = backend.0.rotated.subscribe();
    for _ in 0..11 {
        send(&backend, "/x", "x".repeat(90_000)).await;
    }
    tokio::time::timeout(Duration::from_secs(30), rotated.wait_for(|times| *times == 1)).await.unwrap().unwrap();
}
