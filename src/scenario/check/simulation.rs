//! How the simulated vendors behave while nothing is broken.

use mock_server::latency::{LONGEST_DELAY, LatencyModel};
use mock_server::settings::SimulationSettings;

use crate::scenario::document::Place;
use crate::scenario::model::Target;
use crate::scenario::raw::{LatencyForm, LatencyModelForm, RawScenario, RawVendorLimit};

use crate::units::format_duration;

use super::Checker;

impl Checker<'_> {
    pub(super) fn simulation(&mut self, raw: &RawScenario, target: &Target) -> SimulationSettings {
        let place = Place::of("simulation");
        let mut settings = SimulationSettings::default();
        let Some(raw) = &raw.simulation else { return settings };
        if matches!(target, Target::BaseUrls { .. }) {
            self.warning(&place, "nothing is simulated, for there is a `[target]`", "leave out `[simulation]` or `[target]`");
        }
        if let Some(clay) = &raw.clay {
            let place = place.key("clay");
            settings.clay.latency = self.latency(clay.latency, settings.clay.latency, &place);
            settings.clay.rate_limit = clay.rate_limit.map(limit);
            settings.clay.webhook_submissions = clay.webhook_submissions.unwrap_or(settings.clay.webhook_submissions);
            settings.clay_port = clay.port.unwrap_or(0);
        }
        if let Some(customer_io) = &raw.customer_io {
            let place = place.key("customer_io");
            settings.customer_io.latency = self.latency(customer_io.latency, settings.customer_io.latency, &place);
            settings.customer_io.rate_limit = customer_io.rate_limit.map(limit);
            settings.customer_io_port = customer_io.port.unwrap_or(0);
        }
        if settings.clay_port != 0 && settings.clay_port == settings.customer_io_port {
            let message = format!("both vendors cannot listen at port {}", settings.clay_port);
            self.error(&place.key("customer_io").key("port"), message, "give each its own, or leave one out for any free one");
        }
        settings
    }

    fn latency(&mut self, raw: Option<LatencyForm>, default: LatencyModel, vendor: &Place) -> LatencyModel {
        raw.map_or(default, |latency| self.latency_model(latency, &vendor.key("latency")))
    }

    /// A delay in the simulator's terms.
    fn latency_model(&mut self, raw: LatencyForm, place: &Place) -> LatencyModel {
        let (model, longest) = match raw {
            LatencyForm::Fixed(delay) => (LatencyModel::Fixed { delay: delay.0 }, delay.0),
            LatencyForm::Model(LatencyModelForm::Uniform(bounds)) => {
                self.check_bounds(bounds, &place.key("uniform"));
                (LatencyModel::Uniform { min: bounds[0].0, max: bounds[1].0 }, bounds[1].0)
            }
            LatencyForm::Model(LatencyModelForm::Lognormal(percentiles)) => {
                self.check_percentiles(percentiles, &place.key("lognormal"));
                (LatencyModel::Lognormal { p50: percentiles.p50.0, p99: percentiles.p99.0 }, percentiles.p99.0)
            }
        };
        if longest > LONGEST_DELAY {
            let help = format!("give at most {}", format_duration(LONGEST_DELAY));
            self.error(place, format!("the simulator does not wait for {}", format_duration(longest)), help);
        }
        model
    }
}

fn limit(raw: RawVendorLimit) -> (f64, u32) {
    (raw.rate, raw.burst)
}
