//! From what was measured to files, a verdict, a summary and an exit code.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::capacity::{Basis, assess};
use crate::cli::{Exit, output};
use crate::event::{Event, EventKind};
use crate::gate::{Outcome, judge};
use crate::measure::{Labels, SampleKind, Totals};
use crate::outcome::{LeadCounts, Peer, Vendor};
use crate::report::{Judged, SummaryOptions, summary, write_report};
use crate::result::{FORMAT, FaultRecord, Machine, Run, RunEnd, RunResult, ScenarioRecord};
use crate::run::audited::{Audited, audited};
use crate::run::conduct::Measured;
use crate::run::expectations;
use crate::run::simulator::SimulatorOutcome;
use crate::scenario::{ExecutorKind, LeadUse, ServiceAt, TestPlan};
use crate::units::{format_count, format_duration};

/// A clock that is further off than this is worth a word.
const SKEW_WORTH_A_WORD: Duration = Duration::from_millis(20);

/// Judges the run, writes it, and says how it came out.
pub(super) fn finish(mut measured: Measured, test_plan: &TestPlan, json: bool) -> Exit {
    let not_started = not_started(test_plan, &measured.followed.totals);
    measured.followed.totals.dropped_iterations += not_started;
    let (events, events_left_out) = measured.events.take();
    let end = end(&measured);
    let audited = audited(&measured, test_plan);
    let result = RunResult {
        format: FORMAT,
        written_by: format!("plimsoll {}", env!("CARGO_PKG_VERSION")),
        started_at: measured.started.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        scenario: record(test_plan),
        seed: measured.seed,
        time_scale: measured.time_scale,
        end: end.clone(),
        load_us: measured.followed.length.as_micros() as u64,
        rest_us: measured.rest.as_micros() as u64,
        machine: Machine::this(),
        leads: leads(&measured, audited.as_ref()),
        checks: measured.followed.totals.checks.clone(),
        dropped_iterations: measured.followed.totals.dropped_iterations,
        interrupted_iterations: measured.followed.totals.interrupted_iterations,
        panics: measured.followed.totals.panics,
        sums: Vec::new(),
        faults: faults(test_plan, &events),
        warnings: warnings(&measured, test_plan, &end, events_left_out)
            .into_iter()
            .chain(audited.as_ref().and_then(|audited| audited.warning.clone()))
            .collect(),
        service: service(test_plan),
        events,
    };
    let mut run = Run { result, seconds: measured.followed.seconds, totals: measured.followed.totals };
    let expectations = {
        let figures = audited.as_ref().map(|audited| audited.figures.as_ref().map(|figures| *figures).map_err(String::as_str));
        expectations::judged(test_plan, &run, measured.simulator.as_ref(), measured.vendors.as_ref(), figures)
    };
    let verdict = judge(&run, &test_plan.thresholds, expectations);
    let judged = Judged { verdict, capacity: assess(&run, &Basis::of(test_plan)) };
    let verdict = serde_json::to_value(&judged).unwrap_or(Value::Null);
    let dir = match measured.followed.writer.finish(run.result.clone(), &verdict) {
        Ok((dir, result)) => {
            run.result = result;
            dir
        }
        Err(error) => {
            output::error(format!("the run could not be saved: {error}"));
            return Exit::CouldNotRun;
        }
    };
    show(&run, &judged, dir.path(), json)
}

/// Writes the report and prints the summary.
pub(in crate::cli) fn show(run: &Run, judged: &Judged, dir: &Path, json: bool) -> Exit {
    let report = write_report(dir, run, judged);
    if json {
        match std::fs::read_to_string(dir.join(crate::result::SUMMARY)) {
            Ok(text) => output::result(text.trim_end()),
            Err(error) => output::error(error),
        }
    } else {
        let options = SummaryOptions { report: report.as_deref().ok(), color: output::color() };
        output::result(summary(run, judged, &options).trim_end());
    }
    if let Err(error) = report {
        output::error(error);
        return Exit::CouldNotRun;
    }
    exit(run, judged)
}

fn exit(run: &Run, judged: &Judged) -> Exit {
    match (&run.result.end, judged.verdict.outcome) {
        (RunEnd::Failed { .. }, _) => Exit::CouldNotRun,
        (_, Outcome::Passed | Outcome::NotJudged) => Exit::Passed,
        (_, Outcome::Failed) => Exit::ThresholdsFailed,
        (_, Outcome::Interrupted) => Exit::Interrupted,
        (_, Outcome::Invalid) => Exit::GeneratorBehind,
    }
}

/// What became of the operations: where a service has the pipelines, as the books say, or as it says itself where nobody holds
/// books. Books that prove nothing leave them unknown: `leads_lost` must not pass on the service's own word then.
fn leads(measured: &Measured, audited: Option<&Audited>) -> LeadCounts {
    match &measured.service {
        Some(_) => {
            let told = || measured.followed.seconds.last().map(|second| second.gauges.leads).unwrap_or_default();
            audited.map_or_else(told, |audited| audited.leads.unwrap_or_default())
        }
        None => measured.workload.gauges().leads,
    }
}

/// Who took the leads, for the report.
fn service(test_plan: &TestPlan) -> Option<String> {
    test_plan.service().map(|service| match &service.at {
        ServiceAt::Started => "plimsoll serve with SQLite, started by the run as a process of its own".to_owned(),
        ServiceAt::Url(url) => format!("the service at {url}"),
    })
}

fn end(measured: &Measured) -> RunEnd {
    let lost = measured.simulator.as_ref().and_then(|simulator| simulator.lost.as_ref());
    if let Some(how) = lost {
        return RunEnd::Failed { reason: format!("the simulated vendors were lost: {how}") };
    }
    if let Some(how) = measured.service.as_ref().and_then(|service| service.lost.as_ref()) {
        return RunEnd::Failed { reason: format!("the service was lost: {how}") };
    }
    if let Some(error) = &measured.followed.write_error {
        return RunEnd::Failed { reason: error.to_string() };
    }
    if let Err(error) = &measured.executor {
        return RunEnd::Failed { reason: error.to_string() };
    }
    if measured.interrupted {
        return RunEnd::Interrupted;
    }
    match &measured.followed.aborted {
        Some(threshold) => RunEnd::Aborted { threshold: threshold.clone() },
        None => RunEnd::Completed,
    }
}

fn record(test_plan: &TestPlan) -> ScenarioRecord {
    let plan = &test_plan.load.plan;
    ScenarioRecord {
        name: test_plan.name.clone(),
        question: test_plan.question.clone(),
        path: test_plan.path.display().to_string(),
        text: test_plan.text.clone(),
        environment: test_plan.labels.environment.clone(),
        version: test_plan.labels.version.clone(),
        ramp: std::iter::once(plan.start_users()).chain(plan.stages().iter().map(|stage| stage.target)).collect(),
    }
}

/// Each planned fault, with the times at which the simulator began and ended it.
fn faults(test_plan: &TestPlan, events: &[Event]) -> Vec<FaultRecord> {
    let executed = |wanted: &str, begun: bool| {
        events.iter().find_map(|event| match &event.kind {
            EventKind::Fault { name, active } if name == wanted && *active == begun => Some(event.at_us),
            _ => None,
        })
    };
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let record = |fault: &mock_server::fault::Fault| FaultRecord {
        name: fault.name.clone(),
        vendors: fault.vendor.or(fault.kind.only_of()).map_or_else(|| Vendor::ALL.to_vec(), |one| vec![one.into()]),
        what: fault.describe(),
        planned_start_us: micros(fault.at),
        planned_end_us: micros(fault.ends().unwrap_or(Duration::MAX)),
        started_us: executed(&fault.name, true),
        ended_us: executed(&fault.name, false),
    };
    test_plan.faults.iter().map(record).collect()
}

/// What a reader must know to trust the numbers.
fn warnings(measured: &Measured, test_plan: &TestPlan, end: &RunEnd, events_left_out: u64) -> Vec<String> {
    let mut warnings = Vec::new();
    if cfg!(debug_assertions) {
        warnings.push("This is a debug build: the harness itself is slow. Measure with `cargo run --release`.".to_owned());
    }
    if measured.time_scale != 1.0 {
        warnings.push(format!(
            "The timetable was stretched by {}: stages, faults and the pipeline's waits took that share of the time written; think time, latencies, timeouts, rates and what a vendor asks for in Retry-After did not change.",
            measured.time_scale
        ));
    }
    let dropped = measured.followed.totals.dropped_iterations;
    if let Some(planned) = planned_iterations(test_plan).filter(|_| dropped > 0) {
        let (dropped, planned) = (format_count(dropped), format_count(planned));
        warnings.push(format!("{dropped} of {planned} iterations had not started when the load ended."));
    }
    warnings.extend(used_up(test_plan, end, measured.followed.length));
    for (message, count) in measured.workload.panics() {
        let times = if count == 1 { "once".to_owned() } else { format!("{} times", format_count(count)) };
        warnings.push(format!("An iteration panicked {times}: {message}"));
    }
    if events_left_out > 0 {
        warnings.push(format!("{} events beyond the first 20,000 were left out.", format_count(events_left_out)));
    }
    warnings.extend(measured.followed.warning.clone());
    match &measured.samples {
        Some(Ok(written)) => warnings.extend(written.warning()),
        Some(Err(error)) => warnings.push(format!("samples.csv could not be finished: {error}")),
        None => {}
    }
    let unwritten = measured.simulator.as_ref().and_then(|simulator| simulator.unwritten.as_ref());
    warnings.extend(unwritten.map(|how| format!("The vendors' ledger may not be whole: the simulator ended with {how}.")));
    warnings.extend(measured.simulator.as_ref().and_then(skew));
    warnings.extend(measured.journals.iter().cloned());
    match &measured.service {
        Some(service) => warnings.extend(service.warnings.iter().cloned()),
        // What a service asks of the vendors is not measured by the harness.
        None => {
            warnings.extend(measured.simulator.as_ref().and_then(|simulator| disagreement(simulator, &measured.followed.totals)));
        }
    }
    warnings
}

/// The iterations of an executor that does a fixed number of them.
fn planned_iterations(test_plan: &TestPlan) -> Option<u64> {
    match test_plan.load.executor {
        ExecutorKind::RampingVus | ExecutorKind::ConstantVus => None,
        ExecutorKind::SharedIterations { iterations } => Some(iterations),
        ExecutorKind::PerVuIterations { iterations } => {
            Some(iterations.saturating_mul(u64::from(test_plan.load.plan.max_users())))
        }
    }
}

/// Of a fixed number of iterations, those that the end of the load did not let start: k6's `dropped_iterations`.
fn not_started(test_plan: &TestPlan, totals: &Totals) -> u64 {
    let started = totals.count(SampleKind::Iteration, |_| true) + totals.interrupted_iterations + totals.panics;
    planned_iterations(test_plan).map_or(0, |planned| planned.saturating_sub(started))
}

/// Leads that are used once can end a load long before its plan: what the plan still had was not tried.
fn used_up(test_plan: &TestPlan, end: &RunEnd, length: Duration) -> Option<String> {
    let data = test_plan.data.as_ref().filter(|data| data.usage == LeadUse::Once)?;
    let timed = matches!(test_plan.load.executor, ExecutorKind::RampingVus | ExecutorKind::ConstantVus);
    let planned = test_plan.load.plan.duration();
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
    let given_up = totals.count(SampleKind::Attempt, |labels| vendors(labels) && labels.status == 0);
    (answered < measured || answered > measured + given_up).then(|| {
        format!(
            "The simulator gave {} answers and the harness measured {}: do not trust these numbers.",
            format_count(answered),
            format_count(measured)
        )
    })
}

fn skew(simulator: &SimulatorOutcome) -> Option<String> {
    (simulator.skew > SKEW_WORTH_A_WORD).then(|| {
        format!(
            "The simulator's clock may be off by up to {}: fault times are no better than that.",
            format_duration(simulator.skew)
        )
    })
}
