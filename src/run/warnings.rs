//! What a reader of a result must know to trust its numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use mock_server::counts::Count;
use mock_server::simulated::OwnLimit;

use super::options::RunOptions;
use super::running::Ended;
use super::simulator::SimulatorOutcome;
use crate::clock::NOTABLE_SKEW;
use crate::measure::{Labels, SampleKind, Totals};
use crate::outcome::{Peer, Vendor};
use crate::result::RunEnd;
use crate::scenario::{LeadUse, TestPlan};
use crate::units::{format_count, format_duration};

/// The warnings of a run, but those of its audit and its sinks.
pub(super) fn warnings(
    ended: &Ended,
    totals: &Totals,
    test_plan: &TestPlan,
    options: &RunOptions,
    end: &RunEnd,
    events_left_out: u64,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if cfg!(debug_assertions) {
        warnings.push("This is a debug build: the harness itself is slow. Measure with `cargo run --release`.".to_owned());
    }
    if options.time_scale != 1.0 {
        warnings.push(format!(
            "The timetable was stretched by {}: stages, faults and the pipeline's waits took that share of the time written; think time, latencies, timeouts, rates and what a vendor asks for in Retry-After did not change.",
            options.time_scale
        ));
        let limits: Vec<&str> = test_plan.unscaled_limits().collect();
        if !limits.is_empty() {
            warnings
                .push(format!("Limits on counts were not stretched with it and may mean something else: {}.", limits.join("; ")));
        }
    }
    let dropped = totals.dropped_iterations;
    if let Some(planned) = test_plan.total_load().planned_iterations().filter(|_| dropped > 0) {
        let (dropped, planned) = (format_count(dropped), format_count(planned));
        warnings.push(format!("{dropped} of {planned} iterations had not started when the load ended."));
    }
    warnings.extend(used_up(test_plan, end, ended.live.length()));
    for (message, count) in ended.live.workload.panics() {
        let times = if count == 1 { "once".to_owned() } else { format!("{} times", format_count(count)) };
        warnings.push(format!("An iteration panicked {times}: {message}"));
    }
    if events_left_out > 0 {
        warnings.push(format!("{} events beyond the first 20,000 were left out.", format_count(events_left_out)));
    }
    warnings.extend(ended.live.collector.warning());
    let unwritten = ended.simulator.as_ref().and_then(|simulator| simulator.unwritten.as_ref());
    warnings.extend(unwritten.map(|how| format!("The vendors' ledger may not be whole: the simulator ended with {how}.")));
    warnings.extend(ended.simulator.iter().flat_map(|simulator| refused_by_limits(&simulator.counts)));
    warnings.extend(ended.simulator.as_ref().and_then(skew));
    warnings.extend(ended.journals.iter().cloned());
    match &ended.service {
        Some(service) => warnings.extend(service.warnings.iter().cloned()),
        // What a service asks of the vendors is not measured by the harness.
        None => {
            warnings.extend(ended.simulator.as_ref().and_then(|simulator| disagreement(simulator, totals)));
        }
    }
    warnings
}

/// Leads that are used once can end a load long before its plan: what the plan still had was not tried.
fn used_up(test_plan: &TestPlan, end: &RunEnd, length: Duration) -> Option<String> {
    let data = test_plan.data.as_ref().filter(|data| data.usage == LeadUse::Once)?;
    let load = test_plan.total_load();
    let (timed, planned) = (load.planned_iterations().is_none(), load.duration());
    (timed && *end == RunEnd::Completed && length < planned).then(|| {
        format!(
            "The leads of {} were used up after {} of {}: the load ended there, and what the plan still had was not tried.",
            data.path.display(),
            format_duration(Duration::from_millis(length.as_millis() as u64)),
            format_duration(planned)
        )
    })
}

/// The simulator's own count against the harness's: an answer that was given and not measured, or the other way round, is a
/// defect of the harness. Requests that were given up without an answer may have been answered all the same.
fn disagreement(simulator: &SimulatorOutcome, totals: &Totals) -> Option<String> {
    if simulator.lost.is_some() {
        return None;
    }
    let answered: u64 = simulator.counts.iter().filter(|count| count.status != 0).map(|count| count.count).sum();
    let vendors = |labels: &Labels| labels.vendor != Peer::Service;
    let measured = totals.count(SampleKind::Attempt, |labels| vendors(labels) && labels.status != 0);
    let given_up =
        totals.count(SampleKind::Attempt, |labels| vendors(labels) && labels.status == 0) + totals.interrupted_requests;
    (answered < measured || answered > measured + given_up).then(|| {
        format!(
            "The simulator gave {} answers and the harness measured {}: do not trust these numbers.",
            format_count(answered),
            format_count(measured)
        )
    })
}

/// What the simulated vendors refused by limits of their own: no fault explains it, and it says nothing about the integration.
fn refused_by_limits(counts: &[Count]) -> Vec<String> {
    let mut refused = BTreeMap::new();
    for Count { vendor, status, limit, count, .. } in counts {
        if let Some(limit) = limit {
            *refused.entry((Vendor::from(*vendor), *status, limit)).or_insert(0) += count;
        }
    }
    let sentence = |((vendor, status, limit), count): ((Vendor, u16, &OwnLimit), u64)| {
        let requests = if count == 1 { "one request".to_owned() } else { format!("{} requests", format_count(count)) };
        let lifted = match &limit.setting {
            Some(setting) => format!("`simulation.{setting}` lifts it"),
            None => "the vendor documents it, and no setting lifts it".to_owned(),
        };
        format!("The simulated {} refused {requests} with {status} by {}: {lifted}.", vendor.display_name(), limit.what)
    };
    refused.into_iter().map(sentence).collect()
}

fn skew(simulator: &SimulatorOutcome) -> Option<String> {
    (simulator.skew > NOTABLE_SKEW).then(|| {
        format!(
            "The simulator's clock may be off by up to {}: fault times are no better than that.",
            format_duration(simulator.skew)
        )
    })
}

#[cfg(test)]
mod tests {
    use mock_server::fault::SimulatedVendor;

    use super::*;

    #[test]
    fn what_the_simulator_refused_by_itself_names_the_limit_and_what_lifts_it() {
        let limit = |what: &'static str, setting: Option<&'static str>| {
            Some(OwnLimit { what: what.into(), setting: setting.map(Into::into) })
        };
        let count =
            |vendor, status, limit, count| Count { vendor, route: "a.route".to_owned(), status, by_fault: false, limit, count };
        let submissions = limit("the submissions of a source", Some("clay.webhook_submissions"));
        let counts = [
            count(SimulatedVendor::Clay, 200, None, 50_000),
            count(SimulatedVendor::Clay, 403, submissions.clone(), 1_000),
            count(SimulatedVendor::Clay, 403, submissions, 234),
            count(SimulatedVendor::CustomerIo, 413, limit("its sizes", None), 1),
            count(SimulatedVendor::Clay, 403, None, 9),
        ];
        let expected = [
            "The simulated Clay refused 1,234 requests with 403 by the submissions of a source: \
             `simulation.clay.webhook_submissions` lifts it.",
            "The simulated Customer.io refused one request with 413 by its sizes: the vendor documents it, and no setting lifts it.",
        ];
        assert_eq!(refused_by_limits(&counts), expected);
    }
}
