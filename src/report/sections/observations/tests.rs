//! Each rule on a run that gives it ground, and on one that does not.

use super::*;
use crate::capacity::{Basis, assess};
use crate::event::{BreakerState, Event, EventKind, Guard};
use crate::gate::judge;
use crate::outcome::{FailureKind, Peer, Vendor};
use crate::outcome::{LeadCounts, OperationCounts};
use crate::report::document::Document;
use crate::report::sections::recommendations::recommendations;
use crate::report::{Judged, fixture, render};
use crate::result::{FaultLatency, Run};

fn judged(run: &Run) -> Judged {
    Judged { verdict: judge(run, &[], Vec::new()), capacity: assess(run, &Basis::default()) }
}

/// The sentences as Markdown, one a line.
fn sentences(texts: Vec<Text>) -> String {
    let document = Document { title: None, sections: vec![Section::untitled(texts.into_iter().map(Block::Paragraph))] };
    render::markdown(&document).replace("\n\n", "\n").trim_end().to_owned()
}

fn observed(run: &Run) -> String {
    sentences(observations(&View::new(run, &judged(run))))
}

fn recommended(run: &Run) -> String {
    sentences(recommendations(&View::new(run, &judged(run))))
}

#[track_caller]
fn assert_says(text: &str, sentence: &str) {
    assert!(text.contains(sentence), "\"{sentence}\" is not said in:\n{text}");
}

#[test]
fn an_empty_run_has_nothing_to_observe_but_says_so() {
    assert_eq!(observed(&fixture::empty()), "No request was answered or given up: there is nothing to observe.");
    assert_says(&recommended(&fixture::empty()), "No recommendation on scaling");
}

#[test]
fn latency_under_a_fault_is_compared_with_before() {
    let mut run = fixture::quickstart();
    assert_says(
        &observed(&run),
        "Clay's p95 rose from 96.5 ms (370 requests in the 10 s before) to 480 ms (320 requests) under `clay-429` (10 s–14 s).",
    );
    assert_says(
        &observed(&run),
        "Clay's p95 stayed at 102 ms (70 requests), after 99.5 ms (370 requests in the 10 s before), under `clay-outage`",
    );
    run.fault_latencies = vec![fixture::latency(1, Peer::Service, &[(99_500, 1)], &[(3_000, 1)])];
    assert_says(
        &observed(&run),
        "The service's p95 fell from 99.5 ms (1 request in the 10 s before) to 3.00 ms (1 request) under `clay-outage`",
    );
    for (failed, said) in [(1, "3.00 ms (2 requests, 1 failed) under"), (2, "3.00 ms (2 requests, all failed) under")] {
        let latency = fixture::latency(1, Vendor::Clay, &[(99_500, 1)], &[(3_000, 2)]);
        run.fault_latencies = vec![FaultLatency { failed, ..latency }];
        assert_says(&observed(&run), said);
    }
    run.fault_latencies = vec![fixture::latency(1, Vendor::Clay, &[], &[(3_000, 1)])];
    assert!(!observed(&run).contains("p95 fell"), "no requests, no statement");
}

#[test]
fn what_the_vendors_ledger_says_of_a_fault_is_reported() {
    let mut run = fixture::quickstart();
    assert_says(&observed(&run), "By the vendors' ledger, `clay-429` hit 100 requests to Clay, of which 100 failed.");
    run.result.faulted_requests[0].failed = 0;
    assert_says(&observed(&run), "`clay-429` hit 100 requests to Clay, of which none failed.");
}

#[test]
fn the_breaker_is_set_against_the_fault() {
    let mut run = fixture::quickstart();
    assert_says(&observed(&run), "Clay's breaker stayed closed through `clay-429`.");
    assert_says(
        &observed(&run),
        "Clay's breaker opened 0.8 s after `clay-outage` began and closed 2.1 s after it ended (6 s open",
    );
    let closed = run.result.events.pop();
    assert_says(&observed(&run), "and was still not closed when the load ended");
    run.result.events.extend(closed);
    run.result.faults[1].ended_us = Some(30_000_000);
    assert_says(&observed(&run), "and closed 2.9 s before it ended");
    run.result.faults[1].started_us = Some(20_801_000);
    assert_says(&observed(&run), "Clay's breaker opened 0 s after `clay-outage` began");
    run.result.faults[1].started_us = Some(22_000_000);
    assert_says(&observed(&run), "Clay's breaker was already OPEN when `clay-outage` began.");
}

#[test]
fn an_opening_by_the_last_requests_under_a_fault_is_that_fault_s() {
    let mut run = fixture::quickstart();
    run.result.faults.truncate(1);
    let timeout = fixture::labels("clay.webhook", Vendor::Clay, 0, Some(FailureKind::Timeout), true);
    assert_says(&observed(&run), "Clay's breaker opened at 20.8 s with no fault active");
    fixture::record(&mut run.totals, timeout, &[(7_000_000, 1)]);
    assert!(!observed(&run).contains("with no fault active: 5 failures"), "it was sent before 14 s and failed at 21 s");
    run.result.faults[0].vendors = vec![Vendor::CustomerIo];
    assert_says(&observed(&run), "Clay's breaker opened at 20.8 s with no fault active");
}

#[test]
fn an_opening_without_a_fault_is_reported_with_its_cause() {
    let mut run = fixture::quickstart();
    run.result.faults.clear();
    assert_says(&observed(&run), "Clay's breaker opened at 20.8 s with no fault active: 5 failures in a row reached 5.");
}

#[test]
fn the_queue_is_followed_until_it_is_empty() {
    let mut run = fixture::quickstart();
    assert_says(
        &observed(&run),
        "142 operations waited in the queue at the peak (26 s); all were delivered within 7 s of the end of `clay-outage`.",
    );
    run.result.faults[0].started_us = Some(27_000_000);
    run.result.faults[0].ended_us = Some(28_000_000);
    assert_says(&observed(&run), "within 7 s of the end of `clay-outage`.");
    for second in &mut run.seconds[28..] {
        second.gauges.dead_letters = 4;
    }
    assert_says(&observed(&run), "4 went to the dead letters and the others were delivered within 7 s");
    for second in &mut run.seconds[31..] {
        second.gauges.queue_depth = 9;
    }
    run.result.operations.queued = 5;
    assert_says(&observed(&run), "9 were still there when the load ended; 5 were when the run was over.");
    run.result.operations.queued = 9;
    assert_says(&observed(&run), "9 were still there when the load ended and when the run was over.");
    assert!(!observed(&fixture::flat(20, 5, 0)).contains("queue"));
}

#[test]
fn errors_under_faults_are_counted_apart() {
    let run = fixture::quickstart();
    assert_says(&observed(&run), "140 of 3,500 requests failed (4.00 %): 35.9 % of those under a fault, 0 % of the others.");
    assert_says(&observed(&fixture::flat(10, 5, 0)), "None of 50 requests failed.");
    assert_says(&observed(&fixture::flat(10, 5, 1)), "10 of 50 requests failed (20.0 %), with no fault active.");
}

#[test]
fn rate_limits_checks_and_routes_are_counted() {
    let text = observed(&fixture::quickstart());
    assert_says(&text, "Clay answered 429 to 100 requests, 100 of them under a fault, and asked for 2 pauses, 2 s in all.");
    assert_says(&text, "The check \"status is 200\" failed 140 of 3,500 times (4.00 %).");
    assert_says(&text, "The slowest route was `clay.webhook`: p95 80.1 ms over 1,390 requests");
    assert_says(&text, "507 Clay credits were used.");
    let one_route = observed(&fixture::flat(10, 5, 0));
    assert!(!one_route.contains("slowest") && !one_route.contains("429") && !one_route.contains("check"), "{one_route}");
}

#[test]
fn leads_are_accounted_for() {
    let mut run = fixture::quickstart();
    assert_says(&observed(&run), "410 leads sent, and all were accepted.");
    assert_says(&observed(&run), "No accepted lead was lost: of 1,180 operations, 1,178 delivered, 2 recognised");
    run.result.operations = OperationCounts { submitted: 10, delivered: 10, ..OperationCounts::default() };
    assert_says(&observed(&run), "No accepted lead was lost: all 10 operations were delivered.");
    run.result.operations = OperationCounts { submitted: 10, delivered: 8, queued: 1, lost: 1, ..OperationCounts::default() };
    assert_says(&observed(&run), "**1 operation lost**");
    assert_says(&recommended(&run), "Find out first how 1 operation could be lost");
    assert_says(&recommended(&run), "1 operation still waited when the run was over.");
}

#[test]
fn over_capacity_is_recommended_on_instead_of_headroom() {
    let run = fixture::quickstart();
    let basis = Basis { missed: vec!["http_req_latency: p(95)<500".to_owned()], ..Basis::default() };
    let judged = Judged { verdict: judge(&run, &[], Vec::new()), capacity: assess(&run, &basis) };
    let text = sentences(recommendations(&View::new(&run, &judged)));
    assert_says(&text, "the run was over capacity: the threshold http\\_req\\_latency: p(95)\\<500 failed");
    assert!(!text.contains("Adequate capacity") && !text.contains("headroom"), "{text}");
}

#[test]
fn a_lead_that_was_refused_is_not_passed_over() {
    let mut run = fixture::quickstart();
    run.result.leads = LeadCounts { submitted: 334, accepted: 222, refused: 110 };
    assert_says(&observed(&run), "Of 334 leads sent, 222 were accepted, 110 refused, and 2 had no answer that decides it.");
    assert_says(&recommended(&run), "Find out why 110 leads were refused");
    run.result.leads = LeadCounts { submitted: 3, accepted: 3, refused: 0 };
    assert!(!recommended(&run).contains("refused"));
}

#[test]
fn a_queue_without_credits_is_not_expected_to_drain() {
    let mut run = fixture::quickstart();
    run.result.operations = OperationCounts { submitted: 10, delivered: 6, queued: 4, ..OperationCounts::default() };
    let vendor = Some(crate::outcome::Vendor::Clay);
    let event = |at_us, kind| crate::event::Event { at_us, vendor, kind };
    run.result.events.push(event(38_000_000, EventKind::CreditsExhausted { used: 498, limit: 500 }));
    assert_says(&recommended(&run), "Raise the daily credit budget, or spread the load: it was used up, and 4 operations still");
    assert!(!recommended(&run).contains("drain it faster"));
    run.result.events.push(event(39_000_000, EventKind::CreditsReset));
    assert_says(&recommended(&run), "drain it faster");
}

#[test]
fn only_a_limit_with_little_to_spare_is_to_be_watched() {
    let run = fixture::quickstart();
    let watched = |limit: &str| {
        let threshold = crate::threshold::parse("http_req_duration", limit, &[]).expect("a valid threshold");
        let judged = Judged { verdict: judge(&run, &[threshold], Vec::new()), capacity: assess(&run, &Basis::default()) };
        sentences(recommendations(&View::new(&run, &judged))).contains("least to spare")
    };
    // The p95 is 70 ms.
    assert!(watched("p(95)<100") && !watched("p(95)<500"));
}

#[test]
fn credits_that_run_out_are_reported() {
    let mut run = fixture::quickstart();
    let kind = EventKind::CreditsExhausted { used: 498, limit: 500 };
    run.result.events.push(Event { at_us: 30_000_000, vendor: Some(Vendor::Clay), kind });
    assert_says(&observed(&run), "Clay's daily credit budget was used up at 30 s (498 of 500 credits by its own count).");
    assert_says(&observed(&run), "507 Clay credits were used.");
}

#[test]
fn what_only_the_budget_knows_of_credits_is_called_an_estimate() {
    let mut run = fixture::quickstart();
    run.seconds.iter_mut().for_each(|second| second.gauges.credits_used = None);
    assert_says(&observed(&run), "468 Clay credits were reserved, at an estimate of 6 a lead.");
    run.result.credits_per_lead = None;
    assert_says(&observed(&run), "468 Clay credits were reserved.");
}

#[test]
fn what_was_cut_off_is_reported() {
    let mut run = fixture::quickstart();
    run.totals.interrupted_iterations = 3;
    run.totals.panics = 1;
    run.totals.interrupted_requests = 1;
    assert_says(&observed(&run), "1 request was cut off by the end of the run.");
    assert_says(&observed(&run), "3 iterations were cut off by the end of the run.");
    assert_says(&observed(&run), "1 iteration panicked; its user went on.");
}

#[test]
fn trouble_is_recommended_on_only_where_its_symptom_shows() {
    let mut run = fixture::flat(40, 10, 0);
    let clean = recommended(&run);
    assert!(!clean.contains("Reduce RPS") && !clean.contains("pool size") && !clean.contains("ramp-up"), "{clean}");
    let timeout = |under| fixture::labels("clay.webhook", Vendor::Clay, 0, Some(FailureKind::Timeout), under);
    fixture::record(&mut run.totals, timeout(true), &[(10_000_000, 5)]);
    assert!(!recommended(&run).contains("Reduce RPS"), "a fault explains them");
    fixture::record(&mut run.totals, timeout(false), &[(10_000_000, 5)]);
    assert_says(&recommended(&run), "Reduce RPS: 5 requests timed out with no fault active");
    let failed = |kind| fixture::labels("clay.webhook", Vendor::Clay, 0, Some(kind), false);
    fixture::record(&mut run.totals, failed(FailureKind::Dns), &[(200, 1)]);
    assert_says(&recommended(&run), "Check the target's name, or the resolver: 1 request found no address for it");
    fixture::record(&mut run.totals, failed(FailureKind::Tls), &[(200, 2)]);
    assert_says(&recommended(&run), "Check that the target speaks TLS, and its certificate: 2 connections got no trusted TLS");
    assert!(!recommended(&run).contains("pool size"), "no connection was refused");
    fixture::record(&mut run.totals, failed(FailureKind::ConnectionRefused), &[(200, 7)]);
    assert_says(&recommended(&run), "Increase pool size, or see that the target listens: 7 connections refused");
    for second in &mut run.seconds[..4] {
        second.p95_us = 400_000;
    }
    assert_says(
        &recommended(&run),
        "Add a ramp-up phase: the p95 was 400 ms in the first 4 quiet seconds and 95.0 ms after them",
    );
}

#[test]
fn what_makes_figures_doubtful_is_recommended_on_first() {
    let mut run = fixture::quickstart();
    run.result.machine.build = "debug".to_owned();
    run.result.time_scale = 0.5;
    run.seconds.iter_mut().for_each(|second| second.gauges.users = 0);
    let text = recommended(&run);
    assert!(text.starts_with("Do not use these figures"), "{text}");
    assert_says(&text, "Run a release build");
    assert_says(&text, "Run it without `--time-scale`");
}

#[test]
fn a_breaker_left_open_asks_for_a_longer_run() {
    let mut run = fixture::quickstart();
    if let Some(last) = run.seconds.last_mut() {
        last.gauges.breakers.insert(Vendor::Clay, BreakerState::Open);
    }
    assert_says(&recommended(&run), "Clay's breaker was OPEN at its end.");
}

#[test]
fn the_credit_budget_is_no_circuit_breaker() {
    let mut run = fixture::quickstart();
    run.result.faults.clear();
    for event in &mut run.result.events {
        if let EventKind::Transition { guard, .. } = &mut event.kind {
            *guard = Guard::CreditBudget;
        }
    }
    assert!(!observed(&run).contains("breaker opened"));
}
