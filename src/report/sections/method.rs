//! How the figures were measured, and what measuring took.

use crate::gate::STANDSTILL;
use crate::measure::{GeneratorHealth, SampleKind};
use crate::report::document::{Block, Section, Text};
use crate::report::view::View;
use crate::report::words::share;
use crate::units::{format_bytes, format_count, format_latency, three_figures};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let mut lines: Vec<Text> = vec![
        "A latency runs from when a request was due to the last byte of the response body; each attempt is measured on its own."
            .into(),
        Text::from(
            "Percentiles come from merged histograms with 3 significant digits (1 µs to 1 h), one histogram per second and series; \
             they are never averages of percentiles. Means come from exact sums. The raw histograms are in ",
        )
        .code("latency.hlog")
        .plain("."),
        Text::from("Rates, users, queues and CPU are those of one-second intervals, in ")
            .code("timeline.csv")
            .plain("."),
        "A request is under a fault that was in force at any time from when it was sent until it was done. Its latency is compared with \
         that of the same vendor's requests in the 10 s before the fault."
            .into(),
        "A percentile is the smallest measured value that enough requests did not exceed, at 3 digits; k6 interpolates between two \
         values, which differs where there are few."
            .into(),
    ];
    lines.push(lateness(&view.run.result.generator));
    lines.extend(overhead(view).into_iter().map(Text::from));
    let retries = view.run.totals.count(SampleKind::Attempt, |labels| labels.retry);
    lines.push(match retries {
        0 => "No request was a retry.".into(),
        _ => format!("Retries among the requests: {} ({}).", format_count(retries), share(retries, view.total)).into(),
    });
    Some(Section::new("How It Was Measured", [Block::List(lines)]))
}

/// What the generator adds to every latency.
fn lateness(health: &GeneratorHealth) -> Text {
    let [median, p95, max, bound] =
        [health.late_p50_us, health.late_p95_us, health.late_max_us, health.max_lateness_us].map(format_latency);
    let standstill = format_latency(health.max_lateness_us.saturating_mul(STANDSTILL));
    format!(
        "Latencies may be too long by what the load generator itself was late, seen by a timer of 10 ms in its own runtime: \
         {median} at the median, {p95} at the 95th percentile, {max} at most. Beyond {bound} at the 95th percentile, or \
         {standstill} at once, a run is invalid."
    )
    .into()
}

/// What measuring took of the machine that was measured on.
fn overhead(view: &View<'_>) -> Vec<String> {
    let role = |role: &'static str| {
        let samples = view.run.seconds.iter().flat_map(|second| &second.processes).filter(move |process| process.role == role);
        let (count, cpu, memory) = samples.fold((0_u32, 0.0, 0), |(count, cpu, memory), process| {
            (count + 1, cpu + process.cpu_percent, process.memory_bytes.max(memory))
        });
        (count > 0).then(|| {
            let cpu = three_figures(cpu / f64::from(count));
            format!("The {role} took {cpu} % of the machine's CPU on average and at most {} of memory.", format_bytes(memory))
        })
    };
    let read: Vec<String> = [role("harness"), role("integration"), role("simulator")].into_iter().flatten().collect();
    if read.is_empty() { vec!["CPU and memory of the processes could not be read.".to_owned()] } else { read }
}
