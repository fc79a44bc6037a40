//! Users over time: as planned and as they were.

use crate::report::view::View;

use super::axes::{Axis, Frame, Key, Scale};
use super::scene::{BLUE, GREY, Scene, Stroke};
use super::ticks;

pub(super) fn scene(view: &View<'_>) -> Scene {
    let mut scene = Scene::default();
    let seconds = &view.run.seconds;
    let highest = seconds.iter().map(|second| second.planned.users.max(second.gauges.users)).max().unwrap_or(0);
    let planned = Stroke::dashed(GREY, 2.0);
    let active = Stroke::solid(BLUE, 2.0);
    let keys = [Key { label: "active".to_owned(), stroke: active }, Key { label: "planned".to_owned(), stroke: planned }];
    let axis =
        Axis { title: "users".to_owned(), ticks: whole(ticks::linear(f64::from(highest))), scale: Scale::Linear, end: None };
    let frame = Frame::draw(&mut scene, "Users over time", &keys, Axis::time(view), Some(axis), &view.bands);
    let points = view.columns(|seconds, read| seconds.iter().map(read).max().unwrap_or(0));
    let line = |read: fn(&crate::measure::Second) -> u64| {
        points.iter().map(|column| frame.at(column.end, column.value(read) as f64)).collect::<Vec<_>>()
    };
    scene.line(line(|second| u64::from(second.gauges.users)), active);
    scene.line(line(|second| u64::from(second.planned.users)), planned);
    if highest == 0 {
        frame.draw_note(&mut scene, "No user was planned.");
    }
    scene
}

/// There are no fractions of a user.
fn whole(ticks: Vec<ticks::Tick>) -> Vec<ticks::Tick> {
    ticks.into_iter().filter(|(value, _)| value.fract().abs() < 1e-9).map(|(value, _)| (value, format!("{value:.0}"))).collect()
}
