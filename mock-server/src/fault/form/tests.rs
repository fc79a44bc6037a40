//! Every kind as it is written, there and back, and what is wrong with what is written wrongly.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::duration::Period;
use crate::fault::{FaultKind, LostAnswer, Malformed, Outage, ResetPoint, RetryAfterStyle, SimulatedVendor, WebhookFault};
use crate::latency::LatencyModel;
use crate::secret::Secret;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A fault of the kind with these keys beside its name.
fn form(kind: &str, keys: Value) -> FaultForm {
    let mut written = json!({ "name": "test", "kind": kind });
    written.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    serde_json::from_value(written).unwrap()
}

fn kind(name: &str, keys: Value) -> FaultKind {
    form(name, keys).check().unwrap().kind
}

/// The problems as "field: problem; help".
fn wrong(name: &str, keys: Value) -> Vec<String> {
    form(name, keys).check().unwrap_err().iter().map(ToString::to_string).collect()
}

/// Every kind, written with every key of its own, and what that means.
fn examples() -> Vec<(&'static str, Value, FaultKind)> {
    let p50_p99 = json!({ "lognormal": { "p50": "40ms", "p99": "200ms" } });
    vec![
        ("outage", json!({ "how": "refuse" }), FaultKind::Outage { how: Outage::Refuse }),
        ("outage", json!({ "how": "drop" }), FaultKind::Outage { how: Outage::Drop }),
        ("outage", json!({ "how": "close" }), FaultKind::Outage { how: Outage::Close }),
        ("outage", json!({ "how": "unavailable" }), FaultKind::Outage { how: Outage::Unavailable }),
        (
            "auth",
            json!({ "status": 403, "new_key": "k" }),
            FaultKind::Auth { status: 403, new_key: Some(Secret("k".to_owned())) },
        ),
        (
            "rate_limit",
            json!({ "rate": 5.0, "burst": 3, "retry_after": "date" }),
            FaultKind::RateLimit { rate: 5.0, burst: 3, retry_after: RetryAfterStyle::Date },
        ),
        ("credits", json!({}), FaultKind::Credits),
        ("error", json!({ "status": 502, "body": "no" }), FaultKind::Error { status: 502, body: Some("no".to_owned()) }),
        (
            "latency",
            json!({ "add": "300ms", "jitter": "20ms" }),
            FaultKind::Latency { model: LatencyModel::Fixed { delay: ms(300) }, jitter: ms(20) },
        ),
        (
            "latency",
            json!({ "add": { "uniform": ["1s", "2s"] } }),
            FaultKind::Latency { model: LatencyModel::Uniform { min: ms(1_000), max: ms(2_000) }, jitter: ms(0) },
        ),
        (
            "latency",
            json!({ "add": p50_p99 }),
            FaultKind::Latency { model: LatencyModel::Lognormal { p50: ms(40), p99: ms(200) }, jitter: ms(0) },
        ),
        ("lost_answer", json!({ "how": "close" }), FaultKind::LostAnswer { how: LostAnswer::Close }),
        ("lost_answer", json!({ "how": "reset" }), FaultKind::LostAnswer { how: LostAnswer::Reset }),
        ("lost_answer", json!({ "how": "hang" }), FaultKind::LostAnswer { how: LostAnswer::Hang }),
        ("hang", json!({}), FaultKind::Hang),
        ("reset", json!({ "when": "before" }), FaultKind::Reset { when: ResetPoint::Before }),
        ("reset", json!({ "when": "within" }), FaultKind::Reset { when: ResetPoint::Within { bytes: None } }),
        ("reset", json!({ "when": "within", "bytes": 7 }), FaultKind::Reset { when: ResetPoint::Within { bytes: Some(7) } }),
        ("reset", json!({ "when": "after" }), FaultKind::Reset { when: ResetPoint::After }),
        ("malformed", json!({ "how": "json" }), FaultKind::Malformed { how: Malformed::Json }),
        ("malformed", json!({ "how": "head" }), FaultKind::Malformed { how: Malformed::Head }),
        ("malformed", json!({ "how": "content_length_too_long" }), FaultKind::Malformed { how: Malformed::ContentLengthTooLong }),
        (
            "malformed",
            json!({ "how": "content_length_too_short" }),
            FaultKind::Malformed { how: Malformed::ContentLengthTooShort },
        ),
        ("truncate", json!({ "bytes": 0 }), FaultKind::Truncate { bytes: 0 }),
        ("slow_body", json!({ "chunk": 2, "pause": "100ms" }), FaultKind::SlowBody { chunk: 2, pause: ms(100) }),
        ("bandwidth", json!({ "bytes_per_second": 1000 }), FaultKind::Bandwidth { bytes_per_second: 1_000 }),
        ("webhook", json!({ "how": "late", "by": "30s" }), FaultKind::Webhook { how: WebhookFault::Late { by: ms(30_000) } }),
        ("webhook", json!({ "how": "twice" }), FaultKind::Webhook { how: WebhookFault::Twice }),
        ("webhook", json!({ "how": "out_of_order" }), FaultKind::Webhook { how: WebhookFault::OutOfOrder }),
        ("webhook", json!({ "how": "lost" }), FaultKind::Webhook { how: WebhookFault::Lost }),
        ("webhook", json!({ "how": "badly_signed" }), FaultKind::Webhook { how: WebhookFault::BadlySigned }),
    ]
}

#[test]
fn every_kind_is_written_and_read_back() {
    for (name, keys, expected) in examples() {
        let fault = form(name, keys.clone()).check().unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        assert_eq!(fault.kind, expected);
        let written = serde_json::to_value(&fault).unwrap();
        for (key, value) in keys.as_object().unwrap() {
            assert_eq!(written.get(key), Some(value), "{name}");
        }
        assert_eq!(serde_json::from_value::<Fault>(written.clone()).unwrap(), fault);
        let read: FaultForm = serde_json::from_value(written).unwrap();
        assert_eq!(read.check().unwrap(), fault);
    }
    let names: std::collections::HashSet<&str> = examples().iter().map(|(name, ..)| *name).collect();
    assert!(KindName::ALL.iter().all(|kind| names.contains(kind.as_str())), "a kind has no example");
}

#[test]
fn every_scope_is_written_and_read_back() {
    let written = json!({
        "name": "storm", "kind": "error", "status": 500, "vendor": "clay", "routes": ["clay.webhook"],
        "customers": ["ada@example.com"], "at": "1m30s", "lasts": "2h", "share": 0.25, "ramp_up": "10s", "ramp_down": "250ms",
    });
    let fault = serde_json::from_value::<FaultForm>(written.clone()).unwrap().check().unwrap();
    let expected = Fault::new("storm", FaultKind::Error { status: 500, body: None })
        .on_vendor(SimulatedVendor::Clay)
        .on_routes(["clay.webhook"])
        .on_customers(["ada@example.com"])
        .begins_at(ms(90_000))
        .lasting(ms(7_200_000))
        .with_share(0.25)
        .ramping(ms(10_000), ms(250));
    assert_eq!(fault, expected);
    assert_eq!(serde_json::to_value(&fault).unwrap(), written);
    let every = form("hang", json!({ "every": 3 })).check().unwrap();
    assert_eq!((every.every, every.at, every.lasts, every.share), (Some(3), ms(0), None, 1.0));
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    assert_eq!(kind("outage", json!({})), FaultKind::Outage { how: Outage::Refuse });
    assert_eq!(kind("auth", json!({})), FaultKind::Auth { status: 401, new_key: None });
    let limit = FaultKind::RateLimit { rate: 5.0, burst: 1, retry_after: RetryAfterStyle::Seconds };
    assert_eq!(kind("rate_limit", json!({ "rate": 5 })), limit);
    assert_eq!(kind("error", json!({ "status": 500 })), FaultKind::Error { status: 500, body: None });
    assert_eq!(kind("lost_answer", json!({})), FaultKind::LostAnswer { how: LostAnswer::Close });
    assert_eq!(kind("reset", json!({})), FaultKind::Reset { when: ResetPoint::Before });
    assert_eq!(kind("malformed", json!({})), FaultKind::Malformed { how: Malformed::Json });
    assert_eq!(kind("slow_body", json!({ "pause": "1s" })), FaultKind::SlowBody { chunk: 1, pause: ms(1_000) });
}

#[test]
fn kinds_that_are_for_one_vendor_say_so() {
    for (name, keys) in [("credits", json!({})), ("webhook", json!({ "how": "lost" }))] {
        assert_eq!(form(name, keys).check().unwrap().vendor, Some(SimulatedVendor::Clay));
    }
    assert_eq!(
        wrong("credits", json!({ "vendor": "customer_io" })),
        ["vendor: `customer_io` has no part in a fault of kind `credits`; only `clay` has credits: leave `vendor` out"]
    );
}

#[test]
fn a_missing_key_is_reported_with_an_example() {
    for (name, key, example) in [
        ("rate_limit", "rate", "rate = 5"),
        ("error", "status", "status = 503"),
        ("latency", "add", "add = \"500ms\""),
        ("truncate", "bytes", "bytes = 10"),
        ("slow_body", "pause", "pause = \"100ms\""),
        ("bandwidth", "bytes_per_second", "bytes_per_second = 1000"),
        ("webhook", "how", "how = \"late\""),
    ] {
        assert_eq!(wrong(name, json!({})), [format!("{key}: a fault of kind `{name}` needs `{key}`; add `{example}`")]);
    }
    assert_eq!(wrong("webhook", json!({ "how": "late" })), ["by: a fault of kind `webhook` needs `by`; add `by = \"30s\"`"]);
}

#[test]
fn a_superfluous_key_is_reported_with_the_keys_of_the_kind() {
    assert_eq!(
        wrong("truncate", json!({ "bytes": 1, "status": 500 })),
        [
            "status: `status` does not belong to a fault of kind `truncate`; leave it out: a fault of kind `truncate` takes `bytes`"
        ]
    );
    assert_eq!(
        wrong("hang", json!({ "how": "reset" })),
        ["how: `how` does not belong to a fault of kind `hang`; leave it out: a fault of kind `hang` takes no keys of its own"]
    );
    // Each kind refuses each key that is another's.
    let all = json!({
        "how": "close", "status": 401, "body": "b", "rate": 1, "burst": 1, "retry_after": "none", "add": "1s", "jitter": "1s",
        "when": "within", "bytes": 1, "chunk": 1, "pause": "1s", "bytes_per_second": 1, "new_key": "k", "by": "1s",
    });
    for kind in KindName::ALL {
        let problems = form(kind.as_str(), all.clone()).check().unwrap_err();
        let refused: Vec<&str> =
            problems.iter().filter(|problem| problem.wrong == Wrong::Superfluous).map(|problem| problem.field.as_str()).collect();
        let others: Vec<&str> =
            all.as_object().unwrap().keys().map(String::as_str).filter(|key| !kind.keys().contains(key)).collect();
        assert_eq!(refused.len(), others.len(), "{kind:?}");
        assert!(others.iter().all(|key| refused.contains(key)), "{kind:?}");
    }
}

#[test]
fn a_way_of_another_kind_is_refused_with_the_ways_there_are() {
    assert_eq!(
        wrong("lost_answer", json!({ "how": "late" })),
        ["how: `how` cannot be `late` for a fault of kind `lost_answer`; it can be `close`, `reset`, `hang`"]
    );
    for kind in KindName::ALL.into_iter().filter(|kind| kind.keys().contains(&"how")) {
        for way in KindName::ALL.into_iter().flat_map(|other| other.ways()) {
            let by = if *way == HowName::Late && kind == KindName::Webhook { json!("1s") } else { Value::Null };
            let result = form(kind.as_str(), json!({ "how": way.as_str(), "by": by })).check();
            assert_eq!(result.is_ok(), kind.ways().contains(way), "{kind:?} {way:?}: {result:?}");
        }
    }
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let problems = wrong("reset", json!({ "when": "after", "bytes": 3 }));
    assert_eq!(
        problems,
        ["bytes: a reset after the answer does not count the body's bytes; leave it out, or let `when` be \"within\""]
    );
    assert_eq!(wrong("reset", json!({ "bytes": 3 })).len(), 1);
    let problems = wrong("webhook", json!({ "how": "twice", "by": "3s" }));
    assert_eq!(problems, ["by: only callbacks that are `late` are late by something; leave it out, or let `how` be \"late\""]);
}

#[test]
fn all_problems_are_reported_at_once() {
    let keys = json!({ "share": 2.0, "routes": ["clay.webhok"], "status": 500, "at": "1s", "lasts": "0s" });
    let fields: Vec<String> = form("rate_limit", keys).check().unwrap_err().into_iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["status", "rate", "lasts", "share", "routes[0]"]);
}

#[test]
fn misspelt_keys_and_words_are_refused() {
    for written in [
        json!({ "name": "a", "kind": "error", "staus": 500 }),
        json!({ "name": "a", "kind": "eror" }),
        json!({ "name": "a", "kind": "outage", "how": "refused" }),
        json!({ "name": "a", "kind": "hang", "lasts": 5 }),
        json!({ "name": "a", "kind": "hang", "lasts": "5" }),
        json!({ "kind": "hang" }),
    ] {
        assert!(serde_json::from_value::<FaultForm>(written.clone()).is_err(), "{written}");
    }
}

#[test]
fn words_are_the_same_in_messages_and_in_forms() {
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    for kind in KindName::ALL {
        assert_eq!(text(serde_json::to_value(kind).unwrap()), kind.as_str());
        for way in kind.ways() {
            assert_eq!(text(serde_json::to_value(way).unwrap()), way.as_str());
        }
    }
    for when in [WhenName::Before, WhenName::Within, WhenName::After] {
        assert_eq!(text(serde_json::to_value(when).unwrap()), when.as_str());
    }
}

#[test]
fn a_key_is_not_seen_where_faults_are_printed() {
    let fault = form("auth", json!({ "new_key": "hunter2" }));
    let debug = format!("{fault:?} {:?} {}", fault.check().unwrap(), fault.check().unwrap().describe());
    assert!(!debug.contains("hunter2"), "{debug}");
}

proptest! {
    /// Whatever is written, checking it never panics, and what it accepts is written back to the same fault.
    #[test]
    fn what_is_accepted_means_the_same_when_written_again(
        example in 0..31_usize,
        share in -0.5_f64..1.5,
        every in proptest::option::of(0_u32..4),
        (at, lasts, up, down) in (0_u64..100_000, proptest::option::of(0_u64..100_000), 0_u64..60_000, 0_u64..60_000),
    ) {
        let (name, keys, _) = examples().swap_remove(example);
        let period = |us: u64| Period(Duration::from_micros(us));
        let written = FaultForm {
            share: Some(share.clamp(-0.5, 1.0)),
            every,
            at: Some(period(at)),
            lasts: lasts.map(period),
            ramp_up: Some(period(up)),
            ramp_down: Some(period(down)),
            ..form(name, keys)
        };
        if let Ok(fault) = written.check() {
            let again: FaultForm = serde_json::from_value(serde_json::to_value(&fault).unwrap()).unwrap();
            prop_assert_eq!(again.check().unwrap(), fault);
        }
    }
}
