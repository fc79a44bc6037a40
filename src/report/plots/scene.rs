//! A picture as a list of shapes: what is drawn is decided without a backend, so that it can be looked at by tests.

/// Width of every picture, in the units of its coordinates (pixels at 100 %).
pub(super) const WIDTH: f64 = 960.0;
/// Height of every picture.
pub(super) const HEIGHT: f64 = 420.0;

/// Size of small text: ticks, legends, labels.
pub(super) const SMALL: f64 = 15.0;
/// Size of the title.
pub(super) const TITLE: f64 = 20.0;

/// A point, from the upper left corner.
pub(super) type Point = (f64, f64);

/// Red, green, blue, and opacity from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Color(pub(super) u8, pub(super) u8, pub(super) u8, pub(super) f64);

// Lines and bars: Okabe and Ito's palette, distinct with every common kind of colour blindness.
pub(super) const BLUE: Color = Color(0, 114, 178, 1.0);
pub(super) const ORANGE: Color = Color(230, 159, 0, 1.0);
pub(super) const VERMILION: Color = Color(213, 94, 0, 1.0);
pub(super) const GREEN: Color = Color(0, 158, 115, 1.0);
pub(super) const PURPLE: Color = Color(170, 80, 140, 1.0);
pub(super) const GREY: Color = Color(120, 128, 138, 1.0);
pub(super) const INK: Color = Color(31, 41, 51, 1.0);
pub(super) const FAINT_INK: Color = Color(82, 92, 102, 1.0);
pub(super) const GRID: Color = Color(226, 230, 234, 1.0);
pub(super) const FAULT: Color = Color(94, 106, 150, 0.18);

/// Where a text is relative to its point; vertically it is centred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub(super) color: Color,
    pub(super) width: f64,
    pub(super) dashed: bool,
}

impl Stroke {
    pub(super) fn solid(color: Color, width: f64) -> Self {
        Self { color, width, dashed: false }
    }

    pub(super) fn dashed(color: Color, width: f64) -> Self {
        Self { color, width, dashed: true }
    }
}

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Rect { from: Point, to: Point, color: Color },
    Line { points: Vec<Point>, stroke: Stroke },
    Dot { at: Point, radius: f64, color: Color },
    Text { at: Point, text: String, size: f64, color: Color, align: Align },
}

/// A picture; later shapes lie above earlier ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Scene {
    pub(super) shapes: Vec<Shape>,
}

impl Scene {
    pub(super) fn rect(&mut self, from: Point, to: Point, color: Color) {
        self.shapes.push(Shape::Rect { from, to, color });
    }

    pub(super) fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        match points.as_slice() {
            [] => {}
            [at] => self.shapes.push(Shape::Dot { at: *at, radius: stroke.width * 1.5, color: stroke.color }),
            _ => self.shapes.push(Shape::Line { points, stroke }),
        }
    }

    pub(super) fn text(&mut self, at: Point, text: impl Into<String>, size: f64, color: Color, align: Align) {
        self.shapes.push(Shape::Text { at, text: text.into(), size, color, align });
    }
}
