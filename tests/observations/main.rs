//! Every sentence of the Observations, computed once more from the raw files of a run: each request (`samples.csv`), the histograms,
//! the seconds, the journals and the vendors' ledger. What is said must be that, and nothing must be said beside it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;
mod expected;
mod raw;

use common::{run, scenario, text};
use expected::sentences;
use raw::Raw;

/// What all three have in common: 10 s of leads to vendors that take a while.
const LOAD: &str = "name = \"observed\"\nquestion = \"Is what is said true?\"\nexecutor = \"constant-vus\"\nvus = 12\nduration = \"10s\"\n\
                    gracefulStop = \"5s\"\nthink_time = \"50ms\"\njourneys = [{ journey = \"lead\" }]\n\
                    [simulation.customer_io]\nlatency = \"20ms\"\n";

/// Plays a scenario and compares what its report says with what its files say.
fn play(more: &str) -> (Raw, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), &format!("{LOAD}{more}"));
    let out = dir.path().join("out");
    run(&["run", text(&file), "--quiet", "--samples", "--journals", "--out", text(&out)]).says(0, &["PASSED"]);
    let raw = Raw::read(&out);
    let said = raw.observations();
    let computed = sentences(&raw);
    assert_eq!(said.len(), computed.len(), "said: {said:#?}\ncomputed: {computed:#?}");
    for (said, computed) in said.iter().zip(&computed) {
        assert!(is_same(said, computed), "said:     {said}\ncomputed: {computed}");
    }
    (raw, said)
}

/// Whether two sentences are the same, but that latencies may differ as histograms of three digits do.
fn is_same(said: &str, computed: &str) -> bool {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (said, computed) = (words(said), words(computed));
    let number = |word: &str| word.parse::<f64>().ok();
    let pairs = said.iter().zip(&computed).enumerate();
    said.len() == computed.len()
        && pairs.into_iter().all(|(index, (a, b))| {
            let is_latency =
                said.get(index + 1).is_some_and(|unit| ["ms", "µs", "s"].contains(&unit.trim_end_matches([';', ',', '.'])));
            match (number(a), number(b)) {
                (Some(a), Some(b)) if is_latency => (a - b).abs() <= 0.011 * b,
                _ => a == b,
            }
        })
}

#[test]
fn an_outage_owns_what_it_cuts_off() {
    let (raw, said) = play(
        "[simulation.clay]\nlatency = { uniform = [\"200ms\", \"600ms\"] }\n\
         [resilience.clay]\ncredits = false\nretry = { max_retries = 1, base_delay = \"100ms\" }\n\
         breaker = { failures = 5, cooldown = \"1s\" }\nqueue = { base_delay = \"500ms\", drain_pacing = \"5ms\" }\n\
         [[faults]]\nname = \"gone\"\nkind = \"outage\"\nhow = \"refuse\"\nvendor = \"clay\"\nat = \"4s\"\nlasts = \"2s\"\n\
         [thresholds]\n\"http_req_failed{fault:false}\" = [\"rate==0\"]\n\"http_req_failed{fault:true}\" = [\"rate>0\"]\n",
    );
    // Those in flight when it began were sent before it.
    let began = raw.fault("gone").0;
    assert!(raw.attempts.iter().any(|sample| sample.failed && sample.sent_us + 50_000 < began), "nothing was cut off");
    let opened = said.iter().filter(|sentence| sentence.starts_with("Clay's breaker opened")).count();
    assert_eq!(opened, 1, "{said:#?}");
    assert!(said.iter().all(|sentence| !sentence.contains("no fault active") && !sentence.contains("already OPEN")), "{said:#?}");
}

#[test]
fn a_slow_vendor_and_pauses_of_another_are_kept_apart() {
    let (_, said) = play(
        "[simulation.clay]\nlatency = \"30ms\"\n[resilience.clay]\ncredits = false\nbreaker = { failures = 50 }\n\
         [[faults]]\nname = \"slow\"\nkind = \"latency\"\nadd = \"700ms\"\nvendor = \"clay\"\nat = \"3s\"\nlasts = \"4s\"\n\
         [[faults]]\nname = \"storm\"\nkind = \"rate_limit\"\nrate = 3\nburst = 3\nretry_after = \"seconds\"\n\
         vendor = \"customer_io\"\nat = \"4s\"\nlasts = \"2s\"\n[thresholds]\nhttp_reqs = [\"count>0\"]\n",
    );
    let slow = said.iter().find(|sentence| sentence.starts_with("Clay's p95 rose from ")).expect("it was slow");
    assert!(slow.contains("under `slow`"), "{slow}");
    assert!(said.iter().any(|sentence| sentence.starts_with("Customer.io answered 429 to ")), "{said:#?}");
}

#[test]
fn a_service_is_under_the_faults_of_its_vendors() {
    let (_, said) = play(
        "[target]\nservice = \"start\"\n[simulation.clay]\nlatency = \"30ms\"\n[resilience.clay]\ncredits = false\n\
         queue = { base_delay = \"500ms\", drain_pacing = \"1ms\" }\n\
         [[faults]]\nname = \"broken\"\nkind = \"error\"\nstatus = 503\nvendor = \"clay\"\nat = \"3s\"\nlasts = \"3s\"\n\
         [thresholds]\n\"http_reqs{fault:true}\" = [\"count>0\"]\n",
    );
    assert!(said.iter().any(|sentence| sentence.starts_with("The service's p95 ")), "{said:#?}");
    assert!(said.iter().any(|sentence| sentence.starts_with("By the vendors' ledger, `broken` hit ")), "{said:#?}");
}
