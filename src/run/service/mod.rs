//! The service that a run drives: one that it starts itself, or the user's own, and what is read from it meanwhile.
//!
//! A service that shares its process with the load is measured together with it. Here it has a process of its own, its CPU and
//! memory are its own, and its clock is mapped to the load's, so that a breaker's transition stands beside the fault that caused
//! it. When the load is over the run waits for the queues to come to rest, and ends the service as an operator would.

mod api;
mod config;
mod events;
mod places;
mod process;
mod serving;

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderValue;
use mock_server::settings::{Secret, SimulationSettings};
use rand::Rng;
use thiserror::Error;
use tokio::process::Command;

use crate::journey::LeadService;
use crate::scenario::{ServiceTarget, TestPlan};
use crate::seed::Seed;
use crate::transport::HttpClient;
use crate::vendor_api::EndpointError;
use api::{Api, ApiError};
use process::{Process, ProcessError, Reserved};
pub(super) use serving::{ServiceOutcome, Serving};

/// Directory of a started service, in the run's.
const DIR: &str = "service";
/// Its configuration, its log.
const CONFIG: &str = "service.toml";
const LOG: &str = "service.log";

/// There is no service to drive.
#[derive(Debug, Error)]
pub(crate) enum ServiceError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Resilience(#[from] config::ResilienceError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error("the service that was started does not tell what it should: {0}")]
    Silent(#[source] ApiError),
}

/// A service that is going to be started: its port is known, so that the vendors can be told where to call it back.
pub(super) struct Coming {
    reserved: Reserved,
}

impl Coming {
    /// Chooses its port.
    pub(super) fn new() -> Result<Self, ServiceError> {
        Ok(Self { reserved: Reserved::new().map_err(ProcessError::Port)? })
    }

    /// The simulated vendors as this service needs them: Clay calls it back, with a secret that only the two share, unless the
    /// scenario says otherwise.
    pub(super) fn called_back(&self, simulation: &SimulationSettings) -> SimulationSettings {
        let mut simulation = simulation.clone();
        let callbacks = &mut simulation.clay.callbacks;
        if callbacks.url.is_none() {
            callbacks.url = Some(format!("http://127.0.0.1:{}{}", self.reserved.port, config::CALLBACKS));
        }
        if callbacks.signing_secret == mock_server::settings::CallbackSettings::default().signing_secret {
            callbacks.signing_secret = Some(Secret(secret()));
        }
        simulation
    }

    /// Starts `plimsoll serve` in front of the vendors at these URLs, with its files in the run's directory.
    pub(super) async fn start(self, options: &Starting<'_>) -> Result<Service, ServiceError> {
        let dir = options.run_dir.join(DIR);
        let told = config::Told {
            port: self.reserved.port,
            clay: options.clay,
            customer_io: options.customer_io,
            vendors: options.vendors,
            users: options.test_plan.total_load().users(),
            scenario: &options.test_plan.text,
        };
        let written = config::write(&told)?;
        let config = dir.join(CONFIG);
        let wrote = std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&config, &written.text));
        wrote.map_err(|source| ProcessError::Write { path: config.clone(), source })?;
        let mut command = Command::new(std::env::current_exe().map_err(ProcessError::NoProgram)?);
        command.arg("serve").arg("--config").arg(&config);
        command.arg("--until-stdin-ends");
        command.args(["--time-scale", &options.time_scale.to_string(), "--seed", &options.seed.0.to_string()]);
        command.envs(written.environment);
        // Other systems let no two sockets have one port: there it is given back first, and seldom taken in between.
        let reserved = if cfg!(target_os = "linux") { Some(self.reserved) } else { None };
        let started = Process::start(command, &dir.join(LOG)).await;
        drop(reserved);
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                remove(&dir);
                return Err(error.into());
            }
        };
        let api = Api::new(options.client.clone(), process.url.clone(), None);
        api.clock().await.map_err(ServiceError::Silent)?;
        Ok(Service { api, timeout: options.timeout, token: None, tells: true, process: Some((process, dir)) })
    }
}

/// What a service is started with.
pub(super) struct Starting<'a> {
    pub(super) test_plan: &'a TestPlan,
    pub(super) timeout: Duration,
    pub(super) seed: Seed,
    pub(super) time_scale: f64,
    pub(super) run_dir: &'a Path,
    pub(super) clay: &'a str,
    pub(super) customer_io: &'a str,
    pub(super) vendors: &'a SimulationSettings,
    pub(super) client: &'a HttpClient,
}

/// A service that listens, before the load.
pub(super) struct Service {
    api: Api,
    timeout: Duration,
    token: Option<String>,
    /// Whether it tells its clock and its gauges.
    tells: bool,
    process: Option<(Process, PathBuf)>,
}

impl Service {
    /// The user's own service.
    pub(super) async fn named(target: &ServiceTarget, base: &http::Uri, client: &HttpClient) -> Result<Self, ServiceError> {
        let token = target.token.as_ref().map(|token| token.expose().to_owned());
        let authorization = token.as_ref().map(|token| {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value = value.map_err(|_| EndpointError::BadCredential("the service"))?;
            value.set_sensitive(true);
            Ok::<_, EndpointError>(value)
        });
        let base = base.to_string().trim_end_matches('/').to_owned();
        let api = Api::new(client.clone(), base, authorization.transpose()?);
        // Of whoever does not tell both, only the answers to its leads are measured.
        let tells = api.clock().await.is_ok() && api.stats().await.is_ok();
        Ok(Self { api, timeout: target.timeout, token, tells, process: None })
    }

    /// Its process, where the run started it.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|(process, _)| process.pid)
    }

    /// Where leads go; `run` is this run's own text.
    pub(super) fn leads(&self, run: String) -> Result<LeadService, EndpointError> {
        LeadService::new(&self.api.base, self.token.as_deref(), self.timeout, run)
    }
}

/// A secret of this run: 256 bits of the operating system's entropy, in hex.
fn secret() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes back the directory of a service that never served.
fn remove(dir: &Path) {
    // What cannot be removed stays, and harms nobody.
    let _ = std::fs::remove_dir_all(dir);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clay_calls_the_service_back_with_a_secret_of_this_run() {
        let coming = Coming::new().expect("a port");
        let callbacks = coming.called_back(&SimulationSettings::default()).clay.callbacks;
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
        assert_eq!(Coming::new().expect("a port").called_back(&simulation), simulation);
    }
}
