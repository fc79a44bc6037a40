//! Once a second while the load runs: cut the samples, read the gauges and the processes, write, judge, show.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::events::EventLog;
use crate::cli::run::progress::Progress;
use crate::clock::LoadClock;
use crate::event::{Event, EventKind, EventSink};
use crate::executor::{Level, Load, Stop};
use crate::gate::{Evidence, abort_due};
use crate::journey::Workload;
use crate::measure::{Collector, Gauges, Observed, ProcessWatch, Second, Totals};
use crate::plan::Planned;
use crate::result::{RunWriter, WriteError};
use crate::threshold::Threshold;

/// What the loop reads and writes.
pub(crate) struct Live {
    pub(crate) clock: LoadClock,
    pub(crate) collector: Collector,
    pub(crate) workload: Arc<Workload>,
    /// What a service tells of its pipelines, instead of the workload's own.
    pub(crate) service: Option<watch::Receiver<Option<Gauges>>>,
    /// The load is over, and the rows are of a service that comes to rest.
    pub(crate) resting: Arc<AtomicBool>,
    pub(crate) watch: ProcessWatch,
    pub(crate) writer: RunWriter,
    pub(crate) events: Arc<EventLog>,
    pub(crate) progress: Progress,
    pub(crate) stop: Stop,
    pub(crate) load: Load,
    pub(crate) thresholds: Vec<Threshold>,
}

/// What it has when the load is over.
pub(crate) struct Followed {
    pub(crate) totals: Totals,
    pub(crate) seconds: Vec<Second>,
    pub(crate) writer: RunWriter,
    /// Time from the start of the load to the last cut.
    pub(crate) length: Duration,
    /// The threshold that ended the load early.
    pub(crate) aborted: Option<String>,
    /// Why nothing more could be written.
    pub(crate) write_error: Option<WriteError>,
    /// What the histograms could not hold.
    pub(crate) warning: Option<String>,
}

impl Live {
    /// Follows the load until `over`, and once more for its last part of a second.
    pub(crate) async fn follow(mut self, mut over: oneshot::Receiver<()>) -> Followed {
        let second = Duration::from_secs(1);
        let mut ticks = tokio::time::interval_at(self.clock.instant(second), second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut seconds, mut aborted, mut write_error) = (Vec::new(), None, None);
        loop {
            let last = tokio::select! {
                _ = ticks.tick() => false,
                _ = &mut over => true,
            };
            let row = self.cut(&mut write_error);
            let faults = self.active_faults();
            self.progress.second(&row, &faults);
            seconds.push(row);
            if last {
                break;
            }
            if aborted.is_none() {
                aborted = self.abort(&seconds);
            }
        }
        self.progress.finish();
        let length = seconds.last().map_or(0, |row: &Second| row.start_us + row.length_us);
        Followed {
            totals: self.collector.totals().clone(),
            warning: self.collector.warning(),
            seconds,
            writer: self.writer,
            length: Duration::from_micros(length),
            aborted,
            write_error,
        }
    }

    fn gauges(&self) -> Gauges {
        let own = self.workload.gauges();
        let told = self.service.as_ref().and_then(|service| service.borrow().clone());
        told.map_or_else(|| own.clone(), |told| Gauges { users: own.users, in_flight: own.in_flight, ..told })
    }

    fn cut(&mut self, write_error: &mut Option<WriteError>) -> Second {
        let now = self.clock.now();
        let observed = Observed {
            planned: if self.resting.load(Ordering::Acquire) { Planned::default() } else { self.load.planned_at(now) },
            gauges: self.gauges(),
            processes: self.watch.sample(now),
        };
        let interval = self.collector.cut(now, observed);
        if write_error.is_none()
            && let Err(error) = self.writer.write(&interval)
        {
            // A load whose measurements cannot be kept is for nothing: end it, and report what was kept.
            self.stopped(format!("{error}"));
            self.stop.raise(Level::CutOff);
            *write_error = Some(error);
        }
        interval.second
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

    /// The faults that the simulator said it began and has not ended.
    fn active_faults(&self) -> Vec<String> {
        self.events.with(|events| {
            let mut names = BTreeSet::new();
            for event in events {
                match &event.kind {
                    EventKind::Fault { name, active: true } => _ = names.insert(name.clone()),
                    EventKind::Fault { name, active: false } => _ = names.remove(name),
                    _ => {}
                }
            }
            names.into_iter().collect()
        })
    }
}
