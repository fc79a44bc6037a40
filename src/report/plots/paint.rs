//! From a scene to SVG and PNG, with plotters and the font that the program carries: no font of the system is needed.

use std::path::Path;
use std::sync::OnceLock;

use plotters::prelude::*;
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::report::error::ReportError;
use crate::report::files::{temporary, write_whole};

use super::scene::{Align, Color, HEIGHT, Point, Scene, Shape, Stroke, WIDTH};

/// Pixels a unit: twice the size that people see, so that lines are smooth and text is sharp on dense screens.
const SCALE: f64 = 2.0;

/// How far the bitmap backend sets text too high, as a share of its size: it centres the font's box, not its letters.
const PIXEL_TEXT_DROP: f64 = 0.17;

/// Lengths of a dash and of the gap after it.
const DASH: (f64, f64) = (7.0, 5.0);

/// The generic name, so that viewers without DejaVu Sans show an SVG in a font of theirs.
const FAMILY: &str = "sans-serif";

static FONT: &[u8] = include_bytes!("../../../reports/fonts/DejaVuSans.ttf");

fn register_font() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let registered = plotters::style::register_font(FAMILY, FontStyle::Normal, FONT);
        assert!(registered.is_ok(), "the font in reports/fonts is a valid font");
    });
}

/// Size of a text, in units.
#[cfg(test)]
pub(super) fn text_extent(text: &str, size: f64) -> (f64, f64) {
    (text_width(text, size), size)
}

/// Width of a text, in units.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    register_font();
    let width = FontDesc::from((FAMILY, size * SCALE)).box_size(text).map(|(width, _)| f64::from(width));
    // A text that cannot be measured is taken as wide rather than as nothing.
    width.map_or(text.chars().count() as f64 * size * 0.6, |width| width / SCALE)
}

pub(super) fn write_svg(scene: &Scene, path: &Path) -> Result<(), ReportError> {
    write_whole(path, svg(scene)?.as_bytes())
}

/// The scene as SVG.
pub(super) fn svg(scene: &Scene) -> Result<String, ReportError> {
    let (width, height) = pixels();
    let mut text = String::new();
    draw(scene, SVGBackend::with_string(&mut text, (width, height)), 0.0)?;
    // Drawn finely, shown at its nominal size.
    let fine = format!("<svg width=\"{width}\" height=\"{height}\"");
    Ok(text.replacen(&fine, &format!("<svg width=\"{WIDTH}\" height=\"{HEIGHT}\""), 1))
}

pub(super) fn write_png(scene: &Scene, path: &Path) -> Result<(), ReportError> {
    let io = |source| ReportError::write(path, source);
    let directory = path.parent().unwrap_or(Path::new("."));
    // The encoder goes by the file's ending.
    let file = temporary(directory, ".png").map_err(io)?;
    draw(scene, BitMapBackend::new(file.path(), pixels()), PIXEL_TEXT_DROP)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

fn pixels() -> (u32, u32) {
    ((WIDTH * SCALE) as u32, (HEIGHT * SCALE) as u32)
}

fn draw<B: DrawingBackend>(scene: &Scene, backend: B, text_drop: f64) -> Result<(), ReportError> {
    register_font();
    let root = backend.into_drawing_area();
    let painted = root.fill(&WHITE).and_then(|()| {
        scene.shapes.iter().try_for_each(|shape| draw_shape(&root, shape, text_drop))?;
        root.present()
    });
    painted.map_err(|error| ReportError::Plot(error.to_string()))
}

type Root<B> = DrawingArea<B, plotters::coord::Shift>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

fn draw_shape<B: DrawingBackend>(root: &Root<B>, shape: &Shape, text_drop: f64) -> Drawn<B> {
    match shape {
        Shape::Rect { from, to, color } => root.draw(&Rectangle::new([pixel(*from), pixel(*to)], rgba(*color).filled())),
        Shape::Dot { at, radius, color } => {
            root.draw(&Circle::new(pixel(*at), (radius * SCALE).round() as i32, rgba(*color).filled()))
        }
        Shape::Line { points, stroke } if stroke.dashed => {
            dashes(points).into_iter().try_for_each(|dash| draw_line(root, &dash, stroke))
        }
        Shape::Line { points, stroke } => draw_line(root, points, stroke),
        Shape::Text { at, text, size, color, align } => {
            let anchor = match align {
                Align::Left => HPos::Left,
                Align::Center => HPos::Center,
                Align::Right => HPos::Right,
            };
            let color = rgba(*color);
            let style = TextStyle::from((FAMILY, size * SCALE).into_font()).color(&color);
            let at = (at.0, at.1 + size * text_drop);
            root.draw(&Text::new(text.as_str(), pixel(at), style.pos(Pos::new(anchor, VPos::Center))))
        }
    }
}

fn draw_line<B: DrawingBackend>(root: &Root<B>, points: &[Point], stroke: &Stroke) -> Drawn<B> {
    let style = rgba(stroke.color).stroke_width((stroke.width * SCALE).round().max(1.0) as u32);
    root.draw(&PathElement::new(points.iter().map(|point| pixel(*point)).collect::<Vec<_>>(), style))
}

fn pixel((x, y): Point) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

fn rgba(color: Color) -> RGBAColor {
    RGBAColor(color.0, color.1, color.2, color.3)
}

/// Cuts a line into dashes that keep their rhythm around corners.
fn dashes(points: &[Point]) -> Vec<Vec<Point>> {
    let mut dashes = Vec::new();
    let mut dash: Vec<Point> = Vec::new();
    let (mut drawing, mut left) = (true, DASH.0);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        if drawing && dash.is_empty() {
            dash.push(from);
        }
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length < left {
                left -= length;
                if drawing {
                    dash.push(to);
                }
                break;
            }
            from = (from.0 + (to.0 - from.0) * left / length, from.1 + (to.1 - from.1) * left / length);
            if drawing {
                dash.push(from);
                dashes.push(std::mem::take(&mut dash));
            } else {
                dash.push(from);
            }
            drawing = !drawing;
            left = if drawing { DASH.0 } else { DASH.1 };
        }
    }
    if dash.len() > 1 {
        dashes.push(dash);
    }
    dashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_keep_their_rhythm_around_corners() {
        let cut = dashes(&[(0.0, 0.0), (4.0, 0.0), (4.0, 10.0)]);
        assert_eq!(cut, [vec![(0.0, 0.0), (4.0, 0.0), (4.0, 3.0)], vec![(4.0, 8.0), (4.0, 10.0)]]);
    }
}
