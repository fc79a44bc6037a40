//! What a run has measured becomes its result: the facts in `summary.json`.

use std::time::Duration;

use super::audited::Audited;
use super::options::RunOptions;
use super::running::Ended;
use super::warnings::warnings;
use crate::event::{Event, EventKind};
use crate::gate::{Faulted, VendorFacts};
use crate::outcome::{OperationCounts, Vendor};
use crate::result::{
    FORMAT, FaultRecord, FaultedRequests, LATENCY_LOG, Machine, Run, RunEnd, RunResult, ScenarioRecord, fault_latencies,
};
use crate::scenario::{ServiceAt, TestPlan};
use crate::units::micros;

/// The result of a run, of which `audited` is the audit and `facts` what the vendors' ledger says. Events and seconds are taken
/// out of `ended`.
pub(super) fn assemble(
    ended: &mut Ended,
    test_plan: &TestPlan,
    options: &RunOptions,
    audited: Option<&Audited>,
    facts: Option<&VendorFacts>,
) -> Run {
    let totals = ended.live.collector.totals().clone();
    let (events, events_left_out) = ended.live.events.take();
    let end = end(ended);
    let mut warnings = warnings(ended, &totals, test_plan, options, &end, events_left_out);
    warnings.extend(audited.and_then(|audited| audited.warning.clone()));
    let faults = faults(test_plan, &events);
    let fault_latencies = match faults.is_empty() {
        true => Ok(Vec::new()),
        false => fault_latencies(&options.dir.partial(LATENCY_LOG), &faults),
    };
    let unread = |error| format!("How long requests took under faults is not known: {error}.");
    warnings.extend(fault_latencies.as_ref().err().map(unread));
    let result = RunResult {
        format: FORMAT,
        written_by: format!("plimsoll {}", env!("CARGO_PKG_VERSION")),
        started_at: ended.began.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        scenario: record(test_plan),
        seed: options.seed,
        time_scale: options.time_scale,
        end,
        load_us: micros(ended.live.length()),
        rest_us: micros(ended.rest),
        machine: Machine::this(),
        generator: ended.live.generator.health(options.max_lateness),
        leads: ended.live.workload.leads(),
        operations: operations(ended, audited),
        credits_per_lead: credits_per_lead(test_plan),
        checks: totals.checks.clone(),
        dropped_iterations: totals.dropped_iterations,
        interrupted_iterations: totals.interrupted_iterations,
        interrupted_requests: totals.interrupted_requests,
        panics: totals.panics,
        sums: ended.live.directory.sums(),
        faults,
        faulted_requests: facts.map(faulted_requests).unwrap_or_default(),
        warnings,
        service: service(test_plan),
        events,
    };
    let seconds = std::mem::take(&mut ended.live.seconds);
    Run { result, seconds, totals, fault_latencies: fault_latencies.unwrap_or_default() }
}

/// What became of the operations: where a service has the pipelines, as the journals say, or as it reports itself where there are none.
/// Journals that prove nothing leave them unknown: `leads_lost` must not pass on the service's own word then.
fn operations(ended: &Ended, audited: Option<&Audited>) -> OperationCounts {
    match &ended.service {
        Some(_) => {
            let reported = || ended.live.seconds.last().map(|second| second.gauges.operations).unwrap_or_default();
            audited.map_or_else(reported, |audited| audited.operations.unwrap_or_default())
        }
        None => ended.live.workload.gauges().operations,
    }
}

/// Who took the leads, for the report.
fn service(test_plan: &TestPlan) -> Option<String> {
    test_plan.service().map(|service| match &service.at {
        ServiceAt::Started => "plimsoll serve with SQLite, started by the run as a process of its own".to_owned(),
        ServiceAt::Url(url) => format!("the service at {url}"),
    })
}

/// What the budget takes a lead to cost. A service that the run starts learns it by callback; what one of the user's does is its own.
fn credits_per_lead(test_plan: &TestPlan) -> Option<u64> {
    test_plan.resilience[Vendor::Clay].credits.filter(|_| test_plan.service().is_none()).map(|credits| credits.per_lead)
}

fn end(ended: &Ended) -> RunEnd {
    let lost = ended.simulator.as_ref().and_then(|simulator| simulator.lost.as_ref());
    if let Some(how) = lost {
        return RunEnd::Failed { reason: format!("the simulated vendors were lost: {how}") };
    }
    if let Some(how) = ended.service.as_ref().and_then(|service| service.lost.as_ref()) {
        return RunEnd::Failed { reason: format!("the service was lost: {how}") };
    }
    if let Some(reason) = &ended.live.write_error {
        return RunEnd::Failed { reason: reason.clone() };
    }
    if let Err(error) = &ended.executor {
        return RunEnd::Failed { reason: error.to_string() };
    }
    if ended.interrupted {
        return RunEnd::Interrupted;
    }
    match &ended.live.aborted {
        Some(threshold) => RunEnd::Aborted { threshold: threshold.clone() },
        None => RunEnd::Completed,
    }
}

fn record(test_plan: &TestPlan) -> ScenarioRecord {
    let load = test_plan.total_load();
    ScenarioRecord {
        name: test_plan.name.clone(),
        question: test_plan.question.clone(),
        path: test_plan.path.display().to_string(),
        text: test_plan.text.clone(),
        environment: test_plan.labels.environment.clone(),
        version: test_plan.labels.version.clone(),
        ramp: std::iter::once(load.start_users()).chain(load.phases().iter().map(|phase| phase.target)).collect(),
    }
}

fn faulted_requests(facts: &VendorFacts) -> Vec<FaultedRequests> {
    let faulted = facts.faulted.iter().map(|((fault, vendor), Faulted { requests, failed })| FaultedRequests {
        fault: fault.clone(),
        vendor: *vendor,
        requests: *requests,
        failed: *failed,
    });
    faulted.collect()
}

/// Each planned fault, with the times at which the simulator began and ended it.
fn faults(test_plan: &TestPlan, events: &[Event]) -> Vec<FaultRecord> {
    let executed = |wanted: &str, begun: bool| {
        events.iter().find_map(|event| match &event.kind {
            EventKind::Fault { name, active } if name == wanted && *active == begun => Some(event.at_us),
            _ => None,
        })
    };
    let record = |fault: &mock_server::fault::Fault| FaultRecord {
        name: fault.name.clone(),
        vendors: fault.vendor.or(fault.kind.only_of()).map_or_else(|| Vendor::ALL.to_vec(), |one| vec![one.into()]),
        routes: fault.routes.clone(),
        what: fault.describe(),
        planned_start_us: micros(fault.at),
        planned_end_us: micros(fault.ends().unwrap_or(Duration::MAX)),
        started_us: executed(&fault.name, true),
        ended_us: executed(&fault.name, false),
    };
    test_plan.faults.iter().map(record).collect()
}
