//! Request latency by percentile, in HdrHistogram's form: each mark on the axis is ten times rarer than the one before.

use hdrhistogram::Histogram;

use crate::measure::SampleKind;
use crate::report::view::View;

use super::axes::{Axis, Frame, Key, Scale};
use super::latency::duration_axis;
use super::scene::{BLUE, Color, GREEN, INK, Scene, Stroke, VERMILION};
use super::ticks::Tick;

/// Points a mark of the axis.
const FINENESS: u32 = 24;

pub(super) fn scene(view: &View<'_>) -> Scene {
    let mut scene = Scene::default();
    let curves = curves(view);
    let nines = f64::from(nines(view.attempts.len()));
    let all = curves.iter().flat_map(|(_, histogram, _)| [histogram.min() as f64, value(histogram, nines)]);
    let (lowest, highest) = all.fold((f64::MAX, 0.0), |(low, high): (f64, f64), us| (low.min(us), high.max(us)));
    let keys: Vec<Key> = curves
        .iter()
        .map(|(name, histogram, color)| {
            let label = format!("{name} ({})", crate::units::format_count(histogram.len()));
            Key { label, stroke: Stroke::solid(*color, 2.0) }
        })
        .collect();
    let x = Axis { title: "percentile of requests".to_owned(), ticks: marks(nines), scale: Scale::Linear, end: None };
    let y = duration_axis(lowest.max(1.0), highest);
    let frame = Frame::draw(&mut scene, "Request latency by percentile", &keys, x, Some(y), &[]);
    for (_, histogram, color) in &curves {
        // A curve ends where one request is all there is above it.
        let reach = (histogram.len() as f64).log10().clamp(0.0, nines);
        let steps = (reach * f64::from(FINENESS)).ceil() as u32;
        let at = |step: u32| (f64::from(step) / f64::from(FINENESS)).min(reach);
        let line = (0..=steps).map(|step| frame.at(at(step), value(histogram, at(step)))).collect();
        scene.line(line, Stroke::solid(*color, 2.0));
    }
    if curves.is_empty() {
        frame.draw_note(&mut scene, "No request was answered.");
    }
    scene
}

/// All requests, and apart those outside faults and under them, where there are both.
fn curves(view: &View<'_>) -> Vec<(&'static str, Histogram<u64>, Color)> {
    let of = |under: bool| view.run.totals.merged(SampleKind::Attempt, |labels| labels.under_fault == under);
    let (outside, under) = (of(false), of(true));
    let mut curves = Vec::new();
    if !outside.is_empty() && !under.is_empty() {
        curves.push(("outside faults", outside, GREEN));
        curves.push(("under a fault", under, VERMILION));
        curves.push(("all requests", view.attempts.clone(), INK));
    } else if !view.attempts.is_empty() {
        curves.push(("all requests", view.attempts.clone(), BLUE));
    }
    curves
}

/// The duration that one request in 10^`rarity` exceeds; where that is less than one request, the longest.
fn value(histogram: &Histogram<u64>, rarity: f64) -> f64 {
    let in_so_many = 10_f64.powf(rarity);
    let is_the_longest = in_so_many * 1.000_001 >= histogram.len() as f64;
    (if is_the_longest { histogram.max() } else { histogram.value_at_quantile(1.0 - 1.0 / in_so_many) }) as f64
}

/// How many nines it takes to show the slowest request: at least two, at most seven.
fn nines(count: u64) -> u32 {
    (count.saturating_sub(1).max(1).ilog10() + 1).clamp(2, 7)
}

fn marks(nines: f64) -> Vec<Tick> {
    const NAMES: [&str; 8] = ["0", "90", "99", "99.9", "99.99", "99.999", "99.9999", "99.99999"];
    let mut marks: Vec<Tick> =
        NAMES.iter().zip(0_u32..).map(|(name, at)| (f64::from(at), (*name).to_owned())).filter(|mark| mark.0 <= nines).collect();
    // log10(2) and log10(4): the median and the upper quartile have their places too.
    marks.insert(1, (2_f64.log10(), "50".to_owned()));
    marks.insert(2, (4_f64.log10(), "75".to_owned()));
    marks
}
