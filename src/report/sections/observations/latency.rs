//! How long requests took, under faults and by route.

use crate::measure::Second;
use crate::units::format_latency;

use crate::report::document::Text;
use crate::report::series::routes;
use crate::report::view::{Band, View};
use crate::report::words::{clock, plural};

/// Seconds before a fault that its latency is compared with.
const BEFORE: usize = 10;

/// For each fault, the p95 before it and while it was active: medians of the seconds' p95, which one odd second does not move.
pub(super) fn under_faults(view: &View<'_>) -> Vec<Text> {
    view.bands.iter().filter_map(|band| under_fault(view, band)).collect()
}

fn under_fault(view: &View<'_>, band: &Band) -> Option<Text> {
    let seconds = &view.run.seconds;
    let quiet = seconds.iter().filter(|second| second.start_us + second.length_us <= band.start_us && !view.is_faulty(second));
    let before: Vec<&Second> = quiet.collect();
    let before = median_p95(&before[before.len().saturating_sub(BEFORE)..])?;
    let during: Vec<&Second> = seconds.iter().filter(|second| band.touches(second)).collect();
    let during = median_p95(&during)?;
    let span = format!("({}–{})", clock(band.start_us), clock(band.end_us));
    let (from, to) = (format_latency(before), format_latency(during));
    let change = match during as f64 / before.max(1) as f64 {
        ratio if ratio > 1.25 => format!("rose from {from} to {to}"),
        ratio if ratio < 0.8 => format!("fell from {from} to {to}"),
        _ => format!("stayed at {to} (before: {from})"),
    };
    Some(Text::from(format!("The p95 {change} while ")).code(band.name.as_str()).plain(format!(" was active {span}.")))
}

fn median_p95(seconds: &[&Second]) -> Option<u64> {
    let mut values: Vec<u64> = seconds.iter().filter(|second| second.requests > 0).map(|second| second.p95_us).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// The route with the highest p95, where there are several.
pub(super) fn slowest_route(view: &View<'_>) -> Option<Text> {
    let routes = routes(view.run);
    let p95 = |route: &crate::report::series::Route| route.histogram.value_at_percentile(95.0);
    let slowest = routes.iter().max_by_key(|route| p95(route))?;
    let fastest = routes.iter().min_by_key(|route| p95(route))?;
    (p95(slowest) > p95(fastest)).then(|| {
        let (most, requests) = (format_latency(p95(slowest)), plural(slowest.count, "request"));
        Text::from("The slowest route was ")
            .code(slowest.name.as_str())
            .plain(format!(": p95 {most} over {requests}; the fastest, "))
            .code(fastest.name.as_str())
            .plain(format!(", had {}.", format_latency(p95(fastest))))
    })
}
