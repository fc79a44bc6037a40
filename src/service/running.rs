//! Starting and stopping the service; nothing that was acknowledged is lost on the way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use mock_server::json::Json;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::event_log::EventLog;
use super::guard::guard;
use super::held;
use super::metrics::Metrics;
use super::routes::router;
use super::server::Server;
use super::state::Service;
use super::stats::Stats;
use super::store_check::StoreCheck;
use super::vendor_sender::VendorSender;
use crate::clock::LoadClock;
use crate::event::{Event, EventSink};
use crate::outcome::{PerVendor, Vendor};
use crate::resilience::emitter::Emitter;
use crate::resilience::store_faults::StoreFaults;
use crate::resilience::{DayClock, Operation, Pipeline, PipelineSettings, Source, StoreError};
use crate::seed::Seed;
use crate::service::ServiceConfig;
use crate::store::LeadStore;
use crate::transport::{HttpClient, PoolSettings, Transport, TransportError};
use crate::vendor_api::VendorAccess;
use crate::vendor_api::{ENRICHED_BY, EndpointError, Endpoints, finding};

/// How often workers are woken for entries that another process added.
const WAKE_EVERY: Duration = Duration::from_millis(250);
/// How often the store is checked when no request does.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// How often settled leads are forgotten, and it is noted that the service runs: more often than a gap in
/// [`Runs`](crate::store::Runs) is long.
const FORGET_EVERY: Duration = Duration::from_secs(600);
/// The load-scale document's client pool: how long an idle connection to a vendor is kept.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// Why the service could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The port is taken, or the address is none of this machine's.
    #[error("cannot listen on {address}: {error}; `listen` in the configuration, or --listen, chooses another address")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// It could be reached from other machines, and there is no token.
    #[error("{0} is reachable from other machines and has no token: set `token` in the configuration, or listen on 127.0.0.1")]
    NoToken(SocketAddr),
    /// A vendor's URL or credential cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// No client for the vendors.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How the service came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Every attempt in flight was answered; otherwise those cut off are in the queue again.
    pub finished: bool,
    /// Every connection was closed behind its answer.
    pub answered: bool,
}

/// A running service. Dropped, it ends as in a power cut.
pub struct Running<S: LeadStore> {
    service: Arc<Service<S>>,
    server: Server,
    /// They end with the service.
    tasks: JoinSet<()>,
}

/// Whether the service may listen on its address, which the command line may have overridden after the configuration was
/// checked.
///
/// # Errors
/// [`StartError::NoToken`] beyond loopback without a token.
pub fn check_listen_address(config: &ServiceConfig) -> Result<(), StartError> {
    if config.listen.ip().is_loopback() || config.token.is_some() { Ok(()) } else { Err(StartError::NoToken(config.listen)) }
}

/// Starts the service on a store. `seed` gives it everything random; `sink` gets every event beside its own log.
///
/// # Errors
/// See [`StartError`].
pub async fn start<S: LeadStore>(
    config: &ServiceConfig,
    store: S,
    seed: Seed,
    sink: Arc<dyn EventSink>,
) -> Result<Running<S>, StartError> {
    check_listen_address(config)?;
    let endpoints = Endpoints::of(&config.vendors)?;
    let transport: Arc<dyn Transport> = Arc::new(client(&config.vendors, config.workers)?);
    let refused = |error| StartError::Listen { address: config.listen, error };
    let listener = Server::bind(config.listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;

    let clock = LoadClock::start();
    let known = store.latest().await?.max(store.time().await?);
    let wall = DayClock::start_behind(known);
    let ahead = (wall.start_wall - crate::clock::wall_clock()).num_seconds();
    if ahead > 1 {
        log::warn!("the clock was set back by {ahead} s: the service goes on from where it was");
    }
    let metrics = Arc::new(Metrics::new());
    let events = Arc::new(EventLog::default());
    let both: Arc<dyn EventSink> = Arc::new(Tee { log: Arc::clone(&events), sink });
    let pipeline = |vendor: Vendor, settings: &PipelineSettings| {
        let sender =
            VendorSender { transport: Arc::clone(&transport), endpoints: endpoints.clone(), metrics: Arc::clone(&metrics) };
        let emitter = Emitter::new(vendor, clock, Arc::clone(&both));
        let rng = seed.stream(vendor.as_str());
        Pipeline::with_backlog(settings.clone(), sender, store.backlog(vendor), emitter, wall, rng).with_follow_up(follow_up)
    };
    let resilience = &config.resilience;
    let pipelines = resilience.map(pipeline);
    // What follows from an enrichment goes to Customer.io.
    let notifier = pipelines[Vendor::CustomerIo].notifier();
    let pipelines = pipelines.into_map(|vendor, pipeline| {
        Arc::new(if vendor == Vendor::Clay { pipeline.notifying(notifier.clone()) } else { pipeline })
    });
    for pipeline in pipelines.values() {
        pipeline.restore().await?;
    }

    let service = Arc::new(Service {
        store,
        pipelines,
        // A lead needs room in each.
        capacity: resilience.values().map(|settings| settings.fallback.queue_capacity as u64).min().unwrap_or_default(),
        callback_secret: config.clay_callback_secret.clone(),
        guard: guard(address.ip(), config.token.as_ref()),
        limits: config.limits,
        metrics,
        events,
        clock,
        wall,
        store_check: StoreCheck::default(),
        store_faults: StoreFaults::default(),
        standstill: Mutex::new(PerVendor::from_fn(|_| None)),
        closing: AtomicBool::new(false),
    });
    let workers = config.workers as usize;
    let mut tasks: JoinSet<()> = service.pipelines.values().map(|pipeline| Arc::clone(pipeline).work(workers)).collect();
    tasks.spawn(wake_workers(Arc::clone(&service)));
    tasks.spawn(held::watch(Arc::clone(&service)));
    tasks.spawn(watch_store(Arc::clone(&service)));
    tasks.spawn(forget_settled(Arc::clone(&service), config.retention));
    let server = Server::serve(listener, router(Arc::clone(&service)), config.limits).map_err(refused)?;
    Ok(Running { service, server, tasks })
}

fn client(vendors: &VendorAccess, workers: u32) -> Result<HttpClient, TransportError> {
    let pool = PoolSettings { max_idle_per_host: workers as usize, idle_timeout: POOL_IDLE };
    let secure = vendors.base_urls.values().flatten().any(|uri| uri.scheme_str() == Some("https"));
    HttpClient::new(secure, &pool)
}

/// What a fallback found about a lead is sent to Customer.io, with its source. What Clay itself finds comes by callback.
fn follow_up(operation: &Operation, source: Source, data: Option<&Json>) -> Vec<Operation> {
    let (Some(lead), Some(found), Source::Cache | Source::Local) = (&operation.lead, data, source) else { return Vec::new() };
    vec![finding(lead, &operation.user, &found.with(&[(ENRICHED_BY, source.as_str())]))]
}

/// Wakes the workers for what comes from elsewhere: follow-ups of the other vendor's answers, other replicas' entries and callbacks.
async fn wake_workers<S: LeadStore>(service: Arc<Service<S>>) {
    let mut ticks = interval(WAKE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for pipeline in service.pipelines.values() {
            if pipeline.gauges().queue_depth > 0 {
                pipeline.wake();
            }
            if let Err(error) = pipeline.hear_of_charges().await {
                service.store_faults.note("what other replicas' callbacks said was not read", &error);
            }
        }
    }
}

/// Checks the store when no request does, so that what is wrong is in the log.
async fn watch_store<S: LeadStore>(service: Arc<Service<S>>) {
    let mut ticks = interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // It has been logged.
        let _ = service.store_check.now(&service.store).await;
    }
}

async fn forget_settled<S: LeadStore>(service: Arc<Service<S>>, retention: Duration) {
    let mut ticks = interval(FORGET_EVERY.min(retention));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let retention = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        let forgotten = match service.store.ran(service.now(), retention).await {
            Ok(since) => service.store.forget_settled(since).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = forgotten {
            service.store_faults.note("settled leads were not forgotten", &error);
        }
    }
}

/// The service's event log and a second sink.
struct Tee {
    log: Arc<EventLog>,
    sink: Arc<dyn EventSink>,
}

impl EventSink for Tee {
    fn emit(&self, event: Event) {
        self.sink.emit(event.clone());
        self.log.emit(event);
    }
}

impl<S: LeadStore> Running<S> {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The gauges now.
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// From now on, no more leads are accepted.
    pub fn close_intake(&self) {
        self.service.closing.store(true, Ordering::Release);
    }

    /// Ends it within `deadline`: no more leads are accepted, attempts in flight are answered or go back to the queue, every
    /// request gets its answer, and the store is closed.
    ///
    /// # Errors
    /// When the store could not be closed in order, or in time.
    pub async fn stop(self, deadline: Duration) -> Result<Stopped, StoreError> {
        let until = Instant::now() + deadline;
        self.close_intake();
        // Most of the time is for the vendors' answers; the rest is for closing.
        let grace = deadline.mul_f64(0.7);
        let pipelines = join_all(self.service.pipelines.values().map(|pipeline| pipeline.stop(grace)));
        // A store that hangs can't take entries back; their leases expire by themselves.
        let stopped = timeout(deadline.mul_f64(0.8), pipelines).await;
        self.service.events.end();
        let answered = self.server.close(deadline.mul_f64(0.1)).await;
        drop(self.tasks);
        let left = until.saturating_duration_since(Instant::now());
        match timeout(left, self.service.store.close()).await {
            Ok(closed) => closed?,
            Err(_) => {
                return Err(StoreError("it did not close in time; what was acknowledged is durable".to_owned()));
            }
        }
        Ok(Stopped { finished: stopped.is_ok_and(|all| all.into_iter().all(|finished| finished)), answered })
    }
}
