//! What the charts share: title, legend, axes with units, and the bands of faults with their names in lanes above the data.

use crate::report::view::{Band, View};

use super::paint::text_width;
use super::scene::{Align, FAINT_INK, FAULT, GRID, INK, Point, SMALL, Scene, Stroke, TITLE, WIDTH};
use super::ticks::{self, Tick};

const LEFT: f64 = 78.0;
const RIGHT: f64 = WIDTH - 34.0;
const BOTTOM: f64 = 366.0;
const MARGIN: f64 = 18.0;
const LANE: f64 = 17.0;
const MOST_LANES: usize = 3;

/// A line of the legend.
pub(super) struct Key {
    pub(super) label: String,
    pub(super) stroke: Stroke,
}

/// How values become heights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Logarithmic,
}

/// One axis: its marks, the first and the last of which are its ends, unless `end` says otherwise.
pub(super) struct Axis {
    pub(super) title: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) scale: Scale,
    /// Where it ends, if not at its last mark.
    pub(super) end: Option<f64>,
}

impl Axis {
    /// A time axis from the start of the load to its end.
    pub(super) fn time(view: &View<'_>) -> Self {
        let seconds = (view.end_us as f64 / 1e6).max(0.001);
        let (ticks, title) = ticks::time(seconds);
        Self { title: title.to_owned(), ticks, scale: Scale::Linear, end: Some(seconds) }
    }

    fn share(&self, value: f64) -> f64 {
        let first = self.ticks.first().map_or(0.0, |tick| tick.0);
        let last = self.end.or(self.ticks.last().map(|tick| tick.0)).unwrap_or(1.0);
        let share = match self.scale {
            Scale::Linear => (value - first) / (last - first),
            Scale::Logarithmic => (value / first).ln() / (last / first).ln(),
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }
}

/// The frame of a chart: maps values to points.
pub(super) struct Frame {
    x: Axis,
    y: Option<Axis>,
    top: f64,
}

impl Frame {
    /// Draws title, legend, fault bands, grid and axes. Without a y axis the chart has its own lanes.
    pub(super) fn draw(scene: &mut Scene, title: &str, keys: &[Key], x: Axis, y: Option<Axis>, bands: &[Band]) -> Self {
        scene.text((MARGIN, 24.0), title, TITLE, INK, Align::Left);
        let mut row = 50.0;
        if !keys.is_empty() {
            row = draw_legend(scene, keys, row) + 22.0;
        }
        if let Some(axis) = &y {
            scene.text((MARGIN, row), axis.title.clone(), SMALL, FAINT_INK, Align::Left);
            row += 18.0;
        }
        let lanes = lay_out(bands, &x);
        let used = lanes.iter().map(|label| label.lane + 1).max().unwrap_or(0);
        let frame = Self { x, y, top: row + used as f64 * LANE + 2.0 };
        frame.draw_bands(scene, bands, &lanes, row);
        frame.draw_axes(scene);
        frame
    }

    pub(super) fn top(&self) -> f64 {
        self.top
    }

    pub(super) fn bottom(&self) -> f64 {
        BOTTOM
    }

    /// The horizontal position of a value.
    pub(super) fn x(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (RIGHT - LEFT)
    }

    /// The point of a pair of values.
    pub(super) fn at(&self, x: f64, y: f64) -> Point {
        let share = self.y.as_ref().map_or(0.0, |axis| axis.share(y));
        (self.x(x), BOTTOM - share * (BOTTOM - self.top))
    }

    /// A dashed line over the whole width.
    pub(super) fn draw_limit(&self, scene: &mut Scene, y: f64, stroke: Stroke) {
        let (_, height) = self.at(0.0, y);
        scene.line(vec![(LEFT, height), (RIGHT, height)], stroke);
    }

    /// A label in front of a lane.
    pub(super) fn draw_lane_name(&self, scene: &mut Scene, height: f64, name: &str) {
        scene.text((LEFT, height), name, SMALL, INK, Align::Left);
    }

    /// What a chart without data says.
    pub(super) fn draw_note(&self, scene: &mut Scene, note: &str) {
        let middle = ((LEFT + RIGHT) / 2.0, (self.top + BOTTOM) / 2.0);
        scene.text(middle, note, SMALL, FAINT_INK, Align::Center);
    }

    fn draw_bands(&self, scene: &mut Scene, bands: &[Band], labels: &[BandLabel], row: f64) {
        for band in bands {
            let (from, to) = (self.x(band.start_us as f64 / 1e6), self.x(band.end_us as f64 / 1e6));
            scene.rect((from, self.top), (to.max(from + 1.0), BOTTOM), FAULT);
        }
        for label in labels {
            let height = row + label.lane as f64 * LANE;
            scene.text((label.left, height), label.text.clone(), SMALL, FAINT_INK, Align::Left);
        }
    }

    fn draw_axes(&self, scene: &mut Scene) {
        if let Some(axis) = &self.y {
            for (value, label) in &axis.ticks {
                let (_, height) = self.at(0.0, *value);
                scene.line(vec![(LEFT, height), (RIGHT, height)], Stroke::solid(GRID, 1.0));
                scene.text((LEFT - 8.0, height), label.clone(), SMALL, FAINT_INK, Align::Right);
            }
        }
        for (value, label) in &self.x.ticks {
            let x = self.x(*value);
            scene.line(vec![(x, BOTTOM), (x, BOTTOM + 5.0)], Stroke::solid(FAINT_INK, 1.0));
            scene.text((x, BOTTOM + 16.0), label.clone(), SMALL, FAINT_INK, Align::Center);
        }
        scene.line(vec![(LEFT, BOTTOM), (RIGHT, BOTTOM)], Stroke::solid(FAINT_INK, 1.0));
        let middle = ((LEFT + RIGHT) / 2.0, BOTTOM + 38.0);
        scene.text(middle, self.x.title.clone(), SMALL, FAINT_INK, Align::Center);
    }
}

/// Draws the legend, in as many rows as it needs, and returns the height of the last one.
fn draw_legend(scene: &mut Scene, keys: &[Key], first_row: f64) -> f64 {
    let (mut x, mut row) = (MARGIN, first_row);
    for key in keys {
        let width = 30.0 + text_width(&key.label, SMALL);
        if x + width > WIDTH - MARGIN && x > MARGIN {
            x = MARGIN;
            row += 20.0;
        }
        scene.line(vec![(x, row), (x + 24.0, row)], key.stroke);
        scene.text((x + 30.0, row), key.label.clone(), SMALL, INK, Align::Left);
        x += width + 22.0;
    }
    row
}

struct BandLabel {
    text: String,
    left: f64,
    lane: usize,
}

/// Gives each band's name a place above its band where it covers no other name; a name without a place is left out (the table of
/// faults has it).
fn lay_out(bands: &[Band], axis: &Axis) -> Vec<BandLabel> {
    let mut free_from = [f64::MIN; MOST_LANES];
    let mut labels = Vec::new();
    for band in bands {
        let text = shorten(&band.name, (RIGHT - LEFT) / 2.0);
        let width = text_width(&text, SMALL);
        let x = |us: u64| LEFT + axis.share(us as f64 / 1e6) * (RIGHT - LEFT);
        let left = ((x(band.start_us) + x(band.end_us) - width) / 2.0).clamp(LEFT, (RIGHT - width).max(LEFT));
        if let Some(lane) = free_from.iter().position(|free| *free <= left) {
            free_from[lane] = left + width + 12.0;
            labels.push(BandLabel { text, left, lane });
        }
    }
    labels
}

fn shorten(text: &str, width: f64) -> String {
    let mut short: String = text.to_owned();
    while text_width(&short, SMALL) > width && short.chars().count() > 2 {
        short = short.chars().take(short.chars().count() - 2).collect::<String>() + "…";
    }
    short
}
