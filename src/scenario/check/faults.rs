//! What is broken and when: faults that make sense by themselves, with a place in the load.

use std::collections::BTreeSet;
use std::time::Duration;

use mock_server::fault::{Fault, FaultKind, FaultProblem, SimulatedVendor, Wrong};
use mock_server::settings::SimulationSettings;
use mock_server::simulated::routes;

use crate::config::KeyPath;
use crate::executor::Load;
use crate::outcome::Vendor;
use crate::scenario::model::{Journey, ServiceAt, Target, WeightedJourney, has_ports};
use crate::scenario::raw::{RawFault, RawTestPlan};
use crate::units::format_duration;

use crate::config::Checker;

impl Checker<'_> {
    pub(super) fn faults(
        &mut self,
        raw: &RawTestPlan,
        load: Option<&Load>,
        journeys: Option<&[WeightedJourney]>,
        (target, simulation): (&Target, &SimulationSettings),
    ) -> Vec<Fault> {
        let raw_faults = raw.faults.as_deref().unwrap_or_default();
        let place = KeyPath::of("faults");
        match target {
            _ if raw_faults.is_empty() => {}
            Target::BaseUrls(_) => {
                let help = "leave out `[target]`, or the faults: only simulated vendors can be broken";
                self.error(&place.item(0), "these faults would break nothing, for there is a `[target]`", help);
            }
            Target::Service(service) if service.at != ServiceAt::Started && !has_ports(simulation) => {
                let help = "simulate the vendors at the ports that your service calls: `[simulation.clay]` with `port = 4101`, and \
                            `[simulation.customer_io]` likewise";
                self.error(&place.item(0), "these faults would break nothing, for no vendor is simulated", help);
            }
            Target::Simulated | Target::Service(_) => {}
        }
        let mut names = BTreeSet::new();
        let mut faults = Vec::new();
        for (index, RawFault(form)) in raw_faults.iter().enumerate() {
            let place = place.item(index);
            if !form.name.trim().is_empty() && !names.insert(form.name.as_str()) {
                let help = "the report refers to faults by name: give each its own";
                self.error(&place.key("name"), format!("there are two faults `{}`", form.name.escape_debug()), help);
            }
            if let (Some(load), Some(at), Some(lasts)) = (load, form.at, form.lasts) {
                self.check_time(at.0, lasts.0, load.duration(), &place);
            }
            match form.check() {
                Ok(fault) => {
                    self.warn_if_unused(&fault, journeys, &place);
                    faults.push(fault);
                }
                Err(problems) => problems.iter().for_each(|problem| self.fault_problem(problem, &place)),
            }
        }
        faults.sort_by_key(|fault| fault.at);
        faults
    }

    fn check_time(&mut self, at: Duration, lasts: Duration, end: Duration, place: &KeyPath) {
        let load_ends = format_duration(end);
        if at >= end {
            let message = format!("the fault begins at {}, and the load has ended at {load_ends}", format_duration(at));
            self.error(&place.key("at"), message, format!("let it begin before {load_ends}, or make the load longer"));
        } else if at.saturating_add(lasts) > end {
            let ends = format_duration(at.saturating_add(lasts));
            let help = format!("let it last at most {}, or make the load longer", format_duration(end - at));
            self.error(&place.key("lasts"), format!("the fault ends at {ends}, after the load, which ends at {load_ends}"), help);
        }
    }

    fn warn_if_unused(&mut self, fault: &Fault, journeys: Option<&[WeightedJourney]>, place: &KeyPath) {
        let (Some(vendor), Some(journeys)) = (only_vendor(fault).map(Vendor::from), journeys) else { return };
        // A service of the user's own may call any vendor.
        let may_be_called =
            |weighted: &WeightedJourney| matches!(weighted.journey, Journey::Http(_)) || weighted.journey.kind().calls(vendor);
        if !journeys.iter().any(may_be_called) {
            let message = format!("no journey calls `{vendor}`, so this fault hits nothing");
            let (key, help) = match fault.routes.is_empty() {
                false => ("routes", "name routes that the journeys call"),
                true if fault.kind.only_of().is_some() => ("kind", "choose another kind, or a journey that calls that vendor"),
                true => ("vendor", "name the vendor that the journeys call"),
            };
            self.warning(&place.key(key), message, help);
        }
    }

    /// Faults of callbacks, where nothing is called back.
    pub(super) fn warn_of_callbacks(
        &mut self,
        faults: &[Fault],
        raw: &RawTestPlan,
        simulation: &SimulationSettings,
        target: &Target,
    ) {
        let clay = &simulation.clay;
        let calls_back = clay.callbacks.url.is_some()
            // The run has Clay call the service that it starts.
            || matches!(target, Target::Service(service) if service.at == ServiceAt::Started)
            // Only leads from a file have fields of their own.
            || (clay.callbacks.url_field.is_some() && raw.data.is_some())
            || clay.sources.iter().any(|source| source.callback_url.is_some());
        if calls_back {
            return;
        }
        let forms = raw.faults.as_deref().unwrap_or_default();
        for fault in faults.iter().filter(|fault| matches!(fault.kind, FaultKind::Webhook { .. })) {
            let Some(index) = forms.iter().position(|RawFault(form)| form.name == fault.name) else { continue };
            let help =
                "say where enriched rows are posted: `callbacks = { url = \"http://127.0.0.1:3000/\" }` in `[simulation.clay]`";
            let place = KeyPath::of("faults").item(index).key("kind");
            self.warning(&place, "Clay makes no callbacks here, so this fault hits nothing", help);
        }
    }

    /// Reports what the simulator finds wrong with a fault, where it stands in the file.
    fn fault_problem(&mut self, problem: &FaultProblem, fault: &KeyPath) {
        let place = fault.within(&problem.field);
        match problem.wrong {
            Wrong::Value => self.error(&place, problem.problem.clone(), problem.help.clone()),
            Wrong::Superfluous => {
                let span = self.document.key_span(&place);
                self.error_at(span, problem.problem.clone(), problem.help.clone());
            }
            // What is there and could not be read has been reported.
            Wrong::Missing if self.document.is_damaged(&place) => {}
            Wrong::Missing => self.error(&fault.key("kind"), problem.problem.clone(), problem.help.clone()),
        }
    }
}

/// The one vendor that a fault can hit, where it is not both.
fn only_vendor(fault: &Fault) -> Option<SimulatedVendor> {
    let is_hit = |vendor: &SimulatedVendor| {
        let has_route = || routes().any(|route| route.vendor == *vendor && fault.routes.iter().any(|named| named == route.name));
        fault.concerns(*vendor) && (fault.routes.is_empty() || has_route())
    };
    let mut hit = SimulatedVendor::ALL.into_iter().filter(is_hit);
    hit.next().filter(|_| hit.next().is_none())
}

/// Whether a fault can hit requests to `vendor`.
pub(super) fn concerns(fault: &Fault, vendor: Vendor) -> bool {
    !matches!(fault.kind, FaultKind::Webhook { .. }) && only_vendor(fault).is_none_or(|only| Vendor::from(only) == vendor)
}
