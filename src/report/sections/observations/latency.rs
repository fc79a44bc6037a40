//! How long requests took, under faults and by route.

use crate::outcome::Peer;
use crate::result::{BEFORE_US, FaultLatency};
use crate::units::{format_count, format_latency};

use crate::report::document::Text;
use crate::report::series::{Route, routes};
use crate::report::view::{Band, View};
use crate::report::words::{clock, plural};

/// For each fault and who answered its vendor's requests, the p95 right before it and under it.
pub(super) fn under_faults(view: &View<'_>) -> Vec<Text> {
    let latencies = |band: &Band| {
        let fault = band.fault;
        view.run.fault_latencies.iter().filter(move |latency| latency.fault == fault)
    };
    view.bands.iter().flat_map(|band| latencies(band).filter_map(|latency| under_fault(band, latency))).collect()
}

fn under_fault(band: &Band, latency: &FaultLatency) -> Option<Text> {
    let FaultLatency { before, under, failed, .. } = latency;
    if before.is_empty() || under.is_empty() {
        return None;
    }
    let [from_us, to_us] = [before, under].map(|histogram| histogram.value_at_percentile(95.0));
    let from = format!("{} ({} in the {} before)", format_latency(from_us), plural(before.len(), "request"), clock(BEFORE_US));
    let failed = match *failed {
        0 => String::new(),
        all if all == under.len() => ", all failed".to_owned(),
        some => format!(", {} failed", format_count(some)),
    };
    let to = format!("{} ({}{failed})", format_latency(to_us), plural(under.len(), "request"));
    let change = match to_us as f64 / from_us.max(1) as f64 {
        ratio if ratio > 1.25 => format!("rose from {from} to {to}"),
        ratio if ratio < 0.8 => format!("fell from {from} to {to}"),
        _ => format!("stayed at {to}, after {from},"),
    };
    let whose = match latency.peer {
        Peer::Vendor(vendor) => vendor.display_name(),
        Peer::Service => "The service",
    };
    let span = format!("({}–{})", clock(band.start_us), clock(band.end_us));
    Some(Text::from(format!("{whose}'s p95 {change} under ")).code(band.name.as_str()).plain(format!(" {span}.")))
}

/// The route with the highest p95, where there are several.
pub(super) fn slowest_route(view: &View<'_>) -> Option<Text> {
    let routes = routes(view.run);
    let p95 = |route: &Route| route.histogram.value_at_percentile(95.0);
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
