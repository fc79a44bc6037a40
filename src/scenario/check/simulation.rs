//! How the simulated vendors behave while nothing is broken.

use mock_server::latency::{LONGEST_DELAY, LatencyModel};
use mock_server::settings::{SettingsProblem, SimulationSettings};

use crate::config::{Checker, KeyPath};
use crate::scenario::model::{ServiceAt, Target, has_ports};
use crate::scenario::raw::RawTestPlan;
use crate::units::format_duration;

impl Checker<'_> {
    pub(super) fn simulation(&mut self, raw: &RawTestPlan, target: &Target) -> SimulationSettings {
        let place = KeyPath::of("simulation");
        let mut settings = SimulationSettings::default();
        let Some(raw) = &raw.simulation else { return settings };
        if matches!(target, Target::BaseUrls(_)) {
            self.warning(&place, "nothing is simulated, for there is a `[target]`", "leave out `[simulation]` or `[target]`");
        }
        if let Some(clay) = &raw.clay {
            settings.clay = clay.settings.clone();
            settings.clay_port = clay.port.unwrap_or(0);
            self.check_latency(settings.clay.latency, &place.key("clay"));
        }
        if let Some(customer_io) = &raw.customer_io {
            settings.customer_io = customer_io.settings.clone();
            settings.customer_io_port = customer_io.port.unwrap_or(0);
            self.check_latency(settings.customer_io.latency, &place.key("customer_io"));
        }
        if matches!(target, Target::Service(service) if service.at != ServiceAt::Started) && !has_ports(&settings) {
            let help = "give them the ports that your service calls: `[simulation.clay]` with `port = 4101`";
            self.warning(
                &place,
                "your own service does not know where these vendors would listen, so nothing is simulated",
                help,
            );
        }
        self.check_settings(&settings, &place);
        if settings.clay_port != 0 && settings.clay_port == settings.customer_io_port {
            let message = format!("both vendors cannot listen at port {}", settings.clay_port);
            self.error(&place.key("customer_io").key("port"), message, "give each its own, or leave one out for any free one");
        }
        settings
    }

    /// A vendor's own latency, with the place of what is wrong with it.
    fn check_latency(&mut self, latency: LatencyModel, vendor: &KeyPath) {
        let place = vendor.key("latency");
        self.check_bounds(latency, &place);
        let longest = latency.longest();
        if longest > LONGEST_DELAY {
            let help = format!("give at most {}", format_duration(LONGEST_DELAY));
            self.error(&place, format!("the simulator does not wait for {}", format_duration(longest)), help);
        }
    }

    /// What the simulator itself finds wrong, a setting called `clay.callbacks.url`.
    fn check_settings(&mut self, settings: &SimulationSettings, simulation: &KeyPath) {
        let Err(SettingsProblem { setting, problem }) = settings.validate() else { return };
        if matches!(setting, "clay.latency" | "customer_io.latency") {
            // Reported above, with the key at fault.
            return;
        }
        let place = simulation.within(setting);
        let (message, help) = problem.split_once("; ").unwrap_or((problem.as_str(), "correct it, or leave it out"));
        self.error(&place, message, help);
    }
}
