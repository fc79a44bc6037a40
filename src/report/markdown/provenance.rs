//! Where the figures come from: what they were measured on and how, what to mistrust, and how to measure them again.

use crate::event::EventKind;
use crate::measure::SampleKind;
use crate::report::view::View;
use crate::report::words::{code, escape, plural, share};
use crate::units::{format_bytes, format_count, three_figures};

use super::{list, table};

pub(super) fn render(view: &View<'_>) -> String {
    [environment(view), method(view), warnings(view)].concat()
}

fn environment(view: &View<'_>) -> String {
    let result = &view.run.result;
    let machine = &result.machine;
    let cores = plural(u64::from(machine.cores), "core");
    let mut rows = vec![
        ("Machine", escape(&format!("{}, {cores}, {}", machine.cpu, format_bytes(machine.memory_bytes)))),
        ("System", escape(&format!("{} on {}", machine.os, machine.arch))),
        ("Program", escape(&format!("{}, {} build", result.written_by, machine.build))),
        ("Scenario", escape(&result.scenario.name)),
        ("Seed", result.seed.0.to_string()),
        ("Time scale", if result.time_scale == 1.0 { "1 (as written)".to_owned() } else { format!("**{}**", result.time_scale) }),
        ("Load began", escape(&result.started_at)),
        ("To repeat", code(&command(view))),
    ];
    if let Some(service) = &result.service {
        rows.insert(3, ("Service", escape(service)));
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    let note = "The scenario's text is in `summary.json`.";
    format!("### Environment\n\n{}\n{note}\n\n", table(&["What", "Value"], &rows))
}

fn command(view: &View<'_>) -> String {
    let result = &view.run.result;
    let scale = if result.time_scale == 1.0 { String::new() } else { format!(" --time-scale {}", result.time_scale) };
    format!("plimsoll run {} --seed {}{scale}", result.scenario.path, result.seed.0)
}

fn method(view: &View<'_>) -> String {
    let mut lines = vec![
        "A latency is the time from when a request was due to the last byte of its answer's body; attempts count one by one."
            .to_owned(),
        "Percentiles come from merged histograms with 3 significant digits (1 µs to 1 h), one histogram a second and series; they \
         are never averages of percentiles. Means come from exact sums. The raw histograms are in `latency.hlog`."
            .to_owned(),
        "Rates, users, queues and CPU are those of one-second intervals, in `timeline.csv`. \"While a fault was active\" compares \
         medians of the seconds' p95 with up to 10 seconds before it."
            .to_owned(),
    ];
    lines.extend(overhead(view));
    let retries = view.run.totals.count(SampleKind::Attempt, |labels| labels.retry);
    lines.push(match retries {
        0 => "No request was a retry.".to_owned(),
        _ => format!("Retries among the requests: {} ({}).", format_count(retries), share(retries, view.total)),
    });
    format!("### How It Was Measured\n\n{}\n", list(&lines))
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

fn warnings(view: &View<'_>) -> String {
    let mut lines: Vec<String> = view.run.result.warnings.iter().map(|warning| escape(warning)).collect();
    let stale = view.run.result.events.iter().filter(|event| matches!(event.kind, EventKind::StaleResult { .. })).count();
    if stale > 0 {
        let results = plural(stale as u64, "result");
        lines.push(format!("{results} from before a breaker's transition came back late and did not count for the breaker."));
    }
    if lines.is_empty() {
        lines.push("None.".to_owned());
    }
    format!("### Warnings\n\n{}", list(&lines))
}
