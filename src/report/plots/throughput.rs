//! Rate and errors over time.

use crate::measure::Second;
use crate::report::view::View;

use super::axes::{Axis, Frame, Key, Scale};
use super::scene::{BLUE, PURPLE, Scene, Stroke, VERMILION};
use super::ticks;

/// The lines; the last is dashed, for it often lies on the one before it.
const LINES: [(&str, Stroke, fn(&Second) -> u64); 3] = [
    ("requests", Stroke { color: BLUE, width: 2.0, dashed: false }, |second| second.requests),
    ("failed", Stroke { color: VERMILION, width: 2.0, dashed: false }, |second| second.failures),
    ("answered with 429", Stroke { color: PURPLE, width: 2.5, dashed: true }, |second| second.rate_limited),
];

pub(super) fn scene(view: &View<'_>) -> Scene {
    let mut scene = Scene::default();
    // A last second of a few milliseconds says nothing as a rate.
    let points: Vec<_> = view
        .columns(|seconds, read| seconds.iter().map(read).sum())
        .into_iter()
        .filter(|column| column.length >= 0.5 || view.end_us < 1_000_000)
        .collect();
    let rate = |count: u64, length: f64| if length > 0.0 { count as f64 / length } else { 0.0 };
    let highest = points.iter().map(|column| rate(column.value(|second| second.requests), column.length)).fold(0.0, f64::max);
    let any_429 = view.run.seconds.iter().any(|second| second.rate_limited > 0);
    let lines: Vec<_> = LINES.into_iter().take(if any_429 { 3 } else { 2 }).collect();
    let key = |&(name, stroke, _): &(&str, Stroke, _)| Key { label: name.to_owned(), stroke };
    let keys: Vec<Key> = lines.iter().map(key).collect();
    let axis = Axis { title: "per second".to_owned(), ticks: ticks::linear(highest), scale: Scale::Linear, end: None };
    let frame = Frame::draw(&mut scene, "Rate and errors over time", &keys, Axis::time(view), Some(axis), &view.bands);
    for (_, stroke, read) in lines {
        let line = points.iter().map(|column| frame.at(column.middle, rate(column.value(read), column.length))).collect();
        scene.line(line, stroke);
    }
    if view.total == 0 {
        frame.draw_note(&mut scene, "No request was answered.");
    }
    scene
}
