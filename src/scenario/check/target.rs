//! Whom the load goes to: the simulated vendors, a service, or base URLs with credentials from the environment.

use crate::config::KeyPath;
use crate::scenario::model::{Target, WeightedJourney};
use crate::scenario::raw::RawTestPlan;

use crate::config::Checker;
use crate::outcome::Route;

impl Checker<'_> {
    pub(super) fn target(&mut self, raw: &RawTestPlan, journeys: Option<&[WeightedJourney]>) -> Target {
        let Some(target) = &raw.target else { return Target::Simulated };
        if let Some(service) = self.service_target(raw, target) {
            return service;
        }
        let place = KeyPath::of("target");
        for weighted in journeys.unwrap_or_default() {
            for key in weighted.journey.kind().routes().flat_map(Route::required_keys) {
                if !target.access.contains_key(key) && !self.document.is_damaged(&place.key(key)) {
                    let message = format!("journey `{}` needs `{key}` in `[target]`", weighted.journey.name());
                    self.error(&place, message, "add it, or leave out `[target]` to use the simulated vendors");
                }
            }
        }
        Target::BaseUrls(self.access(&target.access, target.plain_http == Some(true), &place))
    }
}
