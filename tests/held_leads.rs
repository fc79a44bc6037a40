//! What holds leads that are due, until when and how to end it: in the log, `/health`, `/stats` and `plimsoll queue ls`, whatever the
//! store is.

mod common;
#[cfg(feature = "redis")]
#[path = "stores/redis/server.rs"]
#[allow(dead_code, reason = "the stores' tests also kill it")]
mod redis_server;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use common::{Ended, Running, plimsoll, text};

/// One request on a connection of its own; gives the answer's body.
fn ask(address: &str, method: &str, path: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let body = answer.split_once("\r\n\r\n").expect("a head").1;
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// Asks until the answer is as it should be.
fn until(ask: impl Fn() -> Value, is_right: impl Fn(&Value) -> bool) -> Value {
    // Each asking takes a process or a connection: minutes in all, and never for ever.
    let answer = (0..20_000).map(|_| ask()).find(|answer| is_right(answer));
    answer.unwrap_or_else(|| panic!("it never came to be: {}", ask()))
}

/// Runs a service in front of vendors that refuse every connection, and looks everywhere. `environment` leads to its store, which `queue`
/// lists.
fn looked_at(dir: &Path, store: &str, environment: &[(&str, String)], queue: &[&str]) {
    let config = dir.join("service.toml");
    let body = format!(
        "listen = \"127.0.0.1:0\"\n[store]\n{store}\n[vendors]\nclay = \"http://127.0.0.1:9\"\nclay_webhook_path = \"/x\"\n\
         customer_io = \"http://127.0.0.1:9\"\ncustomer_io_site_id = {{ env = \"KEY\" }}\n\
         customer_io_api_key = {{ env = \"KEY\" }}\n[resilience.clay]\nretry = false\n\
         breaker = {{ failures = 1, cooldown = \"20m\" }}\ncredits = {{ failure_threshold = 1 }}\n"
    );
    fs::write(&config, body).expect("a writable directory");
    let with = |arguments: &[&str]| {
        let mut command = plimsoll();
        command.args(arguments).env("KEY", "key").envs(environment.iter().map(|(name, value)| (name, value)));
        command
    };
    let list = |more: &[&str]| Ended::of(with(&[&["queue", "ls"], queue, more].concat()).output().expect("the program starts"));
    let mut service = Running::start(&mut with(&["serve", "--config", text(&config)]));
    let line = service.wait_for("serving on http://");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split(';').next()).expect("an address").to_owned();
    let reset =
        |guard: &str| ask(&address, "POST", "/admin/breakers/clay", &json!({"guard": guard, "mode": "reset"}).to_string());
    ask(&address, "POST", "/admin/breakers/customer_io", r#"{"mode":"forced_open"}"#);
    ask(&address, "POST", "/leads", r#"{"user":"ada","data":{"email":"ada@acme.test"}}"#);

    // Each guard has its own name, its own end, and its own way to be ended.
    let breaker = ("circuit breaker: open until 20", r#"POST /admin/breakers/clay {"mode":"reset"} ends it now"#);
    let budget =
        ("credit budget: open until 20", r#"POST /admin/breakers/clay {"guard":"credit_budget","mode":"reset"} ends it now"#);
    let by_hand = ("circuit breaker: held open by hand", r#"POST /admin/breakers/customer_io {"mode":"reset"} ends it now"#);
    let stats = until(
        || ask(&address, "GET", "/stats", ""),
        |stats| stats["held"]["clay"].as_array().is_some_and(|held| held.len() == 2),
    );
    let health = ask(&address, "GET", "/health", "");
    for (place, held) in [("/stats", &stats["held"]["clay"]), ("/health", &health["vendors"]["clay"]["held"])] {
        for (number, by, (words, to_end)) in [(0, "circuit_breaker", breaker), (1, "credit_budget", budget)] {
            let held = &held[number];
            assert_eq!((held["by"].as_str(), held["to_end"].as_str()), (Some(by), Some(to_end)), "{place}");
            assert!(
                held["text"].as_str().is_some_and(|text| text.starts_with(words)) && held["until"].is_u64(),
                "{place}: {held}"
            );
        }
    }
    assert_eq!(stats["held"]["customer_io"][0]["text"], by_hand.0);
    for line in ["Clay: circuit breaker: CLOSED → OPEN", "Clay: credit budget: CLOSED → OPEN", "Clay: nothing is sent: "] {
        service.wait_for(line);
    }
    let listed = until(|| json!(list(&[]).stdout), |text| text.as_str().is_some_and(|text| text.contains(budget.0)));
    let listed = listed.as_str().expect("a text");
    for (words, to_end) in [breaker, budget, by_hand] {
        assert!(listed.contains(words) && listed.contains(to_end), "{listed}");
    }
    let due = listed.lines().find(|line| line.starts_with("next due")).expect("a line");
    assert!(due.contains("in 19 min") && due.ends_with("held"), "none is due now: {listed}");
    assert!(listed.lines().all(|line| line.starts_with("  ") || line.len() <= 60), "{listed}");
    let answered: Value = serde_json::from_str(&list(&["--json"]).stdout).expect("JSON");
    let held = answered["vendors"][0]["held"].as_array().expect("a list").iter().map(|held| held["by"].as_str());
    assert_eq!(held.collect::<Vec<_>>(), [Some("circuit_breaker"), Some("credit_budget")]);

    // Ended one by one, as it says. The vendor still refuses, so it is tried again later.
    assert_eq!(reset("credit_budget")["state"], "CLOSED");
    let stats = ask(&address, "GET", "/stats", "");
    assert_eq!(
        (stats["held"]["clay"].as_array().map(Vec::len), &stats["held"]["clay"][0]["by"]),
        (Some(1), &json!("circuit_breaker"))
    );
    assert_eq!(reset("circuit_breaker")["state"], "CLOSED");
    let stats = ask(&address, "GET", "/stats", "");
    assert_eq!((&stats["held"]["clay"][0]["by"], &stats["clay"]["queue_depth"]), (&json!("retry_wait"), &json!(1)));
    until(|| json!(list(&[]).stdout), |text| text.as_str().is_some_and(|text| !text.contains("credit budget")));

    let refused = |body: &str, words: &str| {
        let answer = ask(&address, "POST", "/admin/breakers/clay", body).to_string();
        assert!(answer.contains(words), "{body}: {answer}");
    };
    refused(r#"{"guard":"credits","mode":"reset"}"#, "there are circuit_breaker, credit_budget");
    refused(r#"{"guard":"credit_budget","mode":"forced_open"}"#, "can only be reset");
    refused(r#"{"gard":"credit_budget","mode":"reset"}"#, "did you mean `guard`?");
    service.signal(Signal::SIGTERM);
    service.end().says(0, &[breaker.1, budget.1, by_hand.1]);
}

#[test]
fn on_a_file() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("leads.sqlite");
    looked_at(dir.path(), "path = \"leads.sqlite\"", &[], &["--db", text(&file)]);
}

#[cfg(feature = "redis")]
#[test]
fn on_redis() {
    let Some(server) = redis_server::Server::start() else { return };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = format!("redis+unix://{}", server.socket().display());
    let store = "redis = { env = \"HELD_TEST_REDIS\" }\nname = \"test\"\nreplica = \"one\"";
    looked_at(dir.path(), store, &[("HELD_TEST_REDIS", url)], &["--redis-env", "HELD_TEST_REDIS", "--name", "test"]);
}
