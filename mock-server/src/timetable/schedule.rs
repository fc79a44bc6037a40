//! Which fault begins or ends next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::state::{FaultPhase, FaultState};
use crate::duration::micros;
use crate::fault::Fault;

/// Faults by hand that are over and still listed. Older ones are forgotten, for memory has to stay flat.
const KEPT_OVER: usize = 100;

/// Every fault and where it is in its life.
pub(super) struct Schedule {
    pub(super) zero: Option<Instant>,
    entries: Vec<Entry>,
    next_index: usize,
    /// Counts changes, so that a caller can wait until its own is done.
    pub(super) revision: u64,
}

struct Entry {
    fault: Arc<Fault>,
    /// Its place in the timetable; faults by hand come after it, in the order in which they were added.
    index: usize,
    by_hand: bool,
    /// `None` while that is not known.
    begins: Option<Instant>,
    /// `None` while that is not known, or until it is removed.
    ends: Option<Instant>,
    phase: FaultPhase,
    hits: Arc<AtomicU64>,
}

/// A fault begins or ends.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) fault: Arc<Fault>,
    pub(super) index: usize,
    pub(super) begins: bool,
    pub(super) due: Instant,
    pub(super) hits: Arc<AtomicU64>,
}

impl Schedule {
    /// The timetable, not started.
    pub(super) fn new(timetable: Vec<Fault>) -> Self {
        let entries: Vec<Entry> =
            timetable.into_iter().enumerate().map(|(index, fault)| Entry::new(fault, index, false)).collect();
        Self { zero: None, next_index: entries.len(), entries, revision: 0 }
    }

    /// Starts the timetable's clock; `false` where it had been started before.
    pub(super) fn start(&mut self, zero: Instant) -> bool {
        if self.zero.is_some() {
            return false;
        }
        self.zero = Some(zero);
        self.entries.iter_mut().filter(|entry| !entry.by_hand).for_each(|entry| entry.schedule(zero));
        self.revision += 1;
        true
    }

    /// Adds a fault by hand, whose times count from `now`.
    pub(super) fn add(&mut self, fault: Fault, now: Instant) {
        let mut entry = Entry::new(fault, self.next_index, true);
        entry.schedule(now);
        self.next_index += 1;
        self.entries.push(entry);
        self.forget();
        self.revision += 1;
    }

    /// Whether a fault of this name is scheduled or active.
    pub(super) fn lives(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.lives() && entry.fault.name == name)
    }

    /// How many faults are scheduled or active.
    pub(super) fn living(&self) -> usize {
        self.entries.iter().filter(|entry| entry.lives()).count()
    }

    /// Ends at `now` what is active of those chosen by the fault and by whether it was added by hand, and leaves out what is
    /// scheduled. Returns whether there were any.
    pub(super) fn remove(&mut self, now: Instant, chosen: impl Fn(&Fault, bool) -> bool) -> bool {
        let mut any = false;
        for entry in self.entries.iter_mut().filter(|entry| entry.lives() && chosen(&entry.fault, entry.by_hand)) {
            any = true;
            match entry.phase {
                FaultPhase::Active => entry.ends = Some(entry.ends.map_or(now, |ends| ends.min(now))),
                _ => entry.phase = FaultPhase::Over,
            }
        }
        self.revision += u64::from(any);
        any
    }

    /// The next begin or end. At one time, ends come before begins, so that an outage that follows another at once is not cut
    /// short by the first one's end.
    pub(super) fn next(&self) -> Option<Step> {
        self.entries.iter().filter_map(Entry::next).min_by_key(|step| (step.due, step.begins, step.index))
    }

    /// Whether a fault is still to begin at `now`: its time may have passed, and it may just have been removed. From here on it
    /// counts as active, so that one which is removed before it is in force everywhere ends after that, and does not stay.
    pub(super) fn begin(&mut self, step: &Step, now: Instant) -> bool {
        let Some(entry) = self.entry(step.index).filter(|entry| entry.phase == FaultPhase::Scheduled) else { return false };
        let has_passed = entry.ends.is_some_and(|ends| ends <= now);
        entry.phase = if has_passed { FaultPhase::Over } else { FaultPhase::Active };
        !has_passed
    }

    /// Notes that a fault is no longer in force.
    pub(super) fn ended(&mut self, step: &Step) {
        if let Some(entry) = self.entry(step.index) {
            entry.phase = FaultPhase::Over;
        }
    }

    /// Every fault as it stands at `now`, the timetable's first.
    pub(super) fn list(&self, now: Instant) -> Vec<FaultState> {
        self.entries.iter().map(|entry| entry.state(now)).collect()
    }

    fn entry(&mut self, index: usize) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.index == index)
    }

    fn forget(&mut self) {
        let is_over = |entry: &Entry| entry.by_hand && !entry.lives();
        let mut surplus = self.entries.iter().filter(|entry| is_over(entry)).count().saturating_sub(KEPT_OVER);
        self.entries.retain(|entry| {
            let goes = surplus > 0 && is_over(entry);
            surplus -= usize::from(goes);
            !goes
        });
    }
}

impl Entry {
    fn new(fault: Fault, index: usize, by_hand: bool) -> Self {
        let phase = FaultPhase::Scheduled;
        Self { fault: Arc::new(fault), index, by_hand, begins: None, ends: None, phase, hits: Arc::default() }
    }

    /// Times that the clock cannot represent never come.
    fn schedule(&mut self, zero: Instant) {
        self.begins = zero.checked_add(self.fault.at);
        self.ends = self.begins.zip(self.fault.lasts).and_then(|(begins, lasts)| begins.checked_add(lasts));
    }

    fn lives(&self) -> bool {
        self.phase != FaultPhase::Over
    }

    fn next(&self) -> Option<Step> {
        let (due, begins) = match self.phase {
            FaultPhase::Scheduled => (self.begins?, true),
            FaultPhase::Active => (self.ends?, false),
            FaultPhase::Over => return None,
        };
        Some(Step { fault: self.fault.clone(), index: self.index, begins, due, hits: self.hits.clone() })
    }

    fn state(&self, now: Instant) -> FaultState {
        let until =
            |time: Option<Instant>, known: bool| time.filter(|_| known).map(|time| micros(time.saturating_duration_since(now)));
        FaultState {
            fault: Fault::clone(&self.fault),
            phase: self.phase,
            by_hand: self.by_hand,
            begins_in_us: until(self.begins, self.phase == FaultPhase::Scheduled),
            ends_in_us: until(self.ends, self.lives()),
            hits: self.hits.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    fn one() -> (Schedule, Step, Instant) {
        let (mut schedule, now) = (Schedule::new(Vec::new()), Instant::now());
        schedule.add(Fault::new("f", FaultKind::Hang), now);
        let step = schedule.next().unwrap();
        (schedule, step, now)
    }

    #[test]
    fn what_is_removed_while_it_begins_ends() {
        let (mut schedule, step, now) = one();
        assert!(schedule.begin(&step, now));
        assert!(schedule.remove(now, |_, _| true));
        let end = schedule.next().unwrap();
        assert_eq!((end.begins, end.due, end.index), (false, now, step.index));
        schedule.ended(&end);
        assert!(schedule.next().is_none() && !schedule.lives("f"));
    }

    #[test]
    fn what_is_removed_just_before_it_begins_does_not() {
        let (mut schedule, step, now) = one();
        assert!(schedule.remove(now, |_, _| true));
        assert!(!schedule.begin(&step, now));
        assert!(schedule.next().is_none() && !schedule.lives("f"));
    }
}
