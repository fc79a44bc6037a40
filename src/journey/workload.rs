//! Journeys, drawn by weight: the work that the users of a scenario do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::action::Action;
use super::http::Prepared;
use super::integration::Integration;
use super::leads::{Lead, LeadSource};
use super::measured::Meter;
use super::service_lead::LeadService;
use super::settings::{Journey, ThinkTime, WeightedJourney, WorkloadSettings};
use super::submissions::{DriverJournal, JournalSenders};
use super::table::HTTP;
use super::tally::LeadTally;
use super::vendor_sender::VendorSender;
use super::{clay_resource, pause, pipelines};
use crate::clock::LoadClock;
use crate::event::EventSink;
use crate::executor::{Next, User, Work};
use crate::measure::{Collector, Gauges, IterationSample, JourneyId, Recorder, RecorderBuilder};
use crate::outcome::{FailureKind, LeadCounts, Peer};
use crate::resilience::DayClock;
use crate::seed::Seed;
use crate::transport::Transport;
use crate::units::format_duration;
use crate::vendor_api::{EndpointError, Endpoints};

/// Most different panics that are remembered.
const PANICS_KEPT: usize = 20;

/// A workload that has been checked and waits for the load's clock.
pub struct WorkloadPlan {
    settings: WorkloadSettings,
    endpoints: Endpoints,
    transport: Arc<dyn Transport>,
    seed: Seed,
    http: Vec<Prepared>,
    service: Option<LeadService>,
    journals: Option<JournalSenders>,
    wall: DayClock,
}

impl WorkloadPlan {
    /// Prepares the scenario's journeys.
    ///
    /// # Errors
    /// When a header cannot be sent.
    pub fn new(
        settings: WorkloadSettings,
        endpoints: Endpoints,
        transport: Arc<dyn Transport>,
        seed: Seed,
    ) -> Result<Self, EndpointError> {
        let http = settings.journeys().filter_map(|weighted| match &weighted.journey {
            Journey::Http(journey) => Some(Prepared::new(journey)),
            Journey::Named(_) => None,
        });
        let http = http.collect::<Result<_, _>>()?;
        Ok(Self { settings, endpoints, transport, seed, http, service: None, journals: None, wall: DayClock::start() })
    }

    /// Whether any journey submits leads, of which journals can be kept.
    pub fn submits_leads(&self) -> bool {
        self.settings.journeys().any(|weighted| weighted.journey.kind().uses_pipeline())
    }

    /// Leads go to this service, and not to the vendors.
    pub fn to_service(self, service: LeadService) -> Self {
        Self { service: Some(service), ..self }
    }

    /// Every submission and its answer is written down.
    pub fn with_journals(self, journals: JournalSenders) -> Self {
        Self { journals: Some(journals), ..self }
    }

    /// Days and dates are those of this clock, instead of the machine's.
    pub fn with_wall_clock(self, wall: DayClock) -> Self {
        Self { wall, ..self }
    }

    /// The load begins: everything is registered with the recorder, and both are built.
    pub fn begin(
        self,
        clock: LoadClock,
        mut builder: RecorderBuilder,
        shards: usize,
        events: &Arc<dyn EventSink>,
    ) -> (Arc<Workload>, Collector) {
        let mut http = self.http.into_iter();
        let (mut scenarios, mut callers) = (Vec::new(), Vec::new());
        for scenario in &self.settings.scenarios {
            let mut choices = Vec::new();
            for WeightedJourney { journey, weight, tags } in &scenario.journeys {
                builder.tags(scenario.label.as_deref(), tags);
                let kind = journey.kind();
                let (action, peer) = match (kind.service, &self.service) {
                    (Some(as_what), Some(service)) => {
                        let submit = service.register(as_what, &mut builder, self.wall);
                        (Some(Action::Submit(Box::new(submit))), Peer::Service)
                    }
                    _ if kind.uses_pipeline() => {
                        (pipelines::register(kind.operations, &mut callers, &mut builder).map(Action::Pipelines), kind.peer)
                    }
                    _ => {
                        let request = if *kind == HTTP { http.next() } else { clay_resource::prepared(&self.endpoints) };
                        (request.map(|request| Action::Http(Box::new(request.register(&mut builder)))), kind.peer)
                    }
                };
                if let Some(action) = action {
                    choices.push(Choice { action, id: builder.journey(kind.name, peer, kind.routes()), weight: *weight });
                }
            }
            let total_weight = choices.iter().map(|choice| choice.weight).sum();
            scenarios.push(Choices { choices, total_weight, think_time: scenario.think_time });
        }
        let pipeline_ids = (!callers.is_empty()).then(|| pipelines::Ids::register(&mut builder));
        let (recorder, collector) = builder.build(shards);
        let meter = Meter::new(self.transport, recorder.clone(), clock);
        let integration = pipeline_ids.map(|_| {
            let sender = VendorSender { meter: meter.clone(), endpoints: self.endpoints, routes: callers.into() };
            let places = self.journals.as_ref().and_then(|journals| journals.places.as_ref());
            Integration::new(&self.settings.resilience, &sender, clock, self.wall, events, self.seed, places)
        });
        let workload = Workload {
            scenarios,
            leads: LeadSource::new(self.settings.data, self.settings.segment),
            pipeline_ids,
            integration,
            longest_answer: self.settings.resilience.values().map(|settings| settings.timeout).max().unwrap_or_default(),
            meter,
            recorder,
            tally: LeadTally::default(),
            journal: DriverJournal { journals: self.journals, clock },
            clock,
            panics: Mutex::default(),
        };
        (Arc::new(workload), collector)
    }
}

/// What the users of a scenario do.
#[derive(Debug)]
struct Choices {
    choices: Vec<Choice>,
    total_weight: u32,
    think_time: ThinkTime,
}

#[derive(Debug)]
struct Choice {
    action: Action,
    id: JourneyId,
    weight: u32,
}

impl Choices {
    fn choose(&self, rng: &mut ChaCha8Rng) -> &Choice {
        let mut left = if self.choices.len() == 1 { 0 } else { rng.random_range(0..self.total_weight) };
        for choice in &self.choices {
            if left < choice.weight {
                return choice;
            }
            left -= choice.weight;
        }
        // Weights add up to the total: not reached.
        &self.choices[0]
    }
}

/// The work of a test plan's users.
pub struct Workload {
    scenarios: Vec<Choices>,
    leads: LeadSource,
    pipeline_ids: Option<pipelines::Ids>,
    integration: Option<Integration>,
    /// How long a vendor may take to answer.
    longest_answer: Duration,
    meter: Meter,
    recorder: Recorder,
    tally: LeadTally,
    journal: DriverJournal,
    clock: LoadClock,
    panics: Mutex<BTreeMap<String, u64>>,
}

impl Workload {
    /// State of the integration now.
    pub fn gauges(&self) -> Gauges {
        let mut gauges = self.integration.as_ref().map(Integration::gauges).unwrap_or_default();
        gauges.users = self.recorder.active_users();
        gauges.in_flight = self.meter.in_flight();
        gauges
    }

    /// Delivers what the fallback queues hold, for as long as the future is polled; it never completes.
    pub async fn drain(&self) {
        if let Some(integration) = &self.integration {
            integration.drain().await;
        }
        std::future::pending::<()>().await;
    }

    /// Ends the delivery of what the queues hold: what is under way has as long as an answer may take. Then the journals record
    /// where everything is. What it waits for goes to `tell`.
    pub async fn come_to_rest(&self, tell: impl Fn(String)) {
        if let Some(integration) = &self.integration {
            let in_flight = integration.gauges().in_flight;
            if in_flight > 0 {
                let longest = format_duration(self.longest_answer);
                tell(format!("waiting for the answers to {in_flight} requests of the queues, {longest} at most"));
            }
            integration.stop(self.longest_answer).await;
            integration.report_rest();
        }
    }

    /// What the leads that were submitted were answered.
    pub fn leads(&self) -> LeadCounts {
        self.tally.counts()
    }

    fn next_lead(&self, user: &mut User) -> Option<Lead> {
        self.leads.next(user).inspect(|_| self.tally.submitted())
    }

    /// What panics said, and how often.
    pub fn panics(&self) -> BTreeMap<String, u64> {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does what was chosen: why it failed, and how long its user was asked to wait. `None` when the leads are used up.
    async fn run(&self, action: &Action, user: &mut User, due: Duration) -> Option<(Option<FailureKind>, Duration)> {
        let failure = match action {
            Action::Http(journey) => journey.run(due, &self.meter, &self.recorder).await,
            Action::Submit(journey) => {
                let lead = self.next_lead(user)?;
                // On the heap: their futures are large, and every iteration would carry the room for them.
                let (answer, failure, asked_for) =
                    Box::pin(journey.run(&lead, due, &self.meter, &self.recorder, &self.journal)).await;
                self.tally.answered(answer);
                return Some((failure, asked_for));
            }
            Action::Pipelines(steps) => {
                let (integration, ids) = self.integration.as_ref().zip(self.pipeline_ids)?;
                let lead = self.next_lead(user)?;
                let (answer, failure) =
                    Box::pin(pipelines::run(*steps, &lead, due, integration, ids, &self.recorder, &self.journal)).await;
                self.tally.answered(answer);
                failure
            }
        };
        Some((failure, Duration::ZERO))
    }
}

impl Work for Workload {
    async fn iterate(&self, user: &mut User, due: Duration) -> Next {
        let scenario = &self.scenarios[user.scenario];
        let choice = scenario.choose(&mut user.rng);
        let started = self.clock.now();
        let Some((failure, asked_for)) = self.run(&choice.action, user, due).await else { return Next::Finished };
        self.recorder.iteration(IterationSample { journey: choice.id, due, sent: started, done: self.clock.now(), failure });
        if failure.is_some() {
            // What fails without waiting, at an open breaker say, costs the others their turn otherwise.
            tokio::task::yield_now().await;
        }
        Next::Pause(pause::draw(&scenario.think_time, &mut user.rng).max(asked_for))
    }

    fn panicked(&self, message: &str) {
        self.recorder.panicked();
        let mut panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner);
        if panics.len() < PANICS_KEPT || panics.contains_key(message) {
            *panics.entry(message.to_owned()).or_default() += 1;
        }
    }

    fn interrupted(&self) {
        self.recorder.interrupted();
    }

    fn dropped(&self, iterations: u64) {
        self.recorder.dropped(iterations);
    }

    fn user_active(&self, active: bool) {
        self.recorder.users(if active { 1 } else { -1 });
    }
}
