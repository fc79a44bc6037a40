//! What to do about what the run shows. Each recommendation names the figure that it rests on.

use crate::capacity::Level;
use crate::event::{BreakerState, EventKind};
use crate::gate::{Observed, Outcome, ThresholdJudgement, without_zeros};
use crate::outcome::FailureKind;

use crate::report::document::{Block, Section, Text};
use crate::report::sections::capacity::maximum;
use crate::report::series::{Failures, failures, median};
use crate::report::view::View;
use crate::report::words::{plural, rate};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    Some(Section::new("Recommendations", [Block::List(recommendations(view))]))
}

/// The recommendations, the most urgent first. Never empty.
pub(super) fn recommendations(view: &View<'_>) -> Vec<Text> {
    let mut all = Vec::new();
    all.extend(validity(view));
    all.extend(lost_leads(view));
    all.extend(view.judged.verdict.thresholds.iter().filter(|judgement| !judgement.passed).map(missed));
    all.push(scaling(view));
    all.extend(trouble(view));
    all.extend(alerts(view));
    all.extend(left_behind(view));
    all.extend(closest(view));
    all
}

/// Whether the figures may be used at all.
fn validity(view: &View<'_>) -> Vec<Text> {
    let mut all = Vec::new();
    if view.judged.verdict.outcome == Outcome::Invalid {
        all.push("Do not use these figures: the generator could not keep up. Use fewer users or a larger machine.".into());
    }
    if view.run.result.machine.build == "debug" {
        let text = Text::from("Run a release build (").code("cargo run --release");
        all.push(text.plain(") before quoting a latency or a rate."));
    }
    if view.run.result.time_scale != 1.0 {
        let text = Text::from("Run it without ").code("--time-scale");
        all.push(text.plain(" before quoting figures: stages and faults were shorter or longer than written."));
    }
    all
}

fn lost_leads(view: &View<'_>) -> Option<Text> {
    let lost = view.run.result.operations.lost;
    (lost > 0).then(|| {
        format!("Find out first how {} could be lost: it is a defect, whatever the load.", plural(lost, "operation")).into()
    })
}

fn missed(judgement: &ThresholdJudgement) -> Text {
    let source = judgement.source.as_str();
    match &judgement.observed {
        Observed::NoData(why) => Text::from("Give ").code(source).plain(format!(" something to judge, or remove it: {why}.")),
        Observed::Value(value) => {
            let over = (judgement.limit > 0.0 && judgement.operator.starts_with('<') && *value > judgement.limit)
                .then(|| format!(", {:.0} % above it", (value / judgement.limit - 1.0) * 100.0));
            let observed = judgement.unit.format(*value);
            let limit = judgement.limit_text();
            let over = over.unwrap_or_default();
            Text::from("Meet ").code(source).plain(format!(": the limit is {limit}, observed was {observed}{over}."))
        }
    }
}

fn scaling(view: &View<'_>) -> Text {
    let capacity = &view.judged.capacity;
    match (&capacity.estimate, &capacity.declined) {
        _ if !capacity.over_capacity.is_empty() => {
            format!("Scale up, or expect less of it: the run was over capacity: {}.", capacity.over_capacity.join("; ")).into()
        }
        (Some(estimate), _) => format!(
            "{}: by the utilisation estimate, {}, {:.0} % above the {} of the busiest sustained window.",
            estimate.recommendation.as_str(),
            maximum(estimate),
            estimate.headroom_percent,
            rate(estimate.current_rps),
        )
        .into(),
        (None, Some(why)) => format!("No recommendation on scaling: {why}.").into(),
        (None, None) => "No recommendation on scaling: nothing to base it on.".into(),
    }
}

/// The load-scale document's table of issues, where the symptom shows outside faults.
fn trouble(view: &View<'_>) -> Vec<Text> {
    let outside =
        |kind: FailureKind| -> u64 { failures(view.run).iter().filter(|row| row.kind == kind).map(Failures::outside).sum() };
    let mut all = Vec::new();
    if let count @ 1.. = outside(FailureKind::Timeout) {
        let limited = outside(FailureKind::RateLimited);
        let beside =
            if limited > 0 { format!(", beside {} answered with 429", plural(limited, "request")) } else { String::new() };
        let requests = plural(count, "request");
        all.push(format!("Reduce RPS: {requests} timed out with no fault active{beside}, which a rate limit does.").into());
    }
    for (kind, advice, what, symptom) in [
        (FailureKind::ConnectionRefused, "Increase pool size, or see that the target listens", "connection", "refused"),
        (FailureKind::Dns, "Check the target's name, or the resolver", "request", "found no address for it"),
        (FailureKind::Tls, "Check that the target speaks TLS, and its certificate", "connection", "got no trusted TLS"),
    ] {
        if let count @ 1.. = outside(kind) {
            all.push(format!("{advice}: {} {symptom} with no fault active.", plural(count, what)).into());
        }
    }
    all.extend(warm_up(view));
    all
}

/// Inconsistent results: the first seconds are much slower than the rest.
fn warm_up(view: &View<'_>) -> Option<Text> {
    let quiet: Vec<u64> = view
        .run
        .seconds
        .iter()
        .filter(|second| second.requests > 0 && !view.is_faulty(second))
        .map(|second| second.p95_us)
        .collect();
    let first = (quiet.len() / 10).max(2);
    let rest = quiet.get(first..).filter(|rest| rest.len() >= 2 * first)?;
    let (early, late) = (median(quiet[..first].iter().copied())?, median(rest.iter().copied())?);
    (early > 2 * late).then(|| {
        format!(
            "Add a ramp-up phase: the p95 was {} in the first {first} quiet seconds and {} after them, so a warm-up is needed.",
            crate::units::format_latency(early),
            crate::units::format_latency(late),
        )
        .into()
    })
}

fn alerts(view: &View<'_>) -> Vec<Text> {
    let raised = view.judged.capacity.alerts.iter().filter(|alert| alert.level >= Level::Warning);
    raised
        .map(|alert| {
            let limit = if alert.level == Level::Critical { alert.critical } else { alert.warning };
            let (level, limit) = (alert.level.as_str(), without_zeros(&alert.format(limit)));
            format!("Look at {}: {} ({}) is above the {level} level of {limit}.", alert.metric, alert.value_text(), alert.basis)
                .into()
        })
        .collect()
}

/// What the run left undone.
fn left_behind(view: &View<'_>) -> Vec<Text> {
    let operations = view.run.result.operations;
    let mut all = Vec::new();
    if let refused @ 1.. = view.run.result.leads.refused {
        let text = format!("Find out why {} refused: only who sent them has them.", were(refused, "lead"));
        all.push(text.into());
    }
    if operations.queued > 0 {
        let waited = plural(operations.queued, "operation");
        let text = if out_of_credits(view) {
            format!("Raise the daily credit budget, or spread the load: it was used up, and {waited} still waited at the end.")
        } else {
            format!("Give the queue time or drain it faster: {waited} still waited when the run was over.")
        };
        all.push(text.into());
    }
    if operations.dead_lettered > 0 {
        all.push(format!("Look into {} and redrive what can be.", plural(operations.dead_lettered, "dead letter")).into());
    }
    if let Some(last) = view.run.seconds.last() {
        let open = last.gauges.breakers.iter().filter(|(_, state)| **state != BreakerState::Closed);
        all.extend(open.map(|(vendor, state)| {
            let (who, state) = (vendor.display_name(), state.as_str());
            format!("Let the load go on for longer after the last fault: {who}'s breaker was {state} at its end.").into()
        }));
    }
    if view.judged.capacity.little.is_some_and(|little| little.agrees == Some(false)) {
        all.push("Find out why users, rate and latency disagree (Little's law) before planning with them.".into());
    }
    all
}

/// `1 lead was`, `142 leads were`.
fn were(count: u64, singular: &str) -> String {
    format!("{} {}", plural(count, singular), if count == 1 { "was" } else { "were" })
}

/// Whether the day's credits were used up at the end: no patience drains a queue then.
fn out_of_credits(view: &View<'_>) -> bool {
    let mut budget = view.run.result.events.iter().filter_map(|event| match event.kind {
        EventKind::CreditsExhausted { .. } => Some(true),
        EventKind::CreditsReset => Some(false),
        _ => None,
    });
    budget.next_back().unwrap_or(false)
}

/// A limit with more than this share of it to spare needs no watching.
const MUCH_TO_SPARE: f64 = 0.5;

/// When everything held: the threshold that is closest to its limit.
fn closest(view: &View<'_>) -> Option<Text> {
    let thresholds = &view.judged.verdict.thresholds;
    if thresholds.iter().any(|judgement| !judgement.passed) {
        return None;
    }
    let spare = |judgement: &ThresholdJudgement| match judgement.observed {
        Observed::Value(value) if judgement.operator.starts_with('<') && judgement.limit > 0.0 => {
            Some(1.0 - value / judgement.limit)
        }
        _ => None,
    };
    let all = thresholds.iter().filter_map(|judgement| spare(judgement).map(|spare| (judgement, spare)));
    let (judgement, spare) = all.min_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, spare)| *spare <= MUCH_TO_SPARE)?;
    let (spare, observed) = (spare * 100.0, judgement.observed_text());
    let text = format!(" first: of the limits that held it has the least to spare, {spare:.0} % (observed {observed}).");
    Some(Text::from("Watch ").code(judgement.source.as_str()).plain(text))
}
