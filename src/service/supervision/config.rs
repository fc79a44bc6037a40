//! The configuration file of a service that is started here. It holds no secret: those go to the process by its environment.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mock_server::settings::SimulationSettings;
use thiserror::Error;

/// What a started service has to know.
pub struct ConfigSource<'a> {
    /// Clay's base URL.
    pub clay: &'a str,
    /// Customer.io's base URL.
    pub customer_io: &'a str,
    /// The simulated vendors, with their credentials.
    pub vendors: &'a SimulationSettings,
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
    pub environment: Vec<(&'static str, String)>,
}

/// The scenario's `[resilience]` cannot be handed on.
#[derive(Debug, Error)]
#[error("the scenario's [resilience] cannot be handed to the service: {0}")]
pub struct ResilienceError(String);

const WEBHOOK_TOKEN: &str = "PLIMSOLL_RUN_CLAY_WEBHOOK_TOKEN";
const CALLBACK_SECRET: &str = "PLIMSOLL_RUN_CLAY_CALLBACK_SECRET";
const SITE_ID: &str = "PLIMSOLL_RUN_CUSTOMER_IO_SITE_ID";
const API_KEY: &str = "PLIMSOLL_RUN_CUSTOMER_IO_API_KEY";

/// Connections beyond those of the users: Clay's callbacks, and the run that watches.
const SPARE_CONNECTIONS: u32 = 256;
/// The most connections that a service takes.
const MOST_CONNECTIONS: u32 = 65_535;

/// Path of the callback endpoint.
pub const CALLBACKS: &str = "/callbacks/clay";

/// How long the service may take to end, in its own configuration.
pub(super) const SHUTDOWN: std::time::Duration = std::time::Duration::from_secs(10);

/// The service's database, beside its configuration.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join("leads.db")
}

/// Writes the configuration of a service that listens at `port` on loopback.
///
/// # Errors
/// When the `[resilience]` is no TOML.
pub fn write_config(source: &ConfigSource<'_>, port: u16) -> Result<WrittenConfig, ResilienceError> {
    let clay = &source.vendors.clay;
    let mut environment =
        vec![(SITE_ID, source.vendors.customer_io.site_id.clone()), (API_KEY, source.vendors.customer_io.api_key.clone())];
    let mut vendors = String::new();
    let mut line = |key: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(vendors, "{key} = {value}");
    };
    line("clay", quoted(source.clay));
    line("clay_webhook_path", quoted(&format!("/v3/sources/webhook/{}", clay.webhook_id)));
    if let Some(token) = &clay.webhook_token {
        environment.push((WEBHOOK_TOKEN, token.clone()));
        line("clay_webhook_token", env(WEBHOOK_TOKEN));
    }
    if let Some(secret) = &clay.callbacks.signing_secret {
        environment.push((CALLBACK_SECRET, secret.0.clone()));
        line("clay_callback_secret", env(CALLBACK_SECRET));
    }
    line("customer_io", quoted(source.customer_io));
    line("customer_io_site_id", env(SITE_ID));
    line("customer_io_api_key", env(API_KEY));
    let connections = source.users.saturating_add(SPARE_CONNECTIONS).clamp(1_024, MOST_CONNECTIONS);
    let workers = source.workers.map(|workers| format!("workers = {workers}\n")).unwrap_or_default();
    let text = format!(
        "# Written for a service that Plimsoll started. Secrets are in the environment of its process.\n\
         listen = \"127.0.0.1:{}\"\n{workers}shutdown = \"{}s\"\n\n[store]\npath = \"leads.db\"\n\n[vendors]\n{vendors}\n\
         [limits]\nconnections = {connections}\n{}",
        port,
        SHUTDOWN.as_secs(),
        resilience(source.resilience)?,
    );
    Ok(WrittenConfig { text, environment })
}

/// The scenario's own `[resilience]`, for the service's file has the same form.
fn resilience(scenario: &str) -> Result<String, ResilienceError> {
    let wrong = |error: &dyn std::fmt::Display| ResilienceError(error.to_string());
    let mut whole: toml::Table = scenario.parse().map_err(|error: toml::de::Error| wrong(&error))?;
    let Some(settings) = whole.remove("resilience") else { return Ok(String::new()) };
    let alone = toml::Table::from_iter([("resilience".to_owned(), settings)]);
    Ok(format!("\n{}", toml::to_string(&alone).map_err(|error| wrong(&error))?))
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn env(name: &str) -> String {
    format!("{{ env = \"{name}\" }}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::TestPlan;
    use crate::service::ServiceConfig;

    const SCENARIO: &str = "name = \"x\"\nquestion = \"?\"\nexecutor = \"constant-vus\"\nvus = 1\nduration = \"10s\"\n\
        journeys = [{ journey = \"lead\" }]\ntarget = { service = \"start\" }\n\
        [resilience.clay]\nbreaker = { failures = 7, cooldown = \"2s\" }\ncredits = false\n[resilience.customer_io]\nretry = false\n";

    fn source<'a>(vendors: &'a SimulationSettings, resilience: &'a str) -> ConfigSource<'a> {
        let (clay, customer_io) = ("http://127.0.0.1:4101", "http://127.0.0.1:4102");
        ConfigSource { clay, customer_io, vendors, users: 5_000, workers: Some(7), resilience }
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
        assert_eq!(config.vendors.clay_webhook_token.map(|token| token.expose().to_owned()).as_deref(), Some("hush-token"));
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
