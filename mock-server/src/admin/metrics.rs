//! `/metrics`, in Prometheus' text form, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::operation::Call;
use super::reply::Metrics;
use crate::refusal::Refusal;
use crate::running::Simulation;
use crate::timetable::{FaultPhase, FaultState};

pub(super) async fn metrics(call: Call) -> Result<Metrics, Refusal> {
    Ok(Metrics(text(&call.context.simulation)))
}

fn text(simulation: &Simulation) -> String {
    let mut page = Exposition::default();
    page.family("mock_requests_total", "counter", "Requests answered or closed (status 0), by a fault or not.");
    for count in simulation.counts() {
        let status = count.status.to_string();
        let by_fault = count.by_fault.to_string();
        let labels = [("vendor", count.vendor.as_str()), ("route", &count.route), ("status", &status), ("by_fault", &by_fault)];
        page.sample("mock_requests_total", &labels, count.count as f64);
    }
    faults(simulation, &mut page);
    page.family("mock_connections", "gauge", "Open connections of clients.");
    for (vendor, served) in simulation.vendors.iter() {
        let open = served.edge.as_ref().map_or(0, |edge| edge.open_connections());
        page.sample("mock_connections", &[("vendor", vendor.as_str())], open as f64);
    }
    ledger(simulation, &mut page);
    page.single(
        "mock_tasks",
        "gauge",
        "Tasks that are alive in the simulator's runtime.",
        tokio::runtime::Handle::current().metrics().num_alive_tasks() as f64,
    );
    page.single(
        "mock_uptime_seconds",
        "gauge",
        "Seconds since the simulator's start.",
        simulation.ledger.start.elapsed().as_secs_f64(),
    );
    page.0
}

fn faults(simulation: &Simulation, page: &mut Exposition) {
    // Of two of one name at most one lives, and a name must be there once only.
    let faults: BTreeMap<String, FaultState> =
        simulation.faults.list().into_iter().map(|state| (state.fault.name.clone(), state)).collect();
    page.family("mock_fault_active", "gauge", "1 where the fault is in force, 0 where it is not yet or no longer.");
    for (name, state) in &faults {
        page.sample("mock_fault_active", &[("fault", name)], f64::from(u8::from(state.phase == FaultPhase::Active)));
    }
    page.family(
        "mock_fault_hits_total",
        "counter",
        "Requests and callbacks that the fault has hit, or connections that it has dropped.",
    );
    for (name, state) in &faults {
        page.sample("mock_fault_hits_total", &[("fault", name)], state.hits as f64);
    }
}

fn ledger(simulation: &Simulation, page: &mut Exposition) {
    let ledger = &simulation.ledger;
    let (written, kept) = (ledger.written(), ledger.entries_kept());
    page.single(
        "mock_ledger_arrived_total",
        "counter",
        "Requests that have arrived, the ones that are not over included.",
        ledger.arrived() as f64,
    );
    page.single("mock_ledger_entries_total", "counter", "Entries written to the ledger.", written as f64);
    page.single("mock_ledger_kept", "gauge", "Entries that are kept in memory.", kept as f64);
    page.single(
        "mock_ledger_forgotten_total",
        "counter",
        "Entries that are no longer kept in memory.",
        written.saturating_sub(kept) as f64,
    );
    if let Some(file) = &simulation.ledger_file {
        page.single("mock_ledger_file_entries_total", "counter", "Entries written to the ledger's file.", file.lines() as f64);
        page.single("mock_ledger_file_missed_total", "counter", "Entries missing from the ledger's file.", file.missed() as f64);
    }
}

/// The text as it grows.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{}\"", if index == 0 { '{' } else { ',' }, escaped(text));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_so_that_a_name_cannot_break_the_page() {
        let mut page = Exposition::default();
        page.family("x", "gauge", "Help.");
        page.sample("x", &[("a", "b\"c\\d\ne"), ("f", "g")], 1.5);
        page.sample("y", &[], 20_000_000.0);
        let expected = "# HELP x Help.\n# TYPE x gauge\nx{a=\"b\\\"c\\\\d\\ne\",f=\"g\"} 1.5\ny 20000000\n";
        assert_eq!(page.0, expected);
    }
}
