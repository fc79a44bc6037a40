//! What every picture keeps to, whatever the run.

use std::time::Duration;

use super::paint::{svg, text_extent, write_png};
use super::scene::{Align, HEIGHT, Scene, Shape, WIDTH};
use super::*;
use crate::capacity::{Basis, assess};
use crate::gate::judge;
use crate::report::{Judged, fixture};
use crate::result::{FaultRecord, Run};
use crate::threshold::{Aggregation, Metric, Operator, Threshold};

fn p95_below(limit: f64) -> Threshold {
    Threshold {
        metric: Metric::HttpReqDuration,
        tags: Vec::new(),
        aggregation: Aggregation::Percentile(95.0),
        operator: Operator::Less,
        limit,
        source: format!("http_req_duration: p(95)<{limit}"),
        abort_on_fail: false,
        delay_abort_eval: Duration::ZERO,
    }
}

fn judged(run: &Run) -> Judged {
    Judged { verdict: judge(run, &[p95_below(500.0), p95_below(60_000.0)], Vec::new()), capacity: assess(run, &Basis::default()) }
}

/// Runs that are easy to forget: nothing, one second, 3 s, an hour, all failing, crowded faults, very fast and very slow.
fn runs() -> Vec<(&'static str, Run)> {
    let mut crowded = fixture::flat(60, 50, 1);
    for index in 0..12_u64 {
        let (start, end) = (index * 4_000_000, index * 4_000_000 + 6_000_000);
        crowded.result.faults.push(FaultRecord {
            name: format!("a fault with quite a long name {index}"),
            vendors: Vec::new(),
            routes: Vec::new(),
            what: String::new(),
            planned_start_us: start,
            planned_end_us: end,
            started_us: Some(start),
            ended_us: Some(end),
        });
    }
    let mut slow = fixture::flat(30, 5, 0);
    for (index, second) in slow.seconds.iter_mut().enumerate() {
        second.p99_us = 10_u64.pow(2 + index as u32 % 7);
    }
    let mut fast = fixture::flat(5, 5_000, 0);
    for second in &mut fast.seconds {
        (second.p50_us, second.p95_us, second.p99_us) = (90, 150, 400);
    }
    let mut open = fixture::flat(30, 40, 0);
    open.seconds.iter_mut().for_each(|second| second.planned.rate = 45.0);
    vec![
        ("empty", fixture::empty()),
        ("planned rate", open),
        ("idle", fixture::flat(20, 0, 0)),
        ("one", fixture::flat(1, 1, 0)),
        ("short", fixture::flat(3, 50, 0)),
        ("hour", fixture::flat(3_600, 50, 2)),
        ("failing", fixture::flat(20, 9, 9)),
        ("crowded", crowded),
        ("slow", slow),
        ("fast", fast),
        ("quickstart", fixture::quickstart()),
    ]
}

/// The boxes of all texts: left, top, right, bottom.
fn texts(scene: &Scene) -> Vec<(String, [f64; 4])> {
    let text = |shape: &Shape| {
        let Shape::Text { at, text, size, align, .. } = shape else { return None };
        let (width, height) = text_extent(text, *size);
        let left = match align {
            Align::Left => at.0,
            Align::Center => at.0 - width / 2.0,
            Align::Right => at.0 - width,
        };
        Some((text.clone(), [left, at.1 - height / 2.0, left + width, at.1 + height / 2.0]))
    };
    scene.shapes.iter().filter_map(text).collect()
}

#[test]
fn no_text_covers_another_or_leaves_the_picture() {
    for (name, run) in runs() {
        let judged = judged(&run);
        let view = View::new(&run, &judged);
        for plot in Plot::ALL {
            let texts = texts(&plot.scene(&view));
            for (index, (text, own)) in texts.iter().enumerate() {
                let inside = own[0] >= 0.0 && own[1] >= 0.0 && own[2] <= WIDTH && own[3] <= HEIGHT;
                assert!(inside, "{name}, {plot:?}: \"{text}\" leaves the picture: {own:?}");
                for (other, box_) in &texts[index + 1..] {
                    let apart = own[2] <= box_[0] || box_[2] <= own[0] || own[3] <= box_[1] + 1.0 || box_[3] <= own[1] + 1.0;
                    assert!(apart, "{name}, {plot:?}: \"{text}\" covers \"{other}\": {own:?} {box_:?}");
                }
            }
        }
    }
}

#[test]
fn every_figure_is_finite_and_inside() {
    for (name, run) in runs() {
        let judged = judged(&run);
        let view = View::new(&run, &judged);
        for plot in Plot::ALL {
            for shape in &plot.scene(&view).shapes {
                let points = match shape {
                    Shape::Rect { from, to, .. } => vec![*from, *to],
                    Shape::Line { points, .. } => points.clone(),
                    Shape::Dot { at, .. } | Shape::Text { at, .. } => vec![*at],
                };
                let inside = |(x, y): &(f64, f64)| (0.0..=WIDTH).contains(x) && (0.0..=HEIGHT).contains(y);
                assert!(points.iter().all(inside), "{name}, {plot:?}: {shape:?}");
            }
        }
    }
}

#[test]
fn svg_is_well_formed_and_names_its_axes() {
    let run = fixture::quickstart();
    let judged = judged(&run);
    let view = View::new(&run, &judged);
    let expected = [
        (Plot::Latency, vec!["Request latency over time", "request latency (ms)", "(seconds)", "clay-outage", "p99"]),
        (Plot::Throughput, vec!["per second", "(seconds)", "answered with 429"]),
        (Plot::Users, vec!["users", "planned", "(seconds)"]),
        (Plot::Percentiles, vec!["percentile of requests", "request latency, logarithmic", "99.9", "under a fault (390)"]),
        (Plot::Breakers, vec!["Clay: circuit breaker", "HALF_OPEN", "(seconds)"]),
    ];
    for (plot, words) in expected {
        let text = svg(&plot.scene(&view)).unwrap();
        assert!(text.starts_with("<svg width=\"960\" height=\"420\" viewBox=\"0 0 1920 840\""), "{}", &text[..80]);
        assert_eq!(text.matches("<text").count(), text.matches("</text>").count());
        assert!(text.trim_end().ends_with("</svg>"));
        for word in words {
            assert!(text.contains(word), "{plot:?} lacks \"{word}\"");
        }
    }
}

#[test]
fn png_has_twice_the_nominal_size_and_is_not_blank() {
    let directory = tempfile::tempdir().unwrap();
    for (name, run) in [("quickstart", fixture::quickstart()), ("empty", fixture::empty())] {
        let judged = judged(&run);
        let view = View::new(&run, &judged);
        let path = directory.path().join(format!("{name}.png"));
        write_png(&Plot::Latency.scene(&view), &path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!((&bytes[16..20], &bytes[20..24]), (&1920_u32.to_be_bytes()[..], &840_u32.to_be_bytes()[..]));
        // A blank picture of this size compresses to under 5 KB.
        assert!(bytes.len() > 8_000, "{name}: {} bytes", bytes.len());
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn a_single_request_is_a_dot_and_not_nothing() {
    let run = fixture::flat(1, 1, 0);
    let judged = judged(&run);
    let view = View::new(&run, &judged);
    for plot in [Plot::Latency, Plot::Throughput, Plot::Percentiles] {
        assert!(plot.scene(&view).shapes.iter().any(|shape| matches!(shape, Shape::Dot { .. })), "{plot:?}");
    }
}

#[test]
fn the_percentile_curve_reaches_the_slowest_request() {
    let mut run = fixture::flat(10, 85, 0);
    let slowest = fixture::labels("clay.webhook", crate::outcome::Vendor::Clay, 200, None, false);
    fixture::record(&mut run.totals, slowest, &[(348_000, 1)]);
    let judged = judged(&run);
    let shapes = Plot::Percentiles.scene(&View::new(&run, &judged)).shapes;
    let mut curve = shapes.iter().filter_map(|shape| match shape {
        Shape::Line { points, stroke } if stroke.color == super::scene::BLUE && points.len() > 2 => Some(points),
        _ => None,
    });
    let points = curve.next_back().unwrap();
    let rise = points[0].1 - points[points.len() - 1].1;
    assert!(rise > 100.0, "the curve ends {rise} above its start: {points:?}");
}
