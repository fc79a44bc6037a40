//! A service as the target: leads go to it over HTTP, and the vendors are behind it.

use std::iter;
use std::time::Duration;

use super::scenarios::Judged;
use crate::config::KeyPath;
use crate::scenario::model::{Journey, ServiceAt, ServiceTarget, Target};
use crate::scenario::raw::{RawTarget, RawTestPlan};

use crate::config::Checker;

/// The word for a service that the run starts itself.
const START: &str = "start";
/// The longest wait when none is given: the reliability-patterns documents' timeout.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The keys of `[target]` that belong to a service.
const KEYS: [&str; 3] = ["service", "service_token", "service_timeout"];

impl Checker<'_> {
    /// The target, when `[target]` names a service.
    pub(super) fn service_target(&mut self, raw: &RawTestPlan, target: &RawTarget) -> Option<Target> {
        let place = KeyPath::of("target");
        let Some(service) = &target.service else {
            // Of a service that is there and could not be read, its keys may be quite right.
            if !self.document.is_damaged(&place.key("service")) {
                self.refuse_keys(&place, "a target without `service`", &KEYS[1..], &[]);
            }
            return None;
        };
        let at = if service == START { Some(ServiceAt::Started) } else { self.service_url(service, &place.key("service")) };
        self.refuse_vendors(target, at == Some(ServiceAt::Started), &place);
        if raw.resilience.is_some() && matches!(at, Some(ServiceAt::Url(_))) {
            let help = "leave it out, or write `service = \"start\"` to measure `plimsoll serve` with these settings";
            self.warning(&KeyPath::of("resilience"), "your own service has its own patterns, so these settings do nothing", help);
        }
        if target.service_timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            self.error(&place.key("service_timeout"), "the timeout must be longer than zero", "give a timeout above \"0s\"");
        }
        let token = target.service_token.as_ref().map(|variable| self.secret(variable, &place.key("service_token")));
        let timeout = target.service_timeout.map_or(TIMEOUT, |timeout| timeout.0);
        Some(Target::Service(ServiceTarget { at: at.unwrap_or(ServiceAt::Started), token, timeout }))
    }

    fn service_url(&mut self, text: &str, place: &KeyPath) -> Option<ServiceAt> {
        if !text.contains("://") {
            let message = format!("`{}` is not a service", text.escape_debug());
            let help = "write \"start\" to start `plimsoll serve`, or the base URL of your own: \"http://127.0.0.1:8080\"";
            self.error(place, message, help);
            return None;
        }
        self.base_url(text, place).map(ServiceAt::Url)
    }

    /// The service calls the vendors with credentials of its own.
    fn refuse_vendors(&mut self, target: &RawTarget, started: bool, place: &KeyPath) {
        let vendors: Vec<&str> = target.access.keys().map(String::as_str).collect();
        self.refuse_keys(place, "a target with `service`, which calls the vendors itself", &vendors, &KEYS);
        if started {
            self.refuse_keys(place, "a service that the run starts on loopback", &KEYS, &["service", "service_timeout"]);
        }
    }

    pub(super) fn check_journeys_of_a_service(&mut self, scenarios: &[Judged]) {
        let known = || scenarios.iter().filter_map(|scenario| Some((&scenario.table, scenario.journeys.as_ref()?)));
        for (table, (index, weighted)) in
            known().flat_map(|(table, journeys)| iter::repeat(table).zip(journeys.iter().enumerate()))
        {
            if weighted.journey.kind().service.is_none() && !matches!(weighted.journey, Journey::Http(_)) {
                let name = weighted.journey.name();
                let message = format!("journey `{name}` calls a vendor directly, and here leads go to the service");
                let help = "use journey `lead`, or leave out `service` in `[target]`";
                self.error(&table.key("journeys").item(index).key("journey"), message, help);
            }
        }
        let mut journeys = known().flat_map(|(_, journeys)| journeys).peekable();
        if journeys.peek().is_some() && journeys.all(|weighted| matches!(weighted.journey, Journey::Http(_))) {
            let help = "add journey `lead`, or leave out `service`: journey `http` has a URL of its own";
            self.warning(&KeyPath::of("target").key("service"), "no journey sends leads to this service", help);
        }
    }
}
