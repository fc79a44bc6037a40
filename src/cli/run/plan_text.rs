//! What a scenario is going to do, in a few lines.

use std::fmt::Write;
use std::time::Duration;

use crate::scenario::{Journey, Scenario, Target, ThinkTime};
use crate::units::format_duration;

/// The plan of a scenario whose timetable has been stretched by `time_scale` already.
pub(in crate::cli) fn plan(scenario: &Scenario, time_scale: f64) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}: {}", scenario.name, scenario.question);
    let _ = writeln!(text, "  load      {}", load(scenario));
    let _ = writeln!(text, "  journeys  {}", journeys(scenario));
    let _ = writeln!(text, "  target    {}", target(scenario));
    for (index, fault) in scenario.faults.iter().enumerate() {
        let label = if index == 0 { "faults" } else { "" };
        let end = fault.at + fault.lasts;
        let _ = writeln!(
            text,
            "  {label:<9} {}–{} {}: {}",
            format_duration(fault.at),
            format_duration(end),
            fault.name,
            fault.describe()
        );
    }
    for (index, threshold) in scenario.thresholds.iter().enumerate() {
        let label = if index == 0 { "must hold" } else { "" };
        let _ = writeln!(text, "  {label:<9} {}", threshold.source);
    }
    if time_scale != 1.0 {
        let _ = writeln!(
            text,
            "  time      stages, faults and waits of the pipeline take {time_scale} of the time written; think time, latencies, timeouts and rates do not"
        );
    }
    text.trim_end().to_owned()
}

fn load(scenario: &Scenario) -> String {
    let load = &scenario.load;
    let think = match scenario.think_time {
        ThinkTime::None => "no think time".to_owned(),
        ThinkTime::Fixed(pause) => format!("think time {}", format_duration(pause)),
        ThinkTime::Uniform { min, max } => format!("think time {}–{}", format_duration(min), format_duration(max)),
        ThinkTime::Exponential { mean } => format!("exponential think time, mean {}", format_duration(mean)),
        ThinkTime::Lognormal { p50, p99 } => {
            format!("lognormal think time, p50 {} p99 {}", format_duration(p50), format_duration(p99))
        }
    };
    format!("{}, {}, {} in all, {think}", load.executor.as_str(), stages(scenario), format_duration(load.plan.duration()))
}

/// `0 → 10 in 2m → 10 in 5m`.
fn stages(scenario: &Scenario) -> String {
    let plan = &scenario.load.plan;
    let mut text = format!("{} users", plan.start_users());
    for stage in plan.stages() {
        let _ = match stage.duration {
            Duration::ZERO => write!(text, " → {} at once", stage.target),
            duration => write!(text, " → {} in {}", stage.target, format_duration(duration)),
        };
    }
    text
}

fn journeys(scenario: &Scenario) -> String {
    let total: u32 = scenario.journeys.iter().map(|journey| journey.weight).sum();
    let one = |weighted: &crate::scenario::WeightedJourney| {
        let name = match &weighted.journey {
            Journey::Http(http) => format!("http {} {}", http.method, http.url),
            journey => journey.name().to_owned(),
        };
        let share = 100.0 * f64::from(weighted.weight) / f64::from(total);
        if scenario.journeys.len() == 1 { name } else { format!("{name} ({share:.0} %)") }
    };
    scenario.journeys.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn target(scenario: &Scenario) -> String {
    match &scenario.target {
        _ if scenario.journeys.iter().all(|weighted| matches!(weighted.journey, Journey::Http(_))) => {
            "the journeys' own URLs".to_owned()
        }
        Target::Simulated => "simulated Clay and Customer.io".to_owned(),
        Target::BaseUrls { clay, customer_io, .. } => {
            let named = [clay.as_ref(), customer_io.as_ref()];
            named.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
    }
}
