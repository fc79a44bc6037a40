//! What a scenario is going to do, in a few lines.

use std::fmt::Write;

use mock_server::fault::{Fault, SimulatedVendor};
use mock_server::settings::SimulationSettings;

use crate::executor::ScenarioLoad;
use crate::scenario::{Journey, Scenario, ServiceAt, Target, TestPlan, ThinkTime, WeightedJourney};
use crate::units::format_duration;

/// The plan of a scenario whose timetable has been stretched by `time_scale` already.
pub(in crate::cli) fn plan(test_plan: &TestPlan, time_scale: f64) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}: {}", test_plan.name, test_plan.question);
    for scenario in &test_plan.scenarios {
        let name = if test_plan.scenarios.len() == 1 { String::new() } else { format!("{}: ", scenario.name) };
        let _ = writeln!(text, "  load      {name}{}", load(scenario));
        let _ = writeln!(text, "  journeys  {}", journeys(&scenario.journeys));
    }
    let _ = writeln!(text, "  target    {}", target(test_plan));
    list(&mut text, "faults", test_plan.faults.iter().map(fault));
    list(&mut text, "must hold", test_plan.thresholds.iter().map(|threshold| threshold.source.clone()));
    list(&mut text, "expects", test_plan.expectations.lines());
    if time_scale != 1.0 {
        let _ = writeln!(
            text,
            "  time      stages, faults and waits of the pipeline take {time_scale} of the time written; think time, latencies, timeouts and rates do not"
        );
    }
    text.trim_end().to_owned()
}

/// One line each, the first of them after the label.
fn list(text: &mut String, label: &str, lines: impl IntoIterator<Item = String>) {
    for (index, line) in lines.into_iter().enumerate() {
        let _ = writeln!(text, "  {:<9} {line}", if index == 0 { label } else { "" });
    }
}

fn fault(fault: &Fault) -> String {
    let ends = fault.ends().map_or_else(|| "end".to_owned(), format_duration);
    let vendor = fault.vendor.map_or("both vendors", SimulatedVendor::as_str);
    format!("{}–{ends} {} ({vendor}): {}", format_duration(fault.at), fault.name, fault.describe())
}

fn load(scenario: &Scenario) -> String {
    let think = match scenario.think_time {
        ThinkTime::None => "no think time".to_owned(),
        ThinkTime::Fixed(pause) => format!("think time {}", format_duration(pause)),
        ThinkTime::Uniform { min, max } => format!("think time {}–{}", format_duration(min), format_duration(max)),
        ThinkTime::Exponential { mean } => format!("exponential think time, mean {}", format_duration(mean)),
        ThinkTime::Lognormal { p50, p99 } => {
            format!("lognormal think time, p50 {} p99 {}", format_duration(p50), format_duration(p99))
        }
    };
    let ScenarioLoad { executor, start_time, .. } = &scenario.load;
    let start = if start_time.is_zero() { String::new() } else { format!(", from {}", format_duration(*start_time)) };
    format!("{}, {}{start}, {think}", executor.name(), executor.describe())
}

fn journeys(journeys: &[WeightedJourney]) -> String {
    let total: u32 = journeys.iter().map(|journey| journey.weight).sum();
    let one = |weighted: &WeightedJourney| {
        let name = match &weighted.journey {
            Journey::Http(http) => format!("http {} {}", http.method, http.url),
            journey => journey.name().to_owned(),
        };
        let share = 100.0 * f64::from(weighted.weight) / f64::from(total);
        if journeys.len() == 1 { name } else { format!("{name} ({share:.0} %)") }
    };
    journeys.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn target(test_plan: &TestPlan) -> String {
    match &test_plan.target {
        _ if test_plan.journeys().all(|weighted| matches!(weighted.journey, Journey::Http(_))) => {
            "the journeys' own URLs".to_owned()
        }
        Target::Simulated => "simulated Clay and Customer.io".to_owned(),
        Target::Service(service) => match &service.at {
            ServiceAt::Started => "plimsoll serve, started by the run, in front of simulated Clay and Customer.io".to_owned(),
            ServiceAt::Url(url) if test_plan.simulates_vendors() => {
                format!("the service at {url}, with simulated {}", simulated(&test_plan.simulation))
            }
            ServiceAt::Url(url) => format!("the service at {url}, and whatever it calls"),
        },
        Target::BaseUrls(access) => access.base_urls.values().flatten().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// The simulated vendors and their ports, for whoever has to point a service at them.
fn simulated(settings: &SimulationSettings) -> String {
    let at = |port: u16| if port == 0 { "any free port".to_owned() } else { format!("port {port}") };
    format!("Clay at {} and Customer.io at {}", at(settings.clay_port), at(settings.customer_io_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_of(shape: &str) -> String {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("x.toml");
        let text = format!("name = \"x\"\nquestion = \"Why?\"\njourneys = [{{ journey = \"lead\" }}]\n{shape}");
        std::fs::write(&file, text).expect("the scenario is written");
        load(&TestPlan::validate(&file).expect("a valid scenario").scenarios[0])
    }

    #[test]
    fn each_executor_says_how_much_it_does() {
        let ramp = "executor = \"ramping-vus\"\nstages = [{ duration = \"2m\", target = 10 }, { duration = \"0s\", target = 0 }]";
        assert_eq!(load_of(ramp), "ramping-vus, 0 users → 10 in 2m → 0 at once, 2m in all, no think time");
        let constant = "executor = \"constant-vus\"\nvus = 1\nduration = \"5s\"";
        assert_eq!(load_of(constant), "constant-vus, 1 user for 5s, no think time");
        let shared = "executor = \"shared-iterations\"\nvus = 5\niterations = 1_000\nmaxDuration = \"1m\"";
        assert_eq!(load_of(shared), "shared-iterations, 1,000 iterations by 5 users, within 1m, no think time");
        let each = "executor = \"per-vu-iterations\"\nvus = 5\niterations = 1\nmaxDuration = \"1m\"";
        assert_eq!(load_of(each), "per-vu-iterations, 1 iteration by each of 5 users, within 1m, no think time");
    }
}
