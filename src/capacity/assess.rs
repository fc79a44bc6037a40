//! Everything that capacity planning says about one run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::{SampleKind, Second};
use crate::outcome::Peer;
use crate::result::Run;
use crate::scenario::{TestPlan, ThinkTime};

use super::alerts::{self, Alert};
use super::estimate::{Estimate, utilisation_estimate};
use super::little::{self, Little};
use super::over;
use super::window::{INTEGRATION, Window, busiest, plateaus, role, sustained, windows};

/// What must be known of the scenario.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Basis {
    /// Mean pause between iterations, as the run applied it; `None` when it is not known.
    pub think_time: Option<Duration>,
    /// Cores that the process with the integration may use; `None` for the whole machine.
    pub cores: Option<f64>,
    /// The thresholds that failed under load alone, as they are written.
    pub missed: Vec<String>,
}

impl Basis {
    /// The basis of a scenario as it was run.
    pub fn of(scenario: &TestPlan) -> Self {
        // The iterations of several scenarios are counted together: they have no mean pause where their pauses differ.
        let mut pauses = scenario.scenarios.iter().map(|scenario| scenario.think_time);
        let think_time = pauses.next().filter(|first| pauses.all(|other| other == *first));
        Self { think_time: think_time.map(ThinkTime::mean), cores: scenario.capacity.cores, missed: Vec::new() }
    }
}

/// What one run says about capacity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// The busiest sustained window; `None` when the run had none.
    pub window: Option<Window>,
    /// Why the run was over its capacity, whatever its CPU says; empty where nothing shows that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over_capacity: Vec<String>,
    /// The utilisation estimate; `None` where it is declined, and over capacity.
    pub estimate: Option<Estimate>,
    /// Why the estimate is declined.
    pub declined: Option<String>,
    /// The alert table.
    pub alerts: Vec<Alert>,
    /// Little's law over the window; `None` without iterations to check it on.
    pub little: Option<Little>,
    /// What the numbers cannot say.
    pub notes: Vec<String>,
}

/// Assesses a run.
pub fn assess(run: &Run, basis: &Basis) -> Assessment {
    let cores = f64::from(run.result.machine.cores.max(1));
    let cpu_scale = basis.cores.filter(|own| *own > 0.0).map_or(1.0, |own| cores / own);
    let windows = windows(&run.seconds, &run.result.faults);
    let window = busiest(&windows).cloned();
    let plateaus = plateaus(&run.seconds, &run.result.faults);
    let over_capacity = over::reasons(&run.seconds, window.as_ref(), &plateaus, &basis.missed);
    let estimate = match over_capacity.is_empty() {
        true => estimate(run, window.as_ref(), cpu_scale),
        false => Err("the run was over its capacity".to_owned()),
    };
    let little = window.as_ref().and_then(|window| little::check(window, basis.think_time));
    Assessment {
        alerts: alerts::table(run, cpu_scale),
        notes: notes(run, basis),
        over_capacity,
        little,
        declined: estimate.as_ref().err().cloned(),
        estimate: estimate.ok(),
        window,
    }
}

/// Whether the harness's process holds the integration. It does not where requests go to a service, and where no pipeline is used.
fn holds_integration(run: &Run) -> bool {
    let to_service = run.totals.count(SampleKind::Attempt, |labels| labels.vendor == Peer::Service) > 0;
    let has_pipeline = |second: &Second| second.gauges.operations.submitted > 0 || !second.gauges.breakers.is_empty();
    !to_service && run.seconds.iter().any(has_pipeline)
}

fn estimate(run: &Run, window: Option<&Window>, cpu_scale: f64) -> Result<Estimate, String> {
    if role(&run.seconds) != INTEGRATION && !holds_integration(run) {
        return Err("the CPU that was measured is the load generator's, which says nothing about what it was aimed at".to_owned());
    }
    let window = window.ok_or("no window of constant users, outside faults and long enough, to base it on")?;
    let cpu = window.cpu_percent.ok_or("the CPU of the process that holds the integration could not be read")?;
    let estimate = utilisation_estimate(window.rate, cpu * cpu_scale)?;
    Ok(estimate.at_least(sustained(&run.seconds).unwrap_or_default().max(window.rate)))
}

fn notes(run: &Run, basis: &Basis) -> Vec<String> {
    let cores = |count: f64| format!("{count} core{}", if count == 1.0 { "" } else { "s" });
    let of = match basis.cores {
        Some(own) => cores(own),
        None => format!("the whole machine, {}", cores(f64::from(run.result.machine.cores))),
    };
    let mut notes = vec![
        match role(&run.seconds) {
            INTEGRATION => format!(
                "CPU is that of the service's process alone, in percent of {of}. The load and the vendors have processes of \
                 their own, and here they share the machine with it."
            ),
            _ if !holds_integration(run) => {
                format!("CPU is that of the load generator, in percent of {of}. What it sent requests to is not in it.")
            }
            _ => format!(
                "CPU is that of the harness process, in percent of {of}. It holds the load generator as well as the \
                 integration, so the integration alone would reach a higher rate."
            ),
        },
        "The estimate takes the cost of a request as constant and CPU as the only limit. Vendor rate limits, credits, \
         connection pools and memory may bind long before."
            .to_owned(),
    ];
    if run.result.machine.build == "debug" {
        notes.push("This was a debug build: its CPU figures say nothing about a release build.".to_owned());
    }
    notes
}
