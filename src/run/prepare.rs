//! Everything that can be done, and can go wrong, before the load's clock starts.

use super::error::RunError;
use super::journals::RunJournals;
use super::options::RunOptions;
use super::simulator::Simulator;
use std::sync::Arc;

use crate::journal::VENDORS;
use crate::journey::WorkloadPlan;
use crate::output::{Sink, Sinks};
use crate::result::RunWriter;
use crate::scenario::{Journey, ServiceAt, ServiceTarget, Target, TestPlan};
use crate::service::supervision::{ConfigSource, ReservedService, Service, ServiceError, ServiceSettings};
use crate::transport::{HttpClient, PoolSettings, TransportError};
use crate::vendor_api::Endpoints;

/// A run that waits for the load's clock.
pub(super) struct Prepared {
    pub(super) test_plan: TestPlan,
    pub(super) plan: WorkloadPlan,
    pub(super) directory: RunWriter,
    pub(super) sinks: Sinks,
    pub(super) simulator: Option<Simulator>,
    pub(super) service: Option<Service>,
    /// The processes of the run.
    pub(super) roles: Vec<(&'static str, u32)>,
    pub(super) journals: Option<RunJournals>,
}

/// Reaches the targets, starts the processes, opens the files.
pub(super) async fn prepare(test_plan: &TestPlan, options: &RunOptions, sinks: Vec<Box<dyn Sink>>) -> Result<Prepared, RunError> {
    let client = client(test_plan)?;
    reach_targets(test_plan, &client).await?;
    let (test_plan, reserved) = with_callbacks(test_plan)?;
    let simulator = if test_plan.simulates_vendors() {
        Some(Simulator::start(&options.program, &test_plan, options.seed, options.dir.partial(VENDORS)).await?)
    } else {
        None
    };
    let service = service(&test_plan, reserved, simulator.as_ref(), &client, options).await?;
    let endpoints = match &simulator {
        Some(simulator) if service.is_none() => Endpoints::of(&simulator.access()?)?,
        _ => match &test_plan.target {
            Target::BaseUrls(access) => Endpoints::of(access)?,
            Target::Simulated | Target::Service(_) => Endpoints::default(),
        },
    };
    let mut plan = WorkloadPlan::new(test_plan.workload(), endpoints, Arc::new(client), options.seed)?;
    if let Some(service) = &service {
        let run = format!("{} {}", options.started.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true), options.seed.0);
        plan = plan.to_service(service.leads(run)?);
    }
    let keeps_journals = options.journals && plan.submits_leads();
    let journals = keeps_journals.then(|| RunJournals::begin(&options.dir, service.is_some())).transpose();
    let journals = journals.map_err(RunError::Journals)?;
    if let Some(journals) = &journals {
        plan = plan.with_journals(journals.journals());
    }
    let roles = [
        Some(("harness", std::process::id())),
        service.as_ref().and_then(Service::pid).map(|pid| ("integration", pid)),
        simulator.as_ref().map(|simulator| ("simulator", simulator.pid())),
    ];
    let roles: Vec<(&'static str, u32)> = roles.into_iter().flatten().collect();
    let names: Vec<&str> = roles.iter().map(|(role, _)| *role).collect();
    let directory = RunWriter::start(options.dir.clone(), options.started, &names)?;
    let sinks = Sinks::start(sinks).map_err(RunError::Sinks)?;
    Ok(Prepared { test_plan, plan, directory, sinks, simulator, service, roles, journals })
}

/// A service that is going to be started has its port before the vendors start, for Clay calls it back.
fn with_callbacks(test_plan: &TestPlan) -> Result<(TestPlan, Option<ReservedService>), ServiceError> {
    let mut test_plan = test_plan.clone();
    if test_plan.service().is_none_or(|service| service.at != ServiceAt::Started) {
        return Ok((test_plan, None));
    }
    let reserved = ReservedService::new()?;
    test_plan.simulation = reserved.called_back(&test_plan.simulation);
    Ok((test_plan, Some(reserved)))
}

/// The service that takes the leads, listening.
async fn service(
    test_plan: &TestPlan,
    reserved: Option<ReservedService>,
    simulator: Option<&Simulator>,
    client: &HttpClient,
    options: &RunOptions,
) -> Result<Option<Service>, RunError> {
    let Some(target) = test_plan.service() else { return Ok(None) };
    match (&target.at, reserved, simulator) {
        (ServiceAt::Started, Some(reserved), Some(simulator)) => {
            let settings = ServiceSettings {
                program: &options.program,
                timeout: target.timeout,
                seed: options.seed,
                time_scale: options.time_scale,
                run_dir: options.dir.path(),
                config: ConfigSource {
                    vendors: simulator.access()?,
                    clay_callback_secret: test_plan.simulation.clay.callbacks.signing_secret.as_ref(),
                    users: test_plan.total_load().users(),
                    workers: None,
                    resilience: &test_plan.text,
                },
            };
            Ok(Some(reserved.start(&settings, client).await?))
        }
        (ServiceAt::Url(url), ..) => Ok(Some(Service::named(target, url, client).await?)),
        // A service is started together with its port and its vendors.
        (ServiceAt::Started, ..) => Ok(None),
    }
}

/// Every URL that the scenario itself names.
fn named_targets(test_plan: &TestPlan) -> Vec<&http::Uri> {
    let journeys = test_plan.journeys().filter_map(|weighted| match &weighted.journey {
        Journey::Http(http) => Some(&http.url),
        _ => None,
    });
    let vendors: Vec<&http::Uri> = match &test_plan.target {
        Target::Service(ServiceTarget { at: ServiceAt::Url(url), .. }) => vec![url],
        Target::BaseUrls(access) => access.base_urls.values().flatten().collect(),
        Target::Simulated | Target::Service(_) => Vec::new(),
    };
    journeys.chain(vendors).collect()
}

/// Fails when a URL that the scenario names cannot be reached: a load on it would measure nothing.
async fn reach_targets(test_plan: &TestPlan, client: &HttpClient) -> Result<(), RunError> {
    for uri in named_targets(test_plan) {
        client.reach(uri).await.map_err(|cause| {
            let target = uri.authority().map_or_else(|| uri.to_string(), |authority| authority.host().to_owned());
            let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
            RunError::Unreachable { target: format!("{target}{port}"), cause }
        })?;
    }
    Ok(())
}

fn client(test_plan: &TestPlan) -> Result<HttpClient, TransportError> {
    let secure = named_targets(test_plan).iter().any(|uri| uri.scheme_str() == Some("https"));
    HttpClient::new(secure, &PoolSettings::default())
}
