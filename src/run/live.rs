//! Once a second while the load runs: cut the samples, hand the second to the sinks, judge what may end the load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::events::EventLog;
use crate::clock::LoadClock;
use crate::event::{Event, EventKind, EventSink};
use crate::executor::{Level, Load, Stop};
use crate::gate::{Evidence, abort_due};
use crate::journey::Workload;
use crate::measure::{Collector, Gauges, GeneratorWatch, Interval, Observed, ProcessWatch, Second};
use crate::output::Sinks;
use crate::plan::Planned;
use crate::result::RunWriter;
use crate::threshold::Threshold;
use crate::units::micros;

/// What the loop reads and writes, and has when the load is over.
pub(super) struct Live {
    pub(super) clock: LoadClock,
    pub(super) collector: Collector,
    pub(super) workload: Arc<Workload>,
    /// What a service reports of its pipelines, instead of the workload's own.
    pub(super) service: Option<watch::Receiver<Option<Gauges>>>,
    /// What Clay's account was charged and will be, where it is simulated.
    pub(super) credits: Option<watch::Receiver<Option<u64>>>,
    /// The load is over, and the rows are of a service that comes to rest.
    pub(super) resting: Arc<AtomicBool>,
    pub(super) watch: ProcessWatch,
    pub(super) generator: GeneratorWatch,
    pub(super) directory: RunWriter,
    pub(super) sinks: Sinks,
    pub(super) events: Arc<EventLog>,
    pub(super) stop: Stop,
    pub(super) load: Load,
    pub(super) thresholds: Vec<Threshold>,
    pub(super) seconds: Vec<Second>,
    /// The threshold that ended the load early.
    pub(super) aborted: Option<String>,
    /// Why nothing more could be written.
    pub(super) write_error: Option<String>,
}

impl Live {
    /// Follows the load until `over`, and once more for its last part of a second.
    pub(super) async fn follow(mut self, mut over: oneshot::Receiver<()>) -> Self {
        let second = Duration::from_secs(1);
        let mut ticks = tokio::time::interval_at(self.clock.instant(second), second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let last = tokio::select! {
                _ = ticks.tick() => false,
                _ = &mut over => true,
            };
            let interval = Arc::new(self.cut());
            self.keep(&interval);
            self.hand_on_events();
            self.sinks.second(&interval);
            self.seconds.push(interval.second.clone());
            if last {
                return self;
            }
            self.abort_if_due();
        }
    }

    /// Hands the sinks the events since the last call.
    pub(super) fn hand_on_events(&self) {
        self.events.fresh().iter().for_each(|event| self.sinks.event(event));
    }

    /// Time from the start of the load to the last cut.
    pub(super) fn length(&self) -> Duration {
        Duration::from_micros(self.seconds.last().map_or(0, |row| row.start_us + row.length_us))
    }

    /// Writes a second to the run's directory. A load whose measurements cannot be kept is for nothing: it is ended.
    fn keep(&mut self, interval: &Interval) {
        if self.write_error.is_none()
            && let Err(error) = self.directory.write(interval)
        {
            self.stopped(error.to_string());
            self.stop.raise(Level::CutOff);
            self.write_error = Some(error.to_string());
        }
    }

    fn gauges(&self) -> Gauges {
        let own = self.workload.gauges();
        let of_service = self.service.as_ref().and_then(|service| service.borrow().clone());
        let gauges =
            of_service.map_or_else(|| own.clone(), |gauges| Gauges { users: own.users, in_flight: own.in_flight, ..gauges });
        Gauges { credits_used: self.credits.as_ref().and_then(|credits| *credits.borrow()), ..gauges }
    }

    fn cut(&mut self) -> Interval {
        let now = self.clock.now();
        let observed = Observed {
            planned: if self.resting.load(Ordering::Acquire) { Planned::default() } else { self.load.planned_at(now) },
            gauges: self.gauges(),
            processes: self.watch.sample(now),
            generator: self.generator.sample(),
        };
        self.collector.cut(now, observed)
    }

    /// Ends the load when a threshold that asks for it has failed.
    fn abort_if_due(&mut self) {
        let due = self.events.with(|events| {
            let evidence = Evidence::live(self.collector.totals(), &self.seconds, events, self.clock.now());
            abort_due(&self.thresholds, &evidence)
        });
        if let (None, Some(due)) = (&self.aborted, due) {
            self.stopped(format!("threshold {} failed", due.source));
            self.stop.raise(Level::Finish);
            self.aborted = Some(due.source);
        }
    }

    fn stopped(&self, reason: String) {
        let at_us = micros(self.clock.now());
        self.events.emit(Event { at_us, vendor: None, kind: EventKind::Stopped { reason } });
    }
}
