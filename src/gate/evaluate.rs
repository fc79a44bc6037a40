//! One threshold against the evidence. Percentiles come from merged histograms, averages from exact sums.

use std::collections::BTreeSet;

use crate::measure::{Labels, SampleKind};
use crate::outcome::Vendor;
use crate::threshold::{Aggregation, Metric, Operator, Threshold};
use crate::units::micros;

use super::breaker_time::open_seconds;
use super::evidence::Evidence;
use super::observed::{Observed, ThresholdJudgement, Unit};

/// Judges one threshold. Without data it fails.
pub fn evaluate(threshold: &Threshold, evidence: &Evidence<'_>) -> ThresholdJudgement {
    let observed = observe(threshold, evidence);
    let passed = match observed {
        Observed::Value(value) => holds(value, threshold.operator, threshold.limit),
        Observed::NoData(_) => false,
    };
    ThresholdJudgement {
        source: threshold.source.clone(),
        metric: threshold.metric.as_str().to_owned(),
        tags: threshold.tags.clone(),
        percentile: match threshold.aggregation {
            Aggregation::Percentile(percentile) => Some(percentile),
            Aggregation::Med => Some(50.0),
            _ => None,
        },
        operator: threshold.operator.as_str().to_owned(),
        limit: threshold.limit,
        unit: Unit::of(threshold.metric, threshold.aggregation),
        observed,
        passed,
    }
}

/// The first threshold with `abortOnFail` that fails now, its delay over. As in k6, a metric that has no data yet does
/// not end a run; it fails the run at its end.
pub fn abort_due(thresholds: &[Threshold], evidence: &Evidence<'_>) -> Option<ThresholdJudgement> {
    let due = thresholds.iter().filter(|t| t.abort_on_fail && evidence.elapsed >= t.delay_abort_eval);
    due.map(|threshold| evaluate(threshold, evidence))
        .find(|judgement| !judgement.passed && matches!(judgement.observed, Observed::Value(_)))
}

fn holds(value: f64, operator: Operator, limit: f64) -> bool {
    match operator {
        Operator::Less => value < limit,
        Operator::LessOrEqual => value <= limit,
        Operator::Greater => value > limit,
        Operator::GreaterOrEqual => value >= limit,
        Operator::Equal => value == limit,
        Operator::NotEqual => value != limit,
    }
}

fn observe(threshold: &Threshold, evidence: &Evidence<'_>) -> Observed {
    match threshold.metric {
        Metric::HttpReqDuration => trend(threshold, evidence, SampleKind::Duration),
        Metric::HttpReqWaiting => trend(threshold, evidence, SampleKind::Waiting),
        Metric::HttpReqConnecting => trend(threshold, evidence, SampleKind::Connecting),
        Metric::HttpReqTlsHandshaking => trend(threshold, evidence, SampleKind::TlsHandshaking),
        Metric::HttpReqLatency => trend(threshold, evidence, SampleKind::Attempt),
        Metric::IterationDuration => trend(threshold, evidence, SampleKind::Iteration),
        Metric::HttpReqFailed => failed_share(threshold, evidence),
        Metric::HttpReqs => samples(threshold, evidence, SampleKind::Attempt),
        Metric::Iterations => samples(threshold, evidence, SampleKind::Iteration),
        Metric::Checks => checks(threshold, evidence),
        Metric::DroppedIterations => counter(threshold, evidence, evidence.totals.dropped_iterations as f64),
        Metric::LeadsLost if evidence.operations.submitted == 0 => no_data("no operation was handed to a pipeline"),
        Metric::LeadsLost => counter(threshold, evidence, evidence.operations.lost as f64),
        Metric::BreakerOpenSeconds => breaker_open(threshold, evidence),
        Metric::QueueDepth => gauge(threshold, evidence, |gauges| gauges.queue_depth),
        Metric::CreditsUsed => match evidence.seconds.last().and_then(|last| last.gauges.credits_used) {
            Some(used) => counter(threshold, evidence, used as f64),
            None => no_data("only simulated Clay's account can be read"),
        },
        Metric::CreditsReserved => match (evidence.has_pipeline(), evidence.seconds.last()) {
            (true, Some(last)) => counter(threshold, evidence, last.gauges.credits_reserved as f64),
            _ => no_data("no pipeline was used"),
        },
    }
}

fn no_data(why: impl Into<String>) -> Observed {
    Observed::NoData(why.into())
}

fn undefined(threshold: &Threshold) -> Observed {
    no_data(format!("{} has no such aggregation", threshold.metric.as_str()))
}

fn what(kind: SampleKind) -> &'static str {
    match kind {
        SampleKind::Attempt | SampleKind::Duration | SampleKind::Waiting => "request was finished",
        SampleKind::Connecting => "connection was made",
        SampleKind::TlsHandshaking => "TLS handshake was made",
        SampleKind::Interrupted => "request was cut off",
        SampleKind::Iteration => "iteration was finished",
    }
}

/// Whether a sample's labels carry all the tags.
fn matches(labels: &Labels, tags: &[(String, String)]) -> bool {
    tags.iter().all(|(name, value)| labels.value(name).is_some_and(|own| own == value.as_str()))
}

fn no_samples(threshold: &Threshold, kind: SampleKind) -> Observed {
    let with = if threshold.tags.is_empty() { "" } else { " with these tags" };
    no_data(format!("no {}{with}", what(kind)))
}

fn trend(threshold: &Threshold, evidence: &Evidence<'_>, kind: SampleKind) -> Observed {
    let tags = &threshold.tags;
    let histogram = evidence.totals.merged(kind, |labels| matches(labels, tags));
    let Some(mean) = evidence.totals.mean_us(kind, |labels| matches(labels, tags)) else {
        return no_samples(threshold, kind);
    };
    let us = match threshold.aggregation {
        Aggregation::Avg => mean,
        Aggregation::Min => histogram.min() as f64,
        Aggregation::Max => histogram.max() as f64,
        Aggregation::Med => histogram.value_at_percentile(50.0) as f64,
        Aggregation::Percentile(percentile) => histogram.value_at_percentile(percentile) as f64,
        Aggregation::Count => return Observed::Value(histogram.len() as f64),
        Aggregation::Rate | Aggregation::Value => return undefined(threshold),
    };
    Observed::Value(us / 1e3)
}

fn failed_share(threshold: &Threshold, evidence: &Evidence<'_>) -> Observed {
    let tags = &threshold.tags;
    let all = evidence.totals.count(SampleKind::Attempt, |labels| matches(labels, tags));
    if all == 0 {
        return no_samples(threshold, SampleKind::Attempt);
    }
    let failed = evidence.totals.count(SampleKind::Attempt, |labels| labels.failure.is_some() && matches(labels, tags));
    match threshold.aggregation {
        Aggregation::Rate => Observed::Value(failed as f64 / all as f64),
        _ => undefined(threshold),
    }
}

/// A counter of samples. Where there are samples but none with the tags, the count is a measured zero
/// (`http_reqs{status:500}: count==0` is a fair question); where there are none at all, nothing was measured.
fn samples(threshold: &Threshold, evidence: &Evidence<'_>, kind: SampleKind) -> Observed {
    if evidence.totals.count(kind, |_| true) == 0 {
        return no_data(format!("no {}", what(kind)));
    }
    let count = evidence.totals.count(kind, |labels| matches(labels, &threshold.tags));
    counter(threshold, evidence, count as f64)
}

fn counter(threshold: &Threshold, evidence: &Evidence<'_>, count: f64) -> Observed {
    let seconds = evidence.elapsed.saturating_sub(evidence.rest).as_secs_f64();
    match threshold.aggregation {
        Aggregation::Count | Aggregation::Value => Observed::Value(count),
        Aggregation::Rate if seconds > 0.0 => Observed::Value(count / seconds),
        Aggregation::Rate => no_data("the load has not begun"),
        _ => undefined(threshold),
    }
}

fn checks(threshold: &Threshold, evidence: &Evidence<'_>) -> Observed {
    let wanted = threshold.tags.iter().find(|(name, _)| name == "check").map(|(_, value)| value);
    let chosen = evidence.totals.checks.iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name));
    let (passes, fails) = chosen.fold((0, 0), |(passes, fails), (_, count)| (passes + count.passes, fails + count.fails));
    match (passes + fails, threshold.aggregation) {
        (0, _) => no_data(match wanted {
            Some(name) => format!("no check \"{name}\" was made"),
            None => "no check was made".to_owned(),
        }),
        (all, Aggregation::Rate) => Observed::Value(passes as f64 / all as f64),
        _ => undefined(threshold),
    }
}

fn breaker_open(threshold: &Threshold, evidence: &Evidence<'_>) -> Observed {
    let wanted = threshold.tags.iter().find(|(name, _)| name == "vendor").map(|(_, value)| value.as_str());
    let seen: BTreeSet<Vendor> = evidence.seconds.iter().flat_map(|second| second.gauges.breakers.keys().copied()).collect();
    let chosen: Vec<Vendor> = seen.into_iter().filter(|vendor| wanted.is_none_or(|name| name == vendor.as_str())).collect();
    if chosen.is_empty() {
        return no_data(match wanted {
            Some(name) => format!("{name} has no circuit breaker in this run"),
            None => "no circuit breaker in this run".to_owned(),
        });
    }
    let end_us = micros(evidence.elapsed);
    counter(threshold, evidence, chosen.into_iter().fold(0.0, |sum, vendor| sum + open_seconds(evidence.events, vendor, end_us)))
}

fn gauge(threshold: &Threshold, evidence: &Evidence<'_>, read: impl Fn(&crate::measure::Gauges) -> u64) -> Observed {
    if !evidence.has_pipeline() {
        return no_data("no pipeline was used");
    }
    let values = || evidence.seconds.iter().map(|second| read(&second.gauges));
    let value = match threshold.aggregation {
        Aggregation::Value => values().next_back().map(|value| value as f64),
        Aggregation::Max => values().max().map(|value| value as f64),
        Aggregation::Min => values().min().map(|value| value as f64),
        Aggregation::Avg => Some(values().map(|value| value as f64).sum::<f64>() / evidence.seconds.len().max(1) as f64),
        _ => return undefined(threshold),
    };
    value.map_or_else(|| no_data("no second was recorded"), Observed::Value)
}
