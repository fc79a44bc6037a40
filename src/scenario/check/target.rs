//! Whom the load goes to: the simulated vendors, a service, or base URLs with credentials from the environment.

use crate::config::EnvVar;
use crate::config::KeyPath;
use crate::scenario::model::{Target, WeightedJourney};
use crate::scenario::raw::RawTestPlan;

use crate::config::Checker;
use crate::vendor_api::VendorAccess;

impl Checker<'_> {
    pub(super) fn target(&mut self, raw: &RawTestPlan, journeys: Option<&[WeightedJourney]>) -> Target {
        let Some(target) = &raw.target else { return Target::Simulated };
        if let Some(service) = self.service_target(raw, target) {
            return service;
        }
        let place = KeyPath::of("target");
        let present = [
            ("clay", target.clay.is_some()),
            ("clay_api_key", target.clay_api_key.is_some()),
            ("clay_webhook_path", target.clay_webhook_path.is_some()),
            ("customer_io", target.customer_io.is_some()),
            ("customer_io_site_id", target.customer_io_site_id.is_some()),
            ("customer_io_api_key", target.customer_io_api_key.is_some()),
        ];
        for weighted in journeys.unwrap_or_default() {
            for key in weighted.journey.kind().target_keys {
                if present.contains(&(*key, false)) && !self.document.is_damaged(&place.key(key)) {
                    let message = format!("journey `{}` needs `{key}` in `[target]`", weighted.journey.name());
                    self.error(&place, message, "add it, or leave out `[target]` to use the simulated vendors");
                }
            }
        }
        let clay = self.base_url(target.clay.as_ref(), &place.key("clay"));
        let customer_io = self.base_url(target.customer_io.as_ref(), &place.key("customer_io"));
        if let Some(path) = &target.clay_webhook_path {
            self.webhook_path(path, &place.key("clay_webhook_path"));
        }
        let mut secret =
            |variable: &Option<EnvVar>, key| variable.as_ref().map(|variable| self.secret(variable, &place.key(key)));
        Target::BaseUrls(VendorAccess {
            clay,
            customer_io,
            clay_api_key: secret(&target.clay_api_key, "clay_api_key"),
            clay_webhook_path: target.clay_webhook_path.clone(),
            clay_webhook_token: secret(&target.clay_webhook_token, "clay_webhook_token"),
            customer_io_site_id: secret(&target.customer_io_site_id, "customer_io_site_id"),
            customer_io_api_key: secret(&target.customer_io_api_key, "customer_io_api_key"),
        })
    }
}
