//! Percentiles of request latency over time, with the thresholds' limits.

use crate::gate::{ThresholdJudgement, Unit, without_zeros};
use crate::report::view::{Read, View};
use crate::units::format_latency;

use super::axes::{Axis, Frame, Key, Scale};
use super::scene::{BLUE, Color, GREY, ORANGE, Scene, Stroke, VERMILION};
use super::ticks::{self, Tick};

/// One of the percentiles.
struct Line {
    percentile: f64,
    name: &'static str,
    color: Color,
    read: Read,
}

/// From the highest down, so that the median is drawn on top.
const LINES: [Line; 3] = [
    Line { percentile: 99.0, name: "p99", color: VERMILION, read: |second| second.p99_us },
    Line { percentile: 95.0, name: "p95", color: ORANGE, read: |second| second.p95_us },
    Line { percentile: 50.0, name: "p50", color: BLUE, read: |second| second.p50_us },
];

/// A limit further than this above the data would flatten it: it is named in the legend and not drawn.
const LIMIT_REACH: f64 = 3.0;

/// Ratio of highest to lowest value from which a linear axis hides the lower ones.
const LOG_RATIO: f64 = 40.0;

pub(super) fn scene(view: &View<'_>) -> Scene {
    let mut scene = Scene::default();
    let points = view.columns(|seconds, read| seconds.iter().map(read).max().unwrap_or(0));
    let values: Vec<u64> =
        LINES.iter().flat_map(|line| points.iter().map(move |column| column.value(line.read))).filter(|us| *us > 0).collect();
    let highest = values.iter().copied().max().unwrap_or(0) as f64;
    let limits = limits(view);
    let drawn = |limit: &f64| *limit <= highest * LIMIT_REACH && *limit > 0.0;
    let top = limits.iter().map(|(_, limit)| *limit).filter(drawn).fold(highest, f64::max);
    let axis = duration_axis(values.iter().copied().min().unwrap_or(0) as f64, top);
    let mut keys: Vec<Key> =
        LINES.iter().rev().map(|line| Key { label: line.name.to_owned(), stroke: Stroke::solid(line.color, 2.0) }).collect();
    for (judgement, limit) in &limits {
        let away = if drawn(limit) { "" } else { " (off the chart)" };
        let label = format!("limit {}{away}", judgement.source);
        keys.push(Key { label, stroke: Stroke::dashed(limit_color(judgement), 1.5) });
    }
    let title = match view.column_seconds() {
        1 => "Request latency over time".to_owned(),
        seconds => format!("Request latency over time, highest of each {seconds} seconds"),
    };
    let frame = Frame::draw(&mut scene, &title, &keys, Axis::time(view), Some(axis), &view.bands);
    for (judgement, limit) in limits.iter().filter(|(_, limit)| drawn(limit)) {
        frame.draw_limit(&mut scene, *limit, Stroke::dashed(limit_color(judgement), 1.5));
    }
    for Line { color, read, .. } in LINES {
        // Seconds without requests have no percentile: the line has a gap there.
        for run in points.split(|column| column.value(read) == 0) {
            let line = run.iter().map(|column| frame.at(column.middle, column.value(read) as f64)).collect();
            scene.line(line, Stroke::solid(color, 2.0));
        }
    }
    if values.is_empty() {
        frame.draw_note(&mut scene, "No request was answered.");
    }
    scene
}

/// At most three limits on request latencys, in microseconds.
fn limits<'v>(view: &View<'v>) -> Vec<(&'v ThresholdJudgement, f64)> {
    let all = view.judged.verdict.thresholds.iter();
    let wanted = all.filter(|j| {
        ["http_req_duration", "http_req_latency"].contains(&&*j.metric)
            && j.unit == Unit::Milliseconds
            && j.operator.starts_with('<')
    });
    wanted.map(|judgement| (judgement, judgement.limit * 1e3)).take(3).collect()
}

/// The colour of the percentile that the limit is on.
fn limit_color(judgement: &ThresholdJudgement) -> Color {
    LINES.iter().find(|line| Some(line.percentile) == judgement.percentile).map_or(GREY, |line| line.color)
}

/// An axis of durations in microseconds; logarithmic where the values span more than a linear one can show.
pub(super) fn duration_axis(lowest: f64, highest: f64) -> Axis {
    if lowest > 0.0 && highest / lowest > LOG_RATIO {
        let ticks = ticks::logarithmic(lowest, highest, |us| without_zeros(&format_latency(us.round() as u64)));
        return Axis { title: "request latency, logarithmic".to_owned(), ticks, scale: Scale::Logarithmic, end: None };
    }
    let (unit, factor) = match highest {
        us if us < 1_000.0 && us > 0.0 => ("µs", 1.0),
        us if us < 5_000_000.0 => ("ms", 1e3),
        _ => ("seconds", 1e6),
    };
    let ticks: Vec<Tick> = ticks::linear(highest / factor).into_iter().map(|(value, label)| (value * factor, label)).collect();
    Axis { title: format!("request latency ({unit})"), ticks, scale: Scale::Linear, end: None }
}
