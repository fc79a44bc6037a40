//! Expectations on runs and ledgers made by hand: what holds, what fails, and what has no data.

use std::io::Write;
use std::time::Duration;

use mock_server::process::Bill;

use super::*;
use crate::event::{BreakerState, Event, EventKind, Guard};
use crate::gate::tests::run as plain_run;
use crate::gate::{Outcome, judge};
use crate::outcome::{OperationCounts, Vendor};
use crate::result::{FaultRecord, Run};
use crate::scenario::BreakerExpectations;

use BreakerState::{Closed, HalfOpen, Open};

const SECOND: u64 = 1_000_000;

fn transition(at_us: u64, from: BreakerState, to: BreakerState, cause: &str) -> Event {
    let kind = EventKind::Transition { guard: Guard::CircuitBreaker, from, to, cause: cause.to_owned(), calls: 5, failures: 5 };
    Event { at_us, vendor: Some(Vendor::Clay), kind }
}

fn fault(name: &str, started_us: Option<u64>, ended_us: Option<u64>) -> FaultRecord {
    let (planned_start_us, planned_end_us) = (2 * SECOND, 5 * SECOND);
    let (vendors, what) = (vec![Vendor::Clay], "outage (503)".to_owned());
    FaultRecord {
        name: name.to_owned(),
        vendors,
        routes: Vec::new(),
        what,
        planned_start_us,
        planned_end_us,
        started_us,
        ended_us,
    }
}

/// 10 s with an outage of Clay from 2 to 5 s: the breaker opens at 2.5 s, probes in vain at 4.5 s, and closes at 7 s.
fn outage() -> Run {
    let mut run = plain_run();
    run.result.load_us = 10 * SECOND;
    run.result.faults = vec![fault("outage", Some(2 * SECOND), Some(5 * SECOND))];
    run.result.events = vec![
        transition(2_500_000, Closed, Open, "5 failures in a row"),
        transition(4_500_000, Open, HalfOpen, "cool-down of 2s over"),
        transition(4_600_000, HalfOpen, Open, "a probe failed"),
        transition(6_600_000, Open, HalfOpen, "cool-down of 2s over"),
        transition(7_000_000, HalfOpen, Closed, "3 successes"),
    ];
    for (index, second) in run.seconds.iter_mut().enumerate() {
        second.gauges.queue_depth = if (2..8).contains(&index) { 40 } else { 0 };
    }
    run.result.operations = OperationCounts { submitted: 200, delivered: 195, degraded: 5, ..OperationCounts::default() };
    run
}

/// One line of a ledger.
fn line(at_us: u64, key: &str, more: &str) -> String {
    let key = if key.is_empty() { "null".to_owned() } else { format!("\"{key}\"") };
    format!(
        "{{\"entry\":1,\"request\":1,\"at_us\":{at_us},\"took_us\":1000,\"vendor\":\"clay\",\"route\":\"clay.webhook\",\
         \"method\":\"POST\",\"path\":\"/\",\"idempotency_key\":{key},\"intended\":[],\"actual\":[],\"sent\":\"whole\",{more}}}\n"
    )
}

/// A row of six credits.
const ROW: &str = "\"effects\":[{\"what\":\"row.added\",\"subject\":\"a@x.test\",\"id\":null,\"credits\":6}],\"status\":200";
const FAILED: &str = "\"effects\":[],\"status\":503";

fn read(text: &str, clock: LedgerClock) -> Result<VendorFacts, FactsError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    VendorFacts::read(file.path(), clock)
}

fn facts(text: &str) -> VendorFacts {
    read(&whole(text), LedgerClock::default()).unwrap()
}

/// The lines with their numbers, and their count.
fn whole(text: &str) -> String {
    let mut last = 0;
    let mut numbered = String::new();
    for line in text.lines() {
        let missed = line.strip_prefix("{\"missed\":").and_then(|missed| missed.trim_end_matches('}').parse().ok());
        last += missed.unwrap_or(1);
        numbered += &line.replace("\"entry\":1,", &format!("\"entry\":{last},"));
        numbered.push('\n');
    }
    format!("{numbered}{{\"entries\":{last}}}\n")
}

/// Twelve operations with a row each; the third was tried in vain before, during the outage.
fn ledger() -> String {
    let mut text: String = (0..12).map(|index| line(index * SECOND / 10, &format!("k{index}"), ROW)).collect();
    text.push_str(&line(2_100_000, "k2", FAILED));
    text.push_str(&line(2_200_000, "k3", FAILED));
    text
}

fn input<'a>(run: &'a Run, facts: &'a VendorFacts) -> ExpectationInput<'a> {
    let bill = Some(Bill { rows: 12, charged: 60, due: 12, unpaid: 0 });
    ExpectationInput { run, vendors: Ok(facts), bill, audit: None }
}

fn of_clay(change: impl FnOnce(&mut BreakerExpectations)) -> Expectations {
    let faults = vec!["outage".to_owned()];
    let mut expectations = Expectations::default();
    let clay = &mut expectations.breakers[Vendor::Clay];
    *clay = BreakerExpectations { reasons: faults.clone(), faults, recovery: Duration::from_secs(3), ..Default::default() };
    change(clay);
    expectations
}

/// The one judgement on these expectations.
#[track_caller]
fn one(expectations: &Expectations, input: &ExpectationInput<'_>) -> ExpectationJudgement {
    let mut judged = judge_expectations(expectations, input);
    assert_eq!(judged.len(), 1, "{judged:#?}");
    judged.remove(0)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn a_breaker_opens_in_time_or_not() {
    let (run, facts) = (outage(), facts(&ledger()));
    let within = |time| one(&of_clay(|clay| clay.opens_within = Some(time)), &input(&run, &facts));
    let judgement = within(ms(500));
    assert!(judgement.passed);
    assert_eq!(judgement.name, "clay.opens_within");
    assert_eq!(judgement.expected, "OPEN within 500ms of the start of `outage`");
    assert_eq!(judgement.truth, "`outage` from 2.000 s to 5.000 s");
    assert_eq!(judgement.seen, "OPEN at 2.500 s, 0.500 s after, by 5 failures in a row");
    assert!(!within(ms(499)).passed);
}

#[test]
fn a_breaker_opens_within_calls_by_the_ledger() {
    let (run, facts) = (outage(), facts(&(ledger() + &line(2_300_000, "k4", FAILED).repeat(5))));
    let within = |calls| one(&of_clay(|clay| clay.opens_within_calls = Some(calls)), &input(&run, &facts));
    // Two of the ledger's, and five more; none of those before the fault.
    assert!(within(7).passed && !within(6).passed);
    assert!(within(7).seen.starts_with("7 calls; OPEN at 2.500 s"), "{}", within(7).seen);
    // Where connections are refused none arrives, and the breaker has counted five.
    let refused = self::facts(&line(0, "k", ROW));
    let within = |calls| one(&of_clay(|clay| clay.opens_within_calls = Some(calls)), &input(&run, &refused)).passed;
    assert!(within(5) && !within(4));
}

#[test]
fn a_breaker_that_never_opens_fails_and_has_nothing_to_recover_from() {
    let (mut run, facts) = (outage(), facts(&ledger()));
    run.result.events.clear();
    let input = input(&run, &facts);
    let opens = one(&of_clay(|clay| clay.opens_within = Some(ms(60_000))), &input);
    assert!(!opens.passed && opens.seen.contains("never opened"), "{opens:?}");
    let closes = one(&of_clay(|clay| clay.closes_within = Some(ms(60_000))), &input);
    assert!(!closes.passed && closes.seen.contains("nothing to recover from"), "{closes:?}");
    let calls = one(&of_clay(|clay| clay.max_calls_while_open = Some(1e6)), &input);
    assert!(!calls.passed && calls.seen.contains("never OPEN"), "{calls:?}");
    assert!(one(&of_clay(|clay| clay.max_false_open = Some(ms(0))), &input).passed);
}

#[test]
fn a_breaker_recovers_in_time_or_not() {
    let (run, facts) = (outage(), facts(&ledger()));
    let input = input(&run, &facts);
    let half_open = |time| one(&of_clay(|clay| clay.half_open_within = Some(time)), &input);
    // The probe at 4.5 s was before the fault's end.
    assert!(half_open(ms(1_600)).passed && !half_open(ms(1_599)).passed);
    assert_eq!(half_open(ms(1_600)).seen, "HALF_OPEN at 6.600 s, 1.600 s after");
    let closed = |time| one(&of_clay(|clay| clay.closes_within = Some(time)), &input);
    assert!(closed(ms(2_000)).passed && !closed(ms(1_999)).passed);
    let mut open_to_the_end = outage();
    open_to_the_end.result.events.truncate(3);
    let never = one(&of_clay(|clay| clay.closes_within = Some(ms(60_000))), &self::input(&open_to_the_end, &facts));
    assert!(!never.passed && never.seen == "never again: OPEN at the end", "{never:?}");
}

#[test]
fn a_fault_that_did_not_open_the_breaker_needs_no_recovery() {
    let (mut run, facts) = (outage(), facts(&ledger()));
    run.result.faults.push(fault("late", Some(8 * SECOND), Some(9 * SECOND)));
    let mut expected = of_clay(|clay| clay.closes_within = Some(ms(3_000)));
    expected.breakers[Vendor::Clay].faults.push("late".to_owned());
    let judged = judge_expectations(&expected, &input(&run, &facts));
    assert_eq!(judged.iter().map(|judgement| judgement.passed).collect::<Vec<_>>(), [true, true]);
    assert_eq!(judged[1].seen, "it had not opened");
}

#[test]
fn time_open_without_a_reason_counts_after_the_recovery() {
    let (mut run, facts) = (outage(), facts(&ledger()));
    let most = |run: &Run, most| one(&of_clay(|clay| clay.max_false_open = Some(most)), &input(run, &facts));
    let judgement = most(&run, ms(0));
    assert!(judgement.passed, "{judgement:?}");
    assert_eq!(judgement.seen, "OPEN for 4.00 s, never without a reason");
    run.result.events.push(transition(9_000_000, Closed, Open, "5 failures in a row"));
    let judgement = most(&run, ms(999));
    assert!(!judgement.passed && judgement.seen.contains("first from 9.000 s to 10.000 s"), "{judgement:?}");
    assert!(most(&run, ms(1_000)).passed);
}

#[test]
fn calls_that_arrive_while_open_are_counted_but_for_those_on_their_way() {
    let run = outage();
    // Two of four seconds OPEN: what arrives 40 ms after the opening was sent before it.
    let text = ledger() + &line(2_540_000, "k4", FAILED) + &line(3_000_000, "k5", FAILED) + &line(4_550_000, "k6", FAILED);
    let facts = facts(&text);
    let most = |most| one(&of_clay(|clay| clay.max_calls_while_open = Some(most)), &input(&run, &facts));
    assert_eq!(most(1.0).truth, "the vendor's ledger: 1 of 17 calls arrived while OPEN");
    assert!(most(0.3).passed && !most(0.2).passed, "{:?}", most(0.2));
}

#[test]
fn the_ledgers_clock_is_put_on_the_loads() {
    let text = line(7_100_000, "a", ROW) + &line(1_000_000, "b", ROW);
    let facts = read(&text, LedgerClock { zero_us: 5 * SECOND as i64, skew: ms(1) }).unwrap();
    assert_eq!(facts.vendors[&Vendor::Clay].arrivals, [0, 2_100_000]);
    let later = read(&text, LedgerClock { zero_us: -(SECOND as i64), skew: ms(1) }).unwrap();
    assert_eq!(later.vendors[&Vendor::Clay].arrivals, [2_000_000, 8_100_000]);
}

#[test]
fn duplicates_are_second_effects_of_one_key() {
    let run = outage();
    let duplicates = Expectations { duplicates: Some(0), ..Expectations::default() };
    let judged = |text: &str| one(&duplicates, &input(&run, &facts(text)));
    assert!(judged(&ledger()).passed);
    assert_eq!(judged(&ledger()).truth, "the vendors' ledger: 12 effects of 12 operations");
    let doubled = judged(&(ledger() + &line(0, "k7", ROW)));
    assert!(!doubled.passed);
    assert_eq!(doubled.seen, "1 repeated, of k7…");
    // Attributes that are set a second time are not there twice.
    let identified = ROW.replace("row.added", "customer.identified");
    assert!(judged(&line(0, "c", &identified).repeat(3)).passed);
    // Without a key, the user identifies it.
    assert!(!judged(&line(0, "", ROW).repeat(2)).passed);
    let nameless = judged(&line(0, "", &ROW.replace("a@x.test", "")));
    assert!(!nameless.passed && nameless.seen.contains("carry neither"), "{nameless:?}");
}

#[test]
fn credits_match_where_nothing_is_paid_twice() {
    let run = outage();
    let credits = Expectations { credits_match_effects: true, ..Expectations::default() };
    let judgement = one(&credits, &input(&run, &facts(&ledger())));
    assert!(judgement.passed, "{judgement:?}");
    assert_eq!(judgement.truth, "Clay charged 60 credits and has 12 to charge for rows under way");
    let doubled = facts(&(ledger() + &line(0, "k7", ROW)));
    let bill = Some(Bill { rows: 13, charged: 66, due: 12, unpaid: 0 });
    let judgement = one(&credits, &ExpectationInput { bill, ..input(&run, &doubled) });
    assert!(!judgement.passed && judgement.seen == "12 distinct effects, which cost 72; all 13 cost 78", "{judgement:?}");
    let unknown = one(&credits, &ExpectationInput { bill: None, ..input(&run, &doubled) });
    assert!(!unknown.passed && unknown.seen.starts_with("no data"), "{unknown:?}");
}

#[test]
fn amplification_is_attempts_for_each_operation_that_arrived() {
    let (run, facts) = (outage(), facts(&ledger()));
    let most = |most| {
        let expected = Expectations { max_retry_amplification: Some(most), ..Expectations::default() };
        one(&expected, &input(&run, &facts))
    };
    assert!(most(1.17).passed && !most(1.16).passed);
    assert_eq!(most(1.2).seen, "Clay 1.17");
    // A vendor at ease does not make up for one that is stormed.
    let calm: String = (0..100).map(|index| line(0, &format!("c{index}"), ROW).replace("\"clay\"", "\"customer_io\"")).collect();
    let both = self::facts(&(ledger() + &calm));
    let expected = Expectations { max_retry_amplification: Some(1.1), ..Expectations::default() };
    let judgement = one(&expected, &input(&run, &both));
    assert!(!judgement.passed && judgement.seen == "Clay 1.17, Customer.io 1.00", "{judgement:?}");
    let keyless = self::facts(&line(0, "", ROW));
    let expected = Expectations { max_retry_amplification: Some(9.0), ..Expectations::default() };
    assert!(!one(&expected, &input(&run, &keyless)).passed);
}

#[test]
fn requests_before_the_end_of_retry_after_are_counted() {
    let run = outage();
    let expected = Expectations { respects_retry_after: true, ..Expectations::default() };
    let judged = |text: &str| one(&expected, &input(&run, &facts(text)));
    let refused = line(1_000_000, "a", "\"effects\":[],\"status\":429,\"retry_after_us\":2000000");
    let at = |at_us| line(at_us, "a", ROW);
    // One that was on its way, and one after the wait.
    let patient = judged(&(refused.clone() + &at(1_030_000) + &at(3_001_000)));
    assert!(patient.passed, "{patient:?}");
    assert_eq!(patient.truth, "1 of 3 requests were answered 429 with Retry-After");
    let early = judged(&(refused.clone() + &at(2_999_000)));
    assert!(!early.passed);
    assert_eq!(early.seen, "1 came too early, the first to Clay at 2.999 s: it had been asked to wait until 3.001 s");
    // Another route was not asked to wait.
    assert!(judged(&(refused + &at(2_000_000).replace("clay.webhook", "clay.resource"))).passed);
    assert!(judged(&at(0)).seen.contains("no vendor answered 429"));
}

#[test]
fn the_queue_drains_in_time_or_not() {
    let (mut run, facts) = (outage(), facts(&ledger()));
    let within = |run: &Run, time| {
        let expected = Expectations { drains_within: Some(time), ..Expectations::default() };
        one(&expected, &input(run, &facts))
    };
    // The second that begins at 8 s is the first with an empty queue.
    assert!(within(&run, ms(4_000)).passed && !within(&run, ms(3_999)).passed);
    assert_eq!(within(&run, ms(4_000)).truth, "`outage` from 2.000 s to 5.000 s; the queue held 40 then, 40 at most");
    for second in &mut run.seconds {
        second.gauges.queue_depth = 7;
    }
    assert_eq!(within(&run, ms(60_000)).seen, "never empty: 7 at the end");
}

#[test]
fn leads_and_degraded_answers_are_counted_and_an_audit_counts_more() {
    let (mut run, facts) = (outage(), facts(&ledger()));
    let lost = Expectations { leads_lost: Some(0), ..Expectations::default() };
    assert!(one(&lost, &input(&run, &facts)).passed);
    let figures = AuditFigures { lost: 1, duplicates: 0, uncertain: 2, acknowledged: 198, places: true };
    let audit = Some(Ok(figures));
    let judgement = one(&lost, &ExpectationInput { audit, ..input(&run, &facts) });
    assert!(!judgement.passed);
    assert_eq!(judgement.truth, "the driver's journal: 198 acknowledged; 2 without an answer");
    let unproven = one(&lost, &ExpectationInput { audit: Some(Ok(AuditFigures::default())), ..input(&run, &facts) });
    assert!(!unproven.passed, "nothing was acknowledged, so nothing is proven");
    let degraded = |run: &Run, most| {
        let expected = Expectations { max_degraded: Some(most), ..Expectations::default() };
        one(&expected, &input(run, &facts)).passed
    };
    assert!(degraded(&run, 0.025) && !degraded(&run, 0.024));
    run.result.operations = OperationCounts::default();
    assert!(!degraded(&run, 1.0) && !one(&lost, &input(&run, &facts)).passed);
}

#[test]
fn journals_that_prove_nothing_are_not_replaced_by_what_the_pipeline_believes() {
    let (mut run, facts) = (outage(), facts(&ledger()));
    let expected = Expectations { leads_lost: Some(0), duplicates: Some(0), max_degraded: Some(1.0), ..Expectations::default() };
    let passed = |run: &Run, audit| {
        let judged = judge_expectations(&expected, &ExpectationInput { audit, ..input(run, &facts) });
        judged.iter().map(|judgement| judgement.passed).collect::<Vec<_>>()
    };
    assert_eq!(passed(&run, None), [true; 3]);
    assert_eq!(passed(&run, Some(Err("3 entries are missing"))), [false; 3]);
    // What a service did with its leads is not known here.
    run.result.service = Some("the service at http://127.0.0.1:1".to_owned());
    assert_eq!(passed(&run, None), [false; 3]);
    let figures = AuditFigures { acknowledged: 198, places: true, ..AuditFigures::default() };
    assert_eq!(passed(&run, Some(Ok(figures))), [true; 3]);
    let without_places = AuditFigures { places: false, ..figures };
    assert_eq!(passed(&run, Some(Ok(without_places))), [true, true, false], "what was degraded is in no vendor's ledger");
}

#[test]
fn a_breaker_that_opens_just_after_the_fault_has_to_recover_too() {
    let (mut run, facts) = (outage(), facts(&ledger()));
    run.result.faults.push(fault("hang", Some(7_500_000), Some(8 * SECOND)));
    let mut expected = of_clay(|clay| clay.closes_within = Some(ms(2_000)));
    expected.breakers[Vendor::Clay].faults.push("hang".to_owned());
    expected.breakers[Vendor::Clay].reasons.push("hang".to_owned());
    let hang = |run: &Run| judge_expectations(&expected, &input(run, &facts)).remove(1);
    assert_eq!(hang(&run).seen, "it had not opened");
    // Its calls run into their timeouts when it is over.
    run.result.events.push(transition(8_400_000, Closed, Open, "5 failures in a row"));
    let never = hang(&run);
    assert!(!never.passed && never.seen.starts_with("never again: OPEN"), "{never:?}");
    run.result.events.push(transition(9_000_000, Open, HalfOpen, "cool-down over"));
    run.result.events.push(transition(9_500_000, HalfOpen, Closed, "3 successes"));
    let closed = hang(&run);
    assert!(closed.passed && closed.seen == "CLOSED at 9.500 s, 1.500 s after", "{closed:?}");
    // A fault alone that opens it late has something to recover from.
    run.result.faults.remove(0);
    run.result.events.drain(..5);
    expected.breakers[Vendor::Clay].faults.remove(0);
    expected.breakers[Vendor::Clay].reasons.remove(0);
    let alone = one(&expected, &input(&run, &facts));
    assert!(alone.passed, "{alone:?}");
}

#[test]
fn a_queue_without_reports_is_not_empty() {
    let (mut run, facts) = (outage(), facts(&ledger()));
    let expected = Expectations { drains_within: Some(ms(4_000)), ..Expectations::default() };
    assert!(one(&expected, &input(&run, &facts)).passed);
    for second in &mut run.seconds {
        second.gauges = crate::measure::Gauges::default();
    }
    let judgement = one(&expected, &input(&run, &facts));
    assert!(!judgement.passed && judgement.seen.contains("never reported"), "{judgement:?}");
}

/// Every expectation at once.
fn everything() -> Expectations {
    let mut all = of_clay(|clay| {
        clay.opens_within = Some(ms(60_000));
        clay.opens_within_calls = Some(1_000);
        clay.half_open_within = Some(ms(60_000));
        clay.closes_within = Some(ms(60_000));
        clay.max_false_open = Some(ms(60_000));
        clay.max_calls_while_open = Some(1_000.0);
    });
    all.duplicates = Some(1_000);
    all.credits_match_effects = true;
    all.max_retry_amplification = Some(1_000.0);
    all.respects_retry_after = true;
    all.drains_within = Some(ms(60_000));
    all
}

#[test]
fn a_ledger_that_is_not_there_or_not_whole_proves_nothing() {
    let run = outage();
    let needs = ["duplicates", "credits_match", "max_retry", "respects", "clay.opens_within_calls", "clay.max_calls"];
    let missing = facts(&(ledger() + "{\"missed\":3}\n"));
    let empty = facts("");
    for vendors in [Err("there is none"), Ok(&missing), Ok(&empty)] {
        let judged = judge_expectations(&everything(), &ExpectationInput { vendors, ..input(&run, &missing) });
        for judgement in judged.iter().filter(|judgement| needs.iter().any(|name| judgement.name.starts_with(name))) {
            assert!(!judgement.passed && judgement.seen.starts_with("no data"), "{judgement:?}");
        }
    }
    // A line that was taken out: the sixth of the entries from 1 on.
    let numbered = whole(&ledger());
    let without = |taken: usize| {
        let lines = numbered.lines().enumerate().filter(|(index, _)| *index != taken);
        read(&lines.map(|(_, line)| format!("{line}\n")).collect::<String>(), LedgerClock::default()).unwrap().gap()
    };
    assert_eq!(without(usize::MAX), None);
    assert!(without(5).is_some_and(|gap| gap.contains("the vendors' ledger has a gap")));
    assert!(without(14).is_some_and(|gap| gap.contains("does not end with the count")));
    let torn = read(&format!("{}{{\"entry\":7,", ledger()), LedgerClock::default()).unwrap_err().to_string();
    assert!(torn.contains("line 15, is not a ledger entry"), "{torn}");
    assert!(VendorFacts::read(std::path::Path::new("/nowhere/vendors.ndjson"), LedgerClock::default()).is_err());
}

#[test]
fn a_fault_that_never_began_or_ended_proves_nothing() {
    let facts = facts(&ledger());
    for (started, ended) in [(None, None), (Some(2 * SECOND), None)] {
        let mut run = outage();
        run.result.faults = vec![fault("outage", started, ended)];
        let judged = judge_expectations(&everything(), &input(&run, &facts));
        let of_ends = ["clay.half_open_within", "clay.closes_within", "drains_within"];
        let of_starts = ["clay.opens_within", "clay.opens_within_calls", "clay.max_false_open"];
        for judgement in &judged {
            let needs =
                of_ends.contains(&judgement.name.as_str()) || (started.is_none() && of_starts.contains(&judgement.name.as_str()));
            assert!(!needs || (!judgement.passed && judgement.seen.starts_with("no data")), "{judgement:?}");
        }
    }
}

#[test]
fn one_expectation_that_fails_fails_the_run() {
    let (run, facts) = (outage(), facts(&ledger()));
    let verdict = |time| {
        let expected = of_clay(|clay| clay.opens_within = Some(time));
        judge(&run, &[], judge_expectations(&expected, &input(&run, &facts)))
    };
    let passed = verdict(ms(500));
    assert_eq!((passed.outcome, passed.reasons), (Outcome::Passed, vec!["The one expectation held.".to_owned()]));
    let failed = verdict(ms(499));
    assert_eq!((failed.outcome, failed.reasons), (Outcome::Failed, vec!["The one expectation failed.".to_owned()]));
}

/// `cargo test --release -p plimsoll --lib -- --ignored a_million` measures it.
#[test]
#[ignore = "writes 400 MB, and means something only by itself"]
fn a_million_entries_are_read_in_megabytes() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut out = std::io::BufWriter::new(&file);
    for index in 0..1_000_000_u64 {
        out.write_all(line(index * 10, &format!("{index:064x}"), ROW).as_bytes()).unwrap();
    }
    out.flush().unwrap();
    let before = resident();
    let facts = VendorFacts::read(file.path(), LedgerClock::default()).unwrap();
    let taken = resident() - before;
    assert_eq!((facts.entries, facts.sum(|one| one.operations)), (1_000_000, 1_000_000));
    assert!(taken < 150, "{taken} MB");
}
