//! Once a second: what the shards hold becomes an interval, a row of the timeline, and part of the totals.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::gauges::{Gauges, ProcessSample};
use super::interval::Interval;
use super::micros;
use super::recorder::Shared;
use super::shard::Table;
use super::totals::{CheckCount, Totals};

/// What the run loop reads at the end of a second, beside the samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Users that the plan asks for now.
    pub users_planned: u32,
    /// State of the integration. Its `users` is overwritten with the recorder's own count.
    pub gauges: Gauges,
    /// What each process used.
    pub processes: Vec<ProcessSample>,
}

/// The reporter's end of a [`super::Recorder`]. One a run.
#[derive(Debug)]
pub struct Collector {
    shared: Arc<Shared>,
    /// An empty table, exchanged for a shard's; what comes out is emptied and goes to the next shard.
    spare: Table,
    totals: Totals,
    clamped: u64,
    last_cut: Duration,
}

impl Collector {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        // A check that never ran is there, with no passes and no fails.
        let checks = shared.checks.iter().map(|name| (name.clone(), CheckCount::default())).collect();
        let totals = Totals { checks, ..Totals::default() };
        Self { spare: Table::new(shared.checks.len()), shared, totals, clamped: 0, last_cut: Duration::ZERO }
    }

    /// Ends the current interval at `now` (time since the load began) and starts the next. Every sample recorded before the
    /// call is in exactly one interval; one recorded during it is in this or in the next.
    pub fn cut(&mut self, now: Duration, observed: Observed) -> Interval {
        let start = self.last_cut;
        self.last_cut = now.max(start);
        let mut series = BTreeMap::new();
        let shared = Arc::clone(&self.shared);
        for shard in &shared.shards {
            mem::swap(&mut *shard.lock(), &mut self.spare);
            self.drain_spare(&mut series);
        }
        for (labels, added) in &series {
            self.totals.add(labels, added);
        }
        self.totals.panics = shared.panics.load(Ordering::Relaxed);
        self.totals.dropped_iterations = shared.dropped.load(Ordering::Relaxed);
        self.totals.interrupted_iterations = shared.interrupted.load(Ordering::Relaxed);

        let mut interval = Interval::new(micros(start), micros(self.last_cut) - micros(start), series);
        interval.second.phase = shared.timetable.phase(start);
        interval.second.users_planned = observed.users_planned;
        interval.second.gauges = Gauges { users: shared.active_users(), ..observed.gauges };
        interval.second.processes = observed.processes;
        interval
    }

    fn drain_spare(&mut self, series: &mut BTreeMap<super::Labels, super::Series>) {
        for (name, count) in self.shared.checks.iter().zip(&self.spare.checks) {
            self.totals.add_check(name, *count);
        }
        self.clamped += self.spare.clamped;
        let shared = &self.shared;
        self.spare.drain(|key, added| {
            series.entry(shared.labels(key)).or_default().merge(added);
        });
    }

    /// Everything up to the last cut.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Durations over one hour up to the last cut: they count as one hour.
    pub fn clamped(&self) -> u64 {
        self.clamped
    }
}
