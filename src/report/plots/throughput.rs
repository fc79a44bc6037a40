//! Rate and errors over time.

use crate::report::view::{Column, Read, View};

use super::axes::{Axis, Frame, Key, Scale};
use super::scene::{BLUE, GREY, PURPLE, Scene, Stroke, VERMILION};
use super::ticks;

/// One of the counts.
struct Line {
    name: &'static str,
    stroke: Stroke,
    read: Read,
}

/// Each can be seen where it lies on another: the first is wide, the last dashed.
const LINES: [Line; 3] = [
    Line { name: "requests", stroke: Stroke { color: BLUE, width: 3.5, dashed: false }, read: |second| second.requests },
    Line { name: "failed", stroke: Stroke { color: VERMILION, width: 1.5, dashed: false }, read: |second| second.failures },
    Line {
        name: "answered with 429",
        stroke: Stroke { color: PURPLE, width: 2.5, dashed: true },
        read: |second| second.rate_limited,
    },
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
    let measured = points.iter().map(|column| rate(column.value(|second| second.requests), column.length));
    let highest = measured.chain(points.iter().map(Column::rate_planned)).fold(0.0, f64::max);
    let plans_rates = points.iter().any(|column| column.rate_planned() > 0.0);
    let any_429 = view.run.seconds.iter().any(|second| second.rate_limited > 0);
    let lines: Vec<_> = LINES.into_iter().take(if any_429 { 3 } else { 2 }).collect();
    let key = |line: &Line| Key { label: line.name.to_owned(), stroke: line.stroke };
    let planned = Stroke::dashed(GREY, 2.0);
    let mut keys: Vec<Key> = lines.iter().map(key).collect();
    keys.extend(plans_rates.then(|| Key { label: "planned iterations".to_owned(), stroke: planned }));
    let axis = Axis { title: "per second".to_owned(), ticks: ticks::linear(highest), scale: Scale::Linear, end: None };
    let frame = Frame::draw(&mut scene, "Rate and errors over time", &keys, Axis::time(view), Some(axis), &view.bands);
    for Line { stroke, read, .. } in lines {
        let value = |index: usize| points.get(index).map_or(0, |column| column.value(read));
        // A line along zero would only thicken the axis: it is drawn from the point before a count to the point after it.
        let is_shown =
            |index: usize| value(index) > 0 || value(index + 1) > 0 || index.checked_sub(1).is_some_and(|at| value(at) > 0);
        let indices: Vec<usize> = (0..points.len()).collect();
        for run in indices.split(|index| !is_shown(*index)) {
            let at = |index: &usize| frame.at(points[*index].middle, rate(value(*index), points[*index].length));
            scene.line(run.iter().map(at).collect(), stroke);
        }
    }
    if plans_rates {
        scene.line(points.iter().map(|column| frame.at(column.middle, column.rate_planned())).collect(), planned);
    }
    if view.total == 0 {
        frame.draw_note(&mut scene, "No request was answered.");
    }
    scene
}
