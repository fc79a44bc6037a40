//! What benches of stores and services have in common.

#![allow(dead_code, reason = "each bench uses its own part")]

pub(crate) mod ceiling;

use std::time::Duration;

use hdrhistogram::Histogram;
use plimsoll::resilience::{Operation, OperationKind, idempotency_key};
use plimsoll::store::NewLead;
use serde_json::json;

/// A lead of some 250 bytes with its three operations, as a service makes them.
pub(crate) fn lead(number: u64) -> NewLead {
    let key = format!("{:016x}{number:048x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let user = format!("person-{number}@example-{}.test", number % 5_000);
    let data = mock_server::json::Json::from(json!({
        "email": user,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "company": format!("Example {} Limited", number % 5_000),
        "title": "Head of Analytical Engines",
        "source": "webinar",
        "campaign": "autumn",
        "consent": true,
    }));
    let operations = [OperationKind::Enrich, OperationKind::Identify, OperationKind::Track].map(|kind| Operation {
        kind,
        user: user.clone(),
        data: data.clone(),
        key: idempotency_key(kind, &key, &json!({}).into()),
        lead: Some(key.clone()),
        caller: 0,
        due: None,
    });
    NewLead { key, user, data, operations: operations.to_vec() }
}

/// A directory on the disk, not in memory.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory to write")
}

/// Latencies in microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("valid bounds")
}

/// Median, 99th percentile and highest, in milliseconds.
pub(crate) fn percentiles(latencies: &Histogram<u64>) -> String {
    let ms = |us: u64| us as f64 / 1e3;
    let at = |share| ms(latencies.value_at_quantile(share));
    format!("p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, highest {:.1} ms", at(0.5), at(0.99), at(0.999), ms(latencies.max()))
}

/// Microseconds of a duration, at least one.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(1)
}

/// Resident memory of this process in bytes.
pub(crate) fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux describes a process to itself");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of resident memory");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0
}
