//! Each breaker's state over time. States differ in height as well as in colour: the higher the bar, the less passes.

use crate::event::{BreakerState, EventKind, Guard};
use crate::gate::breaker_spans;
use crate::outcome::Vendor;
use crate::report::view::View;

use super::axes::{Axis, Frame, Key};
use super::scene::{BLUE, Color, GREEN, GREY, ORANGE, PURPLE, Scene, Stroke, VERMILION};

const STATES: [BreakerState; 6] = [
    BreakerState::Closed,
    BreakerState::HalfOpen,
    BreakerState::Open,
    BreakerState::ForcedOpen,
    BreakerState::Disabled,
    BreakerState::MetricsOnly,
];

pub(super) fn scene(view: &View<'_>) -> Scene {
    let mut scene = Scene::default();
    let lanes = lanes(view);
    let spans: Vec<_> =
        lanes.iter().map(|(vendor, guard, _)| breaker_spans(&view.run.result.events, *vendor, *guard, view.end_us)).collect();
    let seen = |state: &BreakerState| spans.iter().flatten().any(|span| span.state == *state);
    let keys: Vec<Key> = STATES
        .iter()
        .filter(|state| seen(state))
        .map(|state| Key { label: state.as_str().to_owned(), stroke: Stroke::solid(color(*state), thickness(*state) * 14.0) })
        .collect();
    let frame = Frame::draw(&mut scene, "Circuit breakers over time", &keys, Axis::time(view), None, &view.bands);
    let lane_height = ((frame.bottom() - frame.top()) / lanes.len().max(1) as f64).min(110.0);
    for (index, ((_, _, name), spans)) in lanes.iter().zip(&spans).enumerate() {
        let top = frame.top() + index as f64 * lane_height;
        frame.draw_lane_name(&mut scene, top + 14.0, name);
        let (floor, full) = (top + lane_height - 6.0, lane_height - 34.0);
        let mut spans = spans.clone();
        spans.sort_by_key(|span| std::cmp::Reverse(span.length_us()));
        for span in spans {
            let from = frame.x(span.start_us as f64 / 1e6);
            // Never thinner than two units: a short opening is what people look for, so that it lies above its neighbours too.
            let to = frame.x(span.end_us as f64 / 1e6).max(from + 2.0);
            scene.rect((from, floor - full * thickness(span.state)), (to, floor), color(span.state));
        }
    }
    if lanes.is_empty() {
        frame.draw_note(&mut scene, "This run had no circuit breaker.");
    }
    scene
}

/// One lane a circuit breaker, and one for the credit budget where it changed its state.
fn lanes(view: &View<'_>) -> Vec<(Vendor, Guard, String)> {
    let mut lanes = Vec::new();
    for vendor in view.breakers() {
        lanes.push((vendor, Guard::CircuitBreaker, format!("{}: circuit breaker", vendor.display_name())));
    }
    for vendor in Vendor::ALL {
        let budget = |kind: &EventKind| matches!(kind, EventKind::Transition { guard: Guard::CreditBudget, .. });
        if view.run.result.events.iter().any(|event| event.vendor == Some(vendor) && budget(&event.kind)) {
            lanes.push((vendor, Guard::CreditBudget, format!("{}: credit budget", vendor.display_name())));
        }
    }
    lanes
}

fn color(state: BreakerState) -> Color {
    match state {
        BreakerState::Closed => GREEN,
        BreakerState::HalfOpen => ORANGE,
        BreakerState::Open => VERMILION,
        BreakerState::ForcedOpen => PURPLE,
        BreakerState::Disabled => GREY,
        BreakerState::MetricsOnly => BLUE,
    }
}

/// Share of the lane's height.
fn thickness(state: BreakerState) -> f64 {
    match state {
        BreakerState::Closed | BreakerState::Disabled | BreakerState::MetricsOnly => 0.25,
        BreakerState::HalfOpen => 0.6,
        BreakerState::Open | BreakerState::ForcedOpen => 1.0,
    }
}
