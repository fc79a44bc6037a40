//! `plimsoll run` with a service as its target: one that it starts, and one of the user's own.

mod common;

use std::path::Path;

use common::{plimsoll, run};

fn scenario(dir: &Path, text: &str) -> String {
    let path = dir.join("service.toml");
    std::fs::write(&path, format!("name = \"service\"\nquestion = \"Are leads taken?\"\n{text}"))
        .expect("the scenario is written");
    path.display().to_string()
}

fn summary(dir: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(dir.join("summary.json")).expect("a summary");
    serde_json::from_str(&text).expect("JSON")
}

/// A column of the timeline.
fn column(dir: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join("timeline.csv")).expect("a timeline");
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let index = lines.next().expect("a header").iter().position(|column| column == name).expect("the column");
    lines.map(|line| line[index].clone()).collect()
}

const LOAD: &str = "executor = \"shared-iterations\"\nvus = 4\niterations = 40\nmaxDuration = \"60s\"\n\
                    gracefulStop = \"60s\"\njourneys = [{ journey = \"lead\" }]\n";

#[test]
fn a_run_starts_the_service_measures_it_apart_and_loses_no_lead() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("out");
    let text = "[target]\nservice = \"start\"\n\
                [simulation.clay]\nlatency = \"5ms\"\n[simulation.customer_io]\nlatency = \"5ms\"\n\
                [resilience.clay]\ncredits = false\n\
                [thresholds]\nleads_lost = [\"count==0\"]\n\"checks{check:lead is accepted durably}\" = [\"rate==1\"]\n";
    let file = scenario(dir.path(), &format!("{LOAD}{text}"));
    run(&["run", &file, "--quiet", "--out", &out.display().to_string()]).says(0, &["PASSED", "leads_lost"]);
    // Each lead is three operations, and each is delivered before the run ends.
    let summary = summary(&out);
    assert_eq!(summary["leads"], serde_json::json!({"submitted": 40, "accepted": 40, "refused": 0}));
    let operations = &summary["operations"];
    assert_eq!([&operations["submitted"], &operations["delivered"], &operations["lost"]], [120, 120, 0], "{operations}");
    assert!(summary["service"].as_str().is_some_and(|service| service.contains("plimsoll serve")));
    let memory = column(&out, "integration_memory_bytes");
    assert!(memory.iter().any(|bytes| bytes.parse().is_ok_and(|bytes: u64| bytes > 1_000_000)), "{memory:?}");
    assert_eq!(column(&out, "queue_depth").last().map(String::as_str), Some("0"));
    run(&["audit", &out.display().to_string()]).says(0, &["PASSED", "40 acknowledged", "120 delivered"]);
    // The secrets that the processes share are in none of the files.
    let config = std::fs::read_to_string(out.join("service/service.toml")).expect("the service's configuration");
    assert!(
        config.contains("env = \"PLIMSOLL_RUN_CUSTOMER_IO_API_KEY\"") && !config.contains("simulated-customer-io-key"),
        "{config}"
    );
    assert!(!out.join("service/leads.db").exists(), "nothing was left in the database");
}

#[test]
fn what_a_fault_keeps_in_the_queue_is_known_to_be_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("out");
    // Customer.io is away for the whole run, so its operations wait; the run does not wait for them for long.
    let text = "executor = \"constant-vus\"\nvus = 2\nduration = \"3s\"\ngracefulStop = \"1s\"\nthink_time = \"50ms\"\n\
                journeys = [{ journey = \"lead\" }]\n[target]\nservice = \"start\"\n\
                [resilience.clay]\ncredits = false\n\
                [[faults]]\nname = \"away\"\nkind = \"outage\"\nvendor = \"customer_io\"\nat = \"0s\"\nlasts = \"3s\"\n\
                [simulation.clay]\nlatency = \"5ms\"\n[thresholds]\nleads_lost = [\"count==0\"]\n";
    let file = scenario(dir.path(), text);
    let ended = run(&["run", &file, "--out", &out.display().to_string()]);
    ended.says(0, &["PASSED"]);
    // What it waits for, how long at most, and where it is.
    let waits = ended.stderr.lines().find(|line| line.starts_with("waiting for the service to come to rest, 1s at most: "));
    assert!(waits.is_some_and(|line| line.contains("operations for ") || line.contains(" for Customer.io")), "{ended:#?}");
    let summary = summary(&out);
    let operations = &summary["operations"];
    assert!(operations["queued"].as_u64().is_some_and(|queued| queued > 0), "{operations}");
    assert_eq!(operations["lost"], 0, "{operations}");
    assert!(out.join("service/leads.db").exists(), "what is left can be looked at");
    // The breaker's transitions come from another process and stand on the load's clock.
    let events = summary["events"].as_array().expect("events");
    let opened = events.iter().find(|event| event["event"] == "transition" && event["to"] == "OPEN");
    let at = opened.and_then(|event| event["at_us"].as_u64()).unwrap_or_else(|| panic!("no breaker opened: {events:?}"));
    assert!(at < 4_000_000, "{at}");
}

#[test]
fn a_service_that_does_not_start_is_told_of_with_its_last_words() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("out");
    // Where the service's directory must be there is a file.
    std::fs::create_dir_all(&out).expect("a directory");
    std::fs::write(out.join("service"), "in the way").expect("a file");
    let file = scenario(dir.path(), &format!("{LOAD}[target]\nservice = \"start\"\n"));
    run(&["run", &file, "--quiet", "--out", &out.display().to_string()]).says(1, &["cannot write", "service.toml"]);
}

#[test]
fn a_service_of_ones_own_is_driven_by_its_answers_alone() {
    let service = own_service();
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("out");
    let target = format!(
        "[target]\nservice = \"{service}\"\nservice_token = {{ env = \"OWN_TOKEN\" }}\n\
         [thresholds]\n\"checks{{check:lead is accepted durably}}\" = [\"rate>0.6\", \"rate<0.9\"]\n"
    );
    let file = scenario(dir.path(), &format!("{LOAD}{target}"));
    let mut command = plimsoll();
    command.args(["run", &file, "--quiet", "--out", &out.display().to_string()]).env("OWN_TOKEN", "own-token-1");
    let ended = common::Ended::of(command.output().expect("the program starts"));
    // One answer in four was a refusal.
    ended.says(0, &["PASSED", "40 sent, 30 accepted, 10 REFUSED"]);
    assert_eq!(summary(&out)["leads"], serde_json::json!({"submitted": 40, "accepted": 30, "refused": 10}));
    let journal = std::fs::read_to_string(out.join("submitted.ndjson")).expect("the driver's journal");
    let count = |word: &str| journal.lines().filter(|line| line.contains(word)).count();
    assert_eq!((count("\"submitted\""), count("acknowledged"), count("\"status\":503")), (40, 30, 10), "{journal}");
    assert!(!out.join("places.ndjson").exists(), "no journal of places was kept");
    for file in ["summary.json", "report.md", "submitted.ndjson"] {
        let text = std::fs::read_to_string(out.join(file)).expect("a file of the run");
        assert!(!text.contains("own-token-1"), "{file} holds the token");
    }
}

#[test]
fn the_books_of_a_run_without_a_service_are_audited_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("out");
    // Clay fails until the end, so that operations are left in the queue; the journal of places has them.
    let text = "executor = \"constant-vus\"\nvus = 3\nduration = \"3s\"\nthink_time = \"20ms\"\n\
                journeys = [{ journey = \"lead\" }]\n\
                [resilience.clay]\ncredits = false\nretry = { max_retries = 1, base_delay = \"20ms\" }\n\
                breaker = { failures = 5, cooldown = \"200ms\" }\nqueue = { base_delay = \"100ms\", drain_pacing = \"10ms\" }\n\
                [simulation.clay]\nlatency = \"5ms\"\n[simulation.customer_io]\nlatency = \"5ms\"\n\
                [[faults]]\nname = \"errors\"\nkind = \"error\"\nstatus = 503\nvendor = \"clay\"\nat = \"1500ms\"\nlasts = \"1500ms\"\n";
    let file = scenario(dir.path(), text);
    run(&["run", &file, "--quiet", "--journals", "--out", &out.display().to_string()]).says(0, &[]);
    let places = std::fs::read_to_string(out.join("places.ndjson")).expect("the journal of places");
    assert!(places.contains("\"queued\"") && places.contains("\"delivered\""), "{places}");
    run(&["audit", &out.display().to_string(), "--any-order"]).says(0, &["PASSED", "0 refused"]);
    // Without a reason, none are kept.
    let other = dir.path().join("other");
    run(&["run", &file, "--quiet", "--out", &other.display().to_string()]).says(0, &[]);
    assert!(!other.join("submitted.ndjson").exists() && !other.join("places.ndjson").exists());
}

/// A service in no more than HTTP: it wants a token, takes leads, and refuses each fourth for a moment. It ends with the test.
fn own_service() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};

    use axum::Router;
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::routing::post;

    static LEADS: AtomicU64 = AtomicU64::new(0);
    async fn leads(headers: HeaderMap, body: String) -> (StatusCode, [(header::HeaderName, &'static str); 1]) {
        let wait = [(header::RETRY_AFTER, "0")];
        let key = headers.get("idempotency-key").is_some_and(|key| key.len() == 64);
        let token = headers.get(header::AUTHORIZATION).is_some_and(|token| token == "Bearer own-token-1");
        let lead = serde_json::from_str::<serde_json::Value>(&body).is_ok_and(|lead| lead["user"].is_string());
        if !(key && token && lead) {
            return (StatusCode::BAD_REQUEST, wait);
        }
        match LEADS.fetch_add(1, Ordering::Relaxed) % 4 {
            3 => (StatusCode::SERVICE_UNAVAILABLE, wait),
            _ => (StatusCode::ACCEPTED, wait),
        }
    }
    let (address, listening) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            address.send(listener.local_addr().expect("an address")).expect("the test waits");
            let _ = axum::serve(listener, Router::new().route("/leads", post(leads))).await;
        });
    });
    format!("http://{}", listening.recv().expect("it listens"))
}

#[test]
fn a_service_that_gets_callbacks_reserves_for_each_attempt_and_settles_by_what_it_did_cost() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("out");
    let text = "executor = \"shared-iterations\"\nvus = 4\niterations = 80\nmaxDuration = \"60s\"\ngracefulStop = \"2s\"\n\
                journeys = [{ journey = \"lead\" }]\n[target]\nservice = \"start\"\n\
                [simulation.clay.enrichment]\ntime_scale = 0.01\n\
                [resilience.clay]\nbreaker = false\ncredits = { daily_limit = 120, failure_threshold = 1_000 }\nqueue = { drain_pacing = \"5ms\" }\n\
                [[faults]]\nname = \"lost\"\nkind = \"lost_answer\"\nhow = \"close\"\nvendor = \"clay\"\nshare = 0.3\nat = \"0s\"\n\
                lasts = \"20s\"\n[thresholds]\ncredits_used = [\"count>24\", \"count<=120\"]\ncredits_reserved = [\"count>60\"]\n";
    let file = scenario(dir.path(), text);
    // An estimate is nothing that the verdict would have to set right.
    let verdict = run(&["run", &file, "--quiet", "--out", &out.display().to_string()]);
    verdict.says(0, &["PASSED", "credits_used"]);
    assert!(!verdict.stdout.contains("estimate of 6"), "{}", verdict.stdout);
    for name in ["credits_used", "credits_reserved"] {
        let credits = column(&out, name);
        assert!(credits.iter().all(|credits| credits.parse::<u64>().is_ok_and(|credits| credits <= 120)), "{name}: {credits:?}");
    }
}
