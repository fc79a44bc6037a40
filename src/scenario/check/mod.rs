//! What a file with the right structure means, and whether that makes sense: raw types become the model here.
//!
//! Every check reports and goes on: a scenario is only handed out when nothing was wrong with it, so a part with a mistake
//! may stand in for itself meanwhile. Where it cannot, it is `None`, and what depends on it is not judged, so that one
//! mistake is not reported as many.

mod expect;
mod faults;
mod journeys;
mod limits;
mod scenarios;
mod service_target;
mod simulation;
mod tags;
mod target;
mod thresholds;

use std::path::Path;

use super::model::{Journey, Labels, ServiceAt, Slo, Target, TestPlan, WeightedJourney};
use super::raw::RawTestPlan;
use crate::config::Diagnostics;
use crate::config::{Checker, KeyPath};
use crate::plan::Segment;
use expect::Tested;
use scenarios::Judged;
pub(super) use scenarios::is_name;
use thresholds::Produced;

impl Checker<'_> {
    /// Builds the test plan; `None` if a part is missing or wrong, which has been reported.
    pub(super) fn test_plan(&mut self, raw: &RawTestPlan, path: &Path) -> Option<TestPlan> {
        let name = self.name(raw);
        let question = self.question(raw);
        let scenarios = self.scenarios(raw);
        let load = scenarios::load(&scenarios);
        let journeys = scenarios::journeys(&scenarios);
        let data = self.data(raw, journeys.as_deref());
        let target = self.target(raw, journeys.as_deref());
        if matches!(target, Target::Service(_)) {
            self.check_journeys_of_a_service(&scenarios);
        }
        let resilience = self.resilience(raw.resilience.as_ref());
        if !matches!(&target, Target::Service(service) if service.at != ServiceAt::Started) {
            self.warn_of_idle_cost(matches!(target, Target::Service(_)));
        }
        let simulation = self.simulation(raw, &target);
        let faults = self.faults(raw, load.as_ref(), journeys.as_deref(), (&target, &simulation));
        self.warn_of_callbacks(&faults, raw, &simulation, &target);
        let is_damaged = |key| self.document.is_damaged(&KeyPath::of(key));
        let has_faults = raw.faults.as_ref().is_some_and(|faults| !faults.is_empty()) || is_damaged("faults");
        // What the journeys produce is known where the patterns are.
        let produced = journeys.as_deref().filter(|_| !is_damaged("resilience"));
        let produced = produced
            .map(|journeys| Produced::of(journeys, &resilience, &target, &scenarios, load.as_ref(), has_faults, &simulation));
        let thresholds = self.thresholds(raw, produced.as_ref());
        let tested = Tested { journeys: journeys.as_deref(), resilience: &resilience, faults: &faults, target: &target };
        let expectations = self.expectations(raw, &tested);
        let slo = self.slo(raw);
        let labels = labels(raw, &target, journeys.as_deref().unwrap_or_default());
        let test_plan = TestPlan {
            name: name?,
            question: question?,
            path: path.to_owned(),
            text: self.document.text.to_owned(),
            seed: raw.seed,
            scenarios: scenarios.into_iter().map(Judged::scenario).collect::<Option<_>>()?,
            segment: Segment::WHOLE,
            data,
            target,
            resilience,
            simulation,
            faults,
            thresholds,
            expectations,
            slo,
            capacity: raw.capacity.unwrap_or_default(),
            labels,
            warnings: Diagnostics::new(path, ""),
        };
        if !self.diagnostics.has_errors() {
            self.warn_of_limits(&test_plan);
        }
        Some(test_plan)
    }

    fn name(&mut self, raw: &RawTestPlan) -> Option<String> {
        let name = raw.name.as_ref()?;
        if is_name(name) {
            return Some(name.clone());
        }
        let help = "it becomes part of a directory: use 1 to 64 letters, digits, `-` and `_`, as in \"clay-outage\"";
        self.error(&KeyPath::of("name"), format!("`{}` cannot be a scenario's name", name.escape_debug()), help);
        None
    }

    fn question(&mut self, raw: &RawTestPlan) -> Option<String> {
        // A question is one line, wherever it is printed.
        let question = raw.question.as_ref()?.split_whitespace().collect::<Vec<_>>().join(" ");
        if question.chars().any(char::is_control) {
            let help = "write what the run is to find out in plain words";
            self.error(&KeyPath::of("question"), "the question has control characters", help);
            return None;
        }
        if !question.is_empty() {
            return Some(question);
        }
        self.error(
            &KeyPath::of("question"),
            "the question is empty",
            "say what the run is to find out, as in \"Does the breaker open?\"",
        );
        None
    }

    fn slo(&mut self, raw: &RawTestPlan) -> Option<Slo> {
        let slo = raw.slo?;
        if slo.latency.0.is_zero() {
            self.error(
                &KeyPath::of("slo").key("latency"),
                "the latency must be longer than zero",
                "give the bound, as in \"500ms\"",
            );
        }
        Some(slo)
    }
}

fn labels(raw: &RawTestPlan, target: &Target, journeys: &[WeightedJourney]) -> Labels {
    let written = raw.labels.as_ref();
    let own_service = journeys.iter().any(|weighted| matches!(weighted.journey, Journey::Http(_)));
    let environment = match target {
        Target::Simulated if !own_service => "local simulation",
        Target::Service(service) if !own_service && service.at == ServiceAt::Started => "local simulation",
        _ => "not stated",
    };
    Labels {
        environment: written.and_then(|labels| labels.environment.clone()).unwrap_or_else(|| environment.to_owned()),
        version: written.and_then(|labels| labels.version.clone()).unwrap_or_else(|| "not stated".to_owned()),
    }
}
