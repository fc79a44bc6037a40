//! A service under supervision: one that a run starts itself, or the user's own, and what is read from it meanwhile.
//!
//! A service that shares its process with the load is measured together with it. Here it has a process of its own, its CPU and
//! memory are its own, and its clock is mapped to the load's, so that a breaker's transition stands beside the fault that caused
//! it. When the load is over the run waits for the queues to come to rest, and ends the service as an operator would.

mod api;
mod config;
mod events;
mod fetched_places;
mod process;
mod rest;
mod stored_places;
mod watched;

use std::path::{Path, PathBuf};
use std::time::Duration;

use mock_server::settings::{Secret, SimulationSettings};
use rand::Rng;
use thiserror::Error;
use tokio::process::Command;

use crate::journey::LeadService;
use crate::scenario::ServiceTarget;
use crate::seed::Seed;
use crate::text::hex;
use crate::transport::HttpClient;
use crate::vendor_api::{EndpointError, bearer};

pub use api::{Api, ApiError};
pub use config::{CALLBACKS, ConfigSource, ResilienceError, WrittenConfig, write_config};
pub use fetched_places::{PlacesError, fetch_places};
pub use process::{ProcessError, ReservedPort, ServiceProcess, last_words};
pub use rest::come_to_rest;
pub use watched::{ServiceOutcome, WatchedService};

/// Directory of a started service, in the run's.
const DIR: &str = "service";
/// Its configuration, its log.
const CONFIG: &str = "service.toml";
const LOG: &str = "service.log";

/// There is no service to drive.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// It did not start.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It cannot be configured.
    #[error(transparent)]
    Resilience(#[from] ResilienceError),
    /// Its credentials make no request.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// It started and does not answer.
    #[error("the service that was started does not answer as it should: {0}")]
    NoAnswer(#[source] ApiError),
}

/// A service that has a port and no process yet: the vendors must know where to call it back before they start.
pub struct ReservedService {
    port: ReservedPort,
}

impl ReservedService {
    /// Chooses its port.
    ///
    /// # Errors
    /// When none is free.
    pub fn new() -> Result<Self, ServiceError> {
        Ok(Self { port: ReservedPort::new().map_err(ProcessError::Port)? })
    }

    /// The simulated vendors as this service needs them: Clay calls it back, with a secret that only the two share, unless the
    /// scenario says otherwise.
    pub fn called_back(&self, simulation: &SimulationSettings) -> SimulationSettings {
        let mut simulation = simulation.clone();
        let callbacks = &mut simulation.clay.callbacks;
        if callbacks.url.is_none() {
            callbacks.url = Some(format!("http://127.0.0.1:{}{}", self.port.number, CALLBACKS));
        }
        if callbacks.signing_secret == mock_server::settings::CallbackSettings::default().signing_secret {
            callbacks.signing_secret = Some(Secret(secret()));
        }
        simulation
    }

    /// Starts `plimsoll serve` in front of the vendors, with its files in the run's directory.
    ///
    /// # Errors
    /// When it does not start, or does not answer.
    pub async fn start(self, settings: &ServiceSettings<'_>, client: &HttpClient) -> Result<Service, ServiceError> {
        let dir = settings.run_dir.join(DIR);
        let written = write_config(&settings.config, self.port.number)?;
        let config = dir.join(CONFIG);
        let wrote = std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&config, &written.text));
        wrote.map_err(|source| ProcessError::Write { path: config.clone(), source })?;
        let mut command = Command::new(settings.program);
        command.arg("serve").arg("--config").arg(&config);
        command.arg("--until-stdin-ends");
        command.args(["--time-scale", &settings.time_scale.to_string(), "--seed", &settings.seed.0.to_string()]);
        command.envs(written.environment);
        let port = self.port.shared();
        let started = ServiceProcess::listening(command, &dir.join(LOG)).await;
        drop(port);
        let (process, url) = started.inspect_err(|_| {
            // What cannot be removed does no harm.
            let _ = std::fs::remove_dir_all(&dir);
        })?;
        let api = Api::new(client.clone(), url, None);
        api.clock().await.map_err(ServiceError::NoAnswer)?;
        Ok(Service { api, timeout: settings.timeout, token: None, reports: true, process: Some((process, dir)) })
    }
}

/// What a service is started with.
pub struct ServiceSettings<'a> {
    /// The program `plimsoll`.
    pub program: &'a Path,
    /// How long an answer to a lead may take.
    pub timeout: Duration,
    /// The seed of its back-offs.
    pub seed: Seed,
    /// The factor by which its waits are stretched.
    pub time_scale: f64,
    /// The directory of the run.
    pub run_dir: &'a Path,
    /// What goes into its configuration.
    pub config: ConfigSource<'a>,
}

/// A service that listens, before the load.
pub struct Service {
    api: Api,
    timeout: Duration,
    token: Option<String>,
    /// Whether it reports its clock and its gauges.
    reports: bool,
    process: Option<(ServiceProcess, PathBuf)>,
}

impl Service {
    /// The user's own service.
    ///
    /// # Errors
    /// When its token makes no header.
    pub async fn named(target: &ServiceTarget, base: &http::Uri, client: &HttpClient) -> Result<Self, ServiceError> {
        let token = target.token.as_ref().map(|token| token.expose().to_owned());
        let authorization = token.as_deref().map(|token| bearer(token, "the service"));
        let base = base.to_string().trim_end_matches('/').to_owned();
        let api = Api::new(client.clone(), base, authorization.transpose()?);
        // Of a service that does not report both, only the answers to its leads are measured.
        let reports = api.clock().await.is_ok() && api.stats().await.is_ok();
        Ok(Self { api, timeout: target.timeout, token, reports, process: None })
    }

    /// Its process, where the run started it.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|(process, _)| process.pid())
    }

    /// Where leads go; `run` is this run's own text.
    ///
    /// # Errors
    /// When its URL makes no endpoint.
    pub fn leads(&self, run: String) -> Result<LeadService, EndpointError> {
        LeadService::new(&self.api.base, self.token.as_deref(), self.timeout, run)
    }
}

/// A secret of this run: 256 bits of the operating system's entropy, in hex.
fn secret() -> String {
    hex(&rand::rng().random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clay_calls_the_service_back_with_a_secret_of_this_run() {
        let reserved = ReservedService::new().expect("a port");
        let callbacks = reserved.called_back(&SimulationSettings::default()).clay.callbacks;
        let url = callbacks.url.expect("a URL");
        assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/callbacks/clay"), "{url}");
        let secret = callbacks.signing_secret.expect("a secret");
        assert_ne!(Some(&secret), mock_server::settings::CallbackSettings::default().signing_secret.as_ref());
        assert_eq!(secret.0.len(), 64);
    }

    #[tokio::test]
    async fn what_the_scenario_says_about_callbacks_stays() {
        let mut simulation = SimulationSettings::default();
        simulation.clay.callbacks.url = Some("http://127.0.0.1:9/".to_owned());
        simulation.clay.callbacks.signing_secret = Some(Secret("mine".to_owned()));
        assert_eq!(ReservedService::new().expect("a port").called_back(&simulation), simulation);
    }
}
