//! The sentences that the raw files give ground for, in the report's order, by arithmetic of their own.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll::units::{format_count, format_latency};
use serde_json::Value;

use crate::raw::{Raw, Sample};

pub(crate) fn sentences(raw: &Raw) -> Vec<String> {
    let mut all = leads(raw);
    all.push(failures(raw));
    all.extend(faulted(raw));
    all.extend(latencies(raw));
    all.extend(breakers(raw));
    all.extend(queue(raw));
    all.extend(rate_limits(raw));
    all.extend(credits(raw));
    all.extend(slowest(raw));
    all.extend(checks(raw));
    all.extend(cut_off(raw));
    all
}

fn clock(us: u64) -> String {
    let decimals = if us < 1_000_000 { 2 } else { 1 };
    let text = format!("{:.decimals$}", us as f64 / 1e6);
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

fn count(count: usize, what: &str) -> String {
    format!("{} {what}{}", format_count(count as u64), if count == 1 { "" } else { "s" })
}

fn share(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "none".to_owned();
    }
    let percent = 100.0 * part as f64 / whole as f64;
    let decimals = match percent.min(100.0 - percent) {
        0.0 => 0,
        distance if distance < 0.1 => 3,
        distance if distance < 10.0 => 2,
        _ => 1,
    };
    format!("{percent:.decimals$} %")
}

fn title(peer: &str) -> &str {
    match peer {
        "clay" => "Clay",
        "customer_io" => "Customer.io",
        _ => "The service",
    }
}

/// The smallest that 95 % do not exceed.
fn p95(mut latencies: Vec<u64>) -> String {
    latencies.sort_unstable();
    format_latency(latencies[(latencies.len() * 95).div_ceil(100) - 1])
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn latency(sample: &Sample) -> u64 {
    sample.done_us - sample.due_us
}

/// Faults with their vendors, in order of their starts.
fn faults(raw: &Raw) -> Vec<(String, Vec<String>, u64, u64)> {
    let names = raw.summary["faults"].as_array().unwrap().iter().map(|fault| {
        let name = fault["name"].as_str().unwrap().to_owned();
        let vendors = fault["vendors"].as_array().unwrap().iter().map(|vendor| vendor.as_str().unwrap().to_owned());
        let (from, to) = raw.fault(&name);
        (name, vendors.collect(), from, to)
    });
    let mut faults: Vec<_> = names.collect();
    faults.sort_by_key(|fault| fault.2);
    faults
}

/// Each iteration submits a lead, and each operation is at rest somewhere.
fn leads(raw: &Raw) -> Vec<String> {
    let sent = raw.iterations.len() + number(&raw.summary["interrupted_iterations"]);
    assert_eq!(number(&raw.summary["leads"]["submitted"]), sent);
    let journal = raw.lines("submitted.ndjson");
    let answered = |answer: &str| journal.iter().filter(|line| line["answer"]["answer"] == answer).count();
    assert_eq!((answered("refused"), answered("unknown")), (0, 0), "none of these runs refuses a lead");
    let mut places = BTreeMap::<String, usize>::new();
    for line in raw.lines("places.ndjson") {
        *places.entry(line["place"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let operations = places.values().sum::<usize>();
    let fate = match places.get("delivered") {
        Some(delivered) if *delivered == operations => format!("all {} were delivered", count(operations, "operation")),
        _ => {
            let words = [
                ("delivered", "delivered"),
                ("degraded", "answered from cache or by a local guess"),
                ("queued", "still queued"),
                ("dead_lettered", "in the dead letters"),
                ("rejected", "rejected with an error to the caller"),
            ];
            let parts =
                words.iter().filter_map(|(place, what)| Some(format!("{} {what}", format_count(*places.get(*place)? as u64))));
            format!("of {}, {}", count(operations, "operation"), parts.collect::<Vec<_>>().join(", "))
        }
    };
    vec![format!("{} sent, and all were accepted.", count(sent, "lead")), format!("No accepted lead was lost: {fate}.")]
}

fn failures(raw: &Raw) -> String {
    let failed_of = |wanted: &dyn Fn(&Sample) -> bool| {
        let all: Vec<_> = raw.attempts.iter().filter(|sample| wanted(sample)).collect();
        (all.iter().filter(|sample| sample.failed).count(), all.len())
    };
    let (failed, all) = failed_of(&|_| true);
    if failed == 0 {
        return format!("None of {} failed.", count(all, "request"));
    }
    let said = format!("{} of {} failed ({})", format_count(failed as u64), count(all, "request"), share(failed, all));
    match (failed_of(&|sample| sample.under_fault), failed_of(&|sample| !sample.under_fault)) {
        ((_, 0), _) => format!("{said}, with no fault active."),
        ((under, all_under), (outside, all_outside)) => {
            format!("{said}: {} of those under a fault, {} of the others.", share(under, all_under), share(outside, all_outside))
        }
    }
}

fn faulted(raw: &Raw) -> Vec<String> {
    let mut faulted = BTreeMap::<(String, String), (usize, usize)>::new();
    for line in raw.lines("vendors.ndjson") {
        let failed = line["sent"] != "whole" || line["status"].as_u64().is_none_or(|status| status >= 400);
        for fault in line["actual"].as_array().unwrap() {
            let key = (fault.as_str().unwrap().to_owned(), line["vendor"].as_str().unwrap().to_owned());
            let (requests, failures) = faulted.entry(key).or_default();
            *requests += 1;
            *failures += usize::from(failed);
        }
    }
    let sentence = |((fault, vendor), (requests, failed)): (&(String, String), &(usize, usize))| {
        let failed = if *failed == 0 { "none".to_owned() } else { format_count(*failed as u64) };
        let requests = count(*requests, "request");
        format!("By the vendors' ledger, `{fault}` hit {requests} to {}, of which {failed} failed.", title(vendor))
    };
    faulted.iter().map(sentence).collect()
}

fn latencies(raw: &Raw) -> Vec<String> {
    let mut said = Vec::new();
    let peers: BTreeSet<&str> = raw.attempts.iter().map(|sample| sample.peer.as_str()).collect();
    for (fault, vendors, from, to) in faults(raw) {
        for peer in ["clay", "customer_io", "service"].into_iter().filter(|peer| peers.contains(peer)) {
            let concerns = peer == "service" || vendors.iter().any(|vendor| vendor == peer);
            let under = raw.attempts.iter().filter(|sample| concerns && sample.peer == peer && sample.under_fault);
            let failed = under.clone().filter(|sample| sample.failed).count();
            let under: Vec<u64> = under.map(latency).collect();
            // The seconds that lie in the 10 s before the fault, from the histograms.
            let before = raw.log.iter().filter(|line| {
                let is_before = line.start_us + line.length_us <= from && line.start_us + 10_000_000 >= from;
                let labels = &line.labels;
                is_before && labels.kind.as_str() == "attempt" && labels.vendor.as_str() == peer && !labels.under_fault
            });
            let before = before.flat_map(|line| {
                let counts = line.histogram.iter_recorded();
                counts.flat_map(|value| vec![value.value_iterated_to(); value.count_at_value() as usize]).collect::<Vec<u64>>()
            });
            let before: Vec<u64> = before.collect();
            if under.is_empty() || before.is_empty() {
                continue;
            }
            let (least, most) = (rank(&before) as f64, rank(&under) as f64);
            let (now, then) = (count(under.len(), "request"), count(before.len(), "request"));
            let failed = match failed {
                0 => String::new(),
                _ if failed == under.len() => ", all failed".to_owned(),
                _ => format!(", {} failed", format_count(failed as u64)),
            };
            let (now, then) = (format!("{} ({now}{failed})", p95(under)), format!("{} ({then} in the 10 s before)", p95(before)));
            let change = match most / least {
                ratio if ratio > 1.25 => format!("rose from {then} to {now}"),
                ratio if ratio < 0.8 => format!("fell from {then} to {now}"),
                _ => format!("stayed at {now}, after {then},"),
            };
            said.push(format!("{}'s p95 {change} under `{fault}` ({}–{}).", title(peer), clock(from), clock(to)));
        }
    }
    said
}

fn rank(latencies: &[u64]) -> u64 {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * 95).div_ceil(100) - 1]
}

/// What each breaker did around each fault of its vendor, from its transitions.
fn breakers(raw: &Raw) -> Vec<String> {
    let mut said = Vec::new();
    let end = number(&raw.summary["load_us"]) as u64;
    for (fault, vendors, from, to) in faults(raw) {
        for vendor in ["clay", "customer_io"] {
            let has_breaker = raw.seconds[&format!("breaker_{vendor}")].iter().any(|state| !state.is_empty());
            if !has_breaker || !vendors.iter().any(|of_it| of_it == vendor) {
                continue;
            }
            let events = raw.summary["events"].as_array().unwrap().iter();
            let transitions: Vec<(u64, &str)> = events
                .filter(|event| {
                    event["event"] == "transition" && event["guard"] == "circuit_breaker" && event["vendor"] == vendor
                })
                .map(|event| (event["at_us"].as_u64().unwrap(), event["to"].as_str().unwrap()))
                .collect();
            let before = transitions.iter().rfind(|(at, _)| *at < from).map_or("CLOSED", |(_, to)| *to);
            assert_eq!(before, "CLOSED", "in none of these runs was it open before");
            let late = raw.attempts.iter().filter(|sample| sample.peer == vendor && sample.under_fault && sample.failed);
            let late = late.map(|sample| sample.done_us - sample.sent_us).max().unwrap_or_default();
            let opened = transitions.iter().position(|(at, state)| *state == "OPEN" && (from..=to + late).contains(at));
            let Some(opened) = opened else {
                said.push(format!("{}'s breaker stayed closed through `{fault}`.", title(vendor)));
                continue;
            };
            let closing = match transitions[opened..].iter().find(|(_, state)| *state == "CLOSED") {
                Some((closed, _)) if *closed >= to => format!("closed {} after it ended", clock(closed - to)),
                Some((closed, _)) => format!("closed {} before it ended", clock(to - closed)),
                None => "was still not closed when the load ended".to_owned(),
            };
            let until = transitions.iter().map(|(at, _)| *at).skip(1).chain([end]);
            let open =
                transitions.iter().zip(until).filter(|((_, state), _)| *state == "OPEN").map(|((at, _), until)| until - at);
            let (after, open) = (clock(transitions[opened].0 - from), clock(open.sum()));
            let who = title(vendor);
            said.push(format!(
                "{who}'s breaker opened {after} after `{fault}` began and {closing} ({open} open in the whole run)."
            ));
        }
    }
    said
}

fn queue(raw: &Raw) -> Option<String> {
    let depths = raw.column("queue_depth");
    let ends: Vec<u64> =
        raw.column("start_us").iter().zip(raw.column("length_us")).map(|(start, length)| start + length).collect();
    let most = *depths.iter().max()?;
    let peak = depths.iter().position(|depth| *depth == most).filter(|_| most > 0)?;
    let waited = format!("{} waited in the queue at the peak ({})", count(most as usize, "operation"), clock(ends[peak]));
    let Some(empty) = depths[peak..].iter().position(|depth| *depth == 0).map(|index| peak + index) else {
        let last = depths[depths.len() - 1];
        let queued = raw.lines("places.ndjson").iter().filter(|line| line["place"] == "queued").count() as u64;
        let after = match queued {
            queued if queued == last => " and when the run was over".to_owned(),
            0 => "; none was when the run was over".to_owned(),
            queued => format!("; {} were when the run was over", format_count(queued)),
        };
        return Some(format!("{waited}; {} were still there when the load ended{after}.", format_count(last)));
    };
    assert_eq!(raw.column("dead_letters").last(), Some(&0), "in none of these runs is there a dead letter");
    let cause = faults(raw).into_iter().rfind(|(_, _, from, to)| *from <= ends[peak] && *to <= ends[empty]);
    Some(match cause {
        Some((fault, _, _, to)) => {
            format!("{waited}; all were delivered within {} of the end of `{fault}`.", clock(ends[empty] - to))
        }
        None => format!("{waited}; all were delivered by {}.", clock(ends[empty])),
    })
}

fn rate_limits(raw: &Raw) -> Vec<String> {
    let sentence = |peer: &str| {
        let refused: Vec<_> = raw.attempts.iter().filter(|sample| sample.peer == peer && sample.status == "429").collect();
        let under = refused.iter().filter(|sample| sample.under_fault).count();
        let events = raw.summary["events"].as_array().unwrap().iter();
        let pauses = events.filter(|event| event["event"] == "paused" && event["vendor"] == peer);
        let pauses: Vec<_> = pauses.map(|event| (number(&event["at_us"]) / 1_000, number(&event["for_ms"]))).collect();
        // Each millisecond in which it had to wait.
        let paused: BTreeSet<usize> = pauses.iter().flat_map(|(from, length)| *from..from + length).collect();
        let asked = match pauses.len() {
            0 => String::new(),
            times => format!(", and asked for {}, {} in all", count(times, "pause"), clock(paused.len() as u64 * 1_000)),
        };
        let (who, what, under) = (title(peer), count(refused.len(), "request"), format_count(under as u64));
        (!refused.is_empty()).then(|| format!("{who} answered 429 to {what}, {under} of them under a fault{asked}."))
    };
    ["clay", "customer_io", "service"].into_iter().filter_map(sentence).collect()
}

fn credits(raw: &Raw) -> Option<String> {
    let used = raw.account();
    assert_eq!(*raw.column("credits_used").last()?, used, "the last second shows what the ledger says");
    let used = used as usize;
    (used > 0).then(|| format!("{} were used.", count(used, "Clay credit")))
}

fn slowest(raw: &Raw) -> Option<String> {
    let mut routes = BTreeMap::<&str, Vec<u64>>::new();
    for sample in &raw.attempts {
        routes.entry(&sample.name).or_default().push(latency(sample));
    }
    let by_p95 = |route: &(&&str, &Vec<u64>)| rank(route.1);
    let (slow, fast) = (routes.iter().max_by_key(by_p95)?, routes.iter().min_by_key(by_p95)?);
    (slow.0 != fast.0).then(|| {
        let requests = count(slow.1.len(), "request");
        let (most, least) = (p95(slow.1.clone()), p95(fast.1.clone()));
        format!("The slowest route was `{}`: p95 {most} over {requests}; the fastest, `{}`, had {least}.", slow.0, fast.0)
    })
}

fn checks(raw: &Raw) -> Vec<String> {
    let sentence = |(name, counts): (&String, &Value)| {
        let (passes, fails) = (number(&counts["passes"]), number(&counts["fails"]));
        let (failed, all) = (format_count(fails as u64), format_count((passes + fails) as u64));
        (fails > 0).then(|| format!("The check \"{name}\" failed {failed} of {all} times ({}).", share(fails, passes + fails)))
    };
    raw.summary["checks"].as_object().unwrap().iter().filter_map(sentence).collect()
}

fn cut_off(raw: &Raw) -> Vec<String> {
    let sentence = |(key, what): (&str, &str)| {
        let cut = number(raw.summary.get(key).unwrap_or(&Value::from(0)));
        let were = if cut == 1 { "was" } else { "were" };
        (cut > 0).then(|| format!("{} {were} cut off by the end of the run.", count(cut, what)))
    };
    [("interrupted_requests", "request"), ("interrupted_iterations", "iteration")].into_iter().filter_map(sentence).collect()
}
