//! Once a second while the load runs: cut the samples, hand the second to the sinks, judge what may end the load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::events::EventLog;
use crate::clock::LoadClock;
use crate::event::{Event, EventKind, EventSink};
use crate::executor::{Level, Stop};
use crate::gate::{Evidence, abort_due};
use crate::journey::Workload;
use crate::measure::{Collector, Gauges, Interval, Observed, ProcessWatch, Second, Totals};
use crate::output::{RunDirectory, Sink, Sinks};
use crate::plan::LoadPlan;
use crate::threshold::Threshold;

/// What the loop reads and writes.
pub(super) struct Live {
    pub(super) clock: LoadClock,
    pub(super) collector: Collector,
    pub(super) workload: Arc<Workload>,
    /// What a service reports of its pipelines, instead of the workload's own.
    pub(super) service: Option<watch::Receiver<Option<Gauges>>>,
    /// The load is over, and the rows are of a service that comes to rest.
    pub(super) resting: Arc<AtomicBool>,
    pub(super) watch: ProcessWatch,
    pub(super) directory: RunDirectory,
    pub(super) sinks: Sinks,
    pub(super) events: Arc<EventLog>,
    pub(super) stop: Stop,
    pub(super) plan: LoadPlan,
    pub(super) thresholds: Vec<Threshold>,
}

/// What it has when the load is over.
pub(super) struct Followed {
    pub(super) totals: Totals,
    pub(super) seconds: Vec<Second>,
    pub(super) directory: RunDirectory,
    pub(super) sinks: Sinks,
    /// Time from the start of the load to the last cut.
    pub(super) length: Duration,
    /// The threshold that ended the load early.
    pub(super) aborted: Option<String>,
    /// Why nothing more could be written.
    pub(super) write_error: Option<String>,
    /// What the histograms could not hold.
    pub(super) warning: Option<String>,
}

impl Live {
    /// Follows the load until `over`, and once more for its last part of a second.
    pub(super) async fn follow(mut self, mut over: oneshot::Receiver<()>) -> Followed {
        let second = Duration::from_secs(1);
        let mut ticks = tokio::time::interval_at(self.clock.instant(second), second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut seconds, mut aborted, mut write_error) = (Vec::new(), None, None);
        loop {
            let last = tokio::select! {
                _ = ticks.tick() => false,
                _ = &mut over => true,
            };
            let interval = Arc::new(self.cut());
            if write_error.is_none()
                && let Err(error) = self.directory.second(&interval)
            {
                // A load whose measurements cannot be kept is for nothing: end it, and report what was kept.
                self.stopped(error.to_string());
                self.stop.raise(Level::CutOff);
                write_error = Some(error.to_string());
            }
            self.events.fresh().iter().for_each(|event| self.sinks.event(event));
            self.sinks.second(&interval);
            seconds.push(interval.second.clone());
            if last {
                break;
            }
            if aborted.is_none() {
                aborted = self.abort(&seconds);
            }
        }
        let length = seconds.last().map_or(0, |row: &Second| row.start_us + row.length_us);
        Followed {
            totals: self.collector.totals().clone(),
            warning: self.collector.warning(),
            seconds,
            directory: self.directory,
            sinks: self.sinks,
            length: Duration::from_micros(length),
            aborted,
            write_error,
        }
    }

    fn gauges(&self) -> Gauges {
        let own = self.workload.gauges();
        let of_service = self.service.as_ref().and_then(|service| service.borrow().clone());
        of_service.map_or_else(|| own.clone(), |gauges| Gauges { users: own.users, in_flight: own.in_flight, ..gauges })
    }

    fn cut(&mut self) -> Interval {
        let now = self.clock.now();
        let observed = Observed {
            users_planned: if self.resting.load(Ordering::Acquire) { 0 } else { self.plan.users_at(now) },
            gauges: self.gauges(),
            processes: self.watch.sample(now),
        };
        self.collector.cut(now, observed)
    }

    /// Ends the load when a threshold that asks for it has failed.
    fn abort(&self, seconds: &[Second]) -> Option<String> {
        let due = self.events.with(|events| {
            let evidence = Evidence::live(self.collector.totals(), seconds, events, self.clock.now());
            abort_due(&self.thresholds, &evidence)
        })?;
        self.stopped(format!("threshold {} failed", due.source));
        self.stop.raise(Level::Finish);
        Some(due.source)
    }

    fn stopped(&self, reason: String) {
        let at_us = self.clock.now().as_micros() as u64;
        self.events.emit(Event { at_us, vendor: None, kind: EventKind::Stopped { reason } });
    }
}
