//! The configuration file of a service that is started here. It holds no secret: those go to the process by its environment.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::config::Secret;
use crate::vendor_api::{VendorAccess, lead_access_keys};

/// What a started service has to know.
pub struct ConfigSource<'a> {
    /// Where the vendors are, with credentials for them.
    pub vendors: VendorAccess,
    /// What Clay signs its callbacks with.
    pub clay_callback_secret: Option<&'a mock_server::settings::Secret>,
    /// Users of the load: each may hold a connection.
    pub users: u32,
    /// Workers for each vendor, where that is not the service's own default.
    pub workers: Option<u32>,
    /// A text in TOML, a scenario's for one, for its `[resilience]`.
    pub resilience: &'a str,
}

/// A service's configuration, and the environment that it needs.
pub struct WrittenConfig {
    /// The file.
    pub text: String,
    /// The secrets.
    pub environment: Vec<(String, String)>,
}

/// The scenario's `[resilience]` cannot be handed on.
#[derive(Debug, Error)]
#[error("the scenario's [resilience] cannot be handed to the service: {0}")]
pub struct ResilienceError(String);

/// Connections beyond those of the users: Clay's callbacks, and the run that watches.
const SPARE_CONNECTIONS: u32 = 256;
/// The most connections that a service takes.
const MOST_CONNECTIONS: u32 = 65_535;

/// Path of the callback endpoint.
pub const CALLBACKS: &str = "/callbacks/clay";

/// How long the service may take to end, in its own configuration.
pub(super) const SHUTDOWN: std::time::Duration = std::time::Duration::from_secs(10);

/// The name of its database.
const DATABASE: &str = "leads.db";

/// The service's database, beside its configuration.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// Writes the configuration of a service that listens at `port` on loopback.
///
/// # Errors
/// When the `[resilience]` is no TOML.
pub fn write_config(source: &ConfigSource<'_>, port: u16) -> Result<WrittenConfig, ResilienceError> {
    let mut environment = Vec::new();
    let mut config = json!({
        "listen": format!("127.0.0.1:{port}"),
        "shutdown": format!("{}s", SHUTDOWN.as_secs()),
        "store": { "path": DATABASE },
        "vendors": vendors(source, &mut environment),
        "limits": { "connections": source.users.saturating_add(SPARE_CONNECTIONS).clamp(1_024, MOST_CONNECTIONS) },
    });
    if let Some(workers) = source.workers {
        config["workers"] = workers.into();
    }
    let wrong = |error: &dyn std::fmt::Display| ResilienceError(error.to_string());
    let scenario: Value = toml::from_str(source.resilience).map_err(|error| wrong(&error))?;
    // The scenario's own, for the service's file has the same form.
    if let Some(resilience) = scenario.get("resilience") {
        config["resilience"] = resilience.clone();
    }
    let config = toml::Table::try_from(config).map_err(|error| wrong(&error))?;
    let text = format!("# Written for a service that Plimsoll started. Secrets are in the environment of its process.\n{config}");
    Ok(WrittenConfig { text, environment })
}

/// The table `[vendors]`; credentials go into the environment.
fn vendors(source: &ConfigSource<'_>, environment: &mut Vec<(String, String)>) -> Map<String, Value> {
    let mut vendors = Map::new();
    let mut credential = |key: &str, value: &str| {
        let variable = format!("PLIMSOLL_RUN_{}", key.to_uppercase());
        environment.push((variable.clone(), value.to_owned()));
        json!({ "env": variable })
    };
    let VendorAccess { base_urls, values } = &source.vendors;
    let wanted = lead_access_keys();
    for (vendor, url) in base_urls.iter().filter(|(vendor, _)| wanted.contains(vendor.as_str())) {
        vendors.extend(url.iter().map(|url| (vendor.to_string(), json!(url.to_string()))));
        for key in vendor.access_keys().iter().filter(|key| wanted.contains(key.name)) {
            let Some(value) = values.get(key.name).map(Secret::expose) else { continue };
            let value = if key.is_secret { credential(key.name, value) } else { json!(value) };
            vendors.insert(key.name.to_owned(), value);
        }
    }
    if let Some(secret) = source.clay_callback_secret {
        let key = "clay_callback_secret";
        vendors.insert(key.to_owned(), credential(key, &secret.0));
    }
    vendors
}

#[cfg(test)]
mod tests {
    use mock_server::settings::SimulationSettings;

    use super::*;
    use crate::scenario::TestPlan;
    use crate::service::ServiceConfig;

    const SCENARIO: &str = "name = \"x\"\nquestion = \"?\"\nexecutor = \"constant-vus\"\nvus = 1\nduration = \"10s\"\n\
        journeys = [{ journey = \"lead\" }]\ntarget = { service = \"start\" }\n\
        [resilience.clay]\nbreaker = { failures = 7, cooldown = \"2s\" }\ncredits = false\n[resilience.customer_io]\nretry = false\n";

    fn source<'a>(vendors: &'a SimulationSettings, resilience: &'a str) -> ConfigSource<'a> {
        let clay_callback_secret = vendors.clay.callbacks.signing_secret.as_ref();
        let vendors = VendorAccess::simulated(|_| "http://127.0.0.1:4101", vendors).expect("a valid URL");
        ConfigSource { vendors, clay_callback_secret, users: 5_000, workers: Some(7), resilience }
    }

    #[test]
    fn the_service_reads_what_the_run_writes_with_the_scenarios_own_resilience() {
        let mut vendors = SimulationSettings::default();
        vendors.clay.webhook_token = Some("hush-token".to_owned());
        let written = write_config(&source(&vendors, SCENARIO), 4100).expect("it can be written");
        let environment = |name: &str| written.environment.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let config = ServiceConfig::read(&written.text, Path::new("service.toml"), &environment)
            .unwrap_or_else(|errors| panic!("{errors}\n{}", written.text));
        let test_plan = TestPlan::parse(SCENARIO, Path::new("x.toml")).expect("a valid scenario");
        assert_eq!(config.resilience, test_plan.resilience);
        assert_eq!((config.listen.port(), config.workers), (4100, 7));
        assert_eq!(config.vendors.values["clay_webhook_token"].expose(), "hush-token");
        assert!(config.limits.connections > 5_000);
        assert!(config.warnings.is_empty(), "{}", config.warnings);
    }

    #[test]
    fn no_secret_is_in_the_file() {
        let mut vendors = SimulationSettings::default();
        vendors.clay.webhook_token = Some("hush-token".to_owned());
        let written = write_config(&source(&vendors, ""), 4100).expect("it can be written");
        let secrets = written.environment.iter().map(|(_, secret)| secret);
        assert_eq!(secrets.clone().count(), 4);
        secrets.for_each(|secret| assert!(!written.text.contains(secret.as_str()), "{}", written.text));
    }
}
