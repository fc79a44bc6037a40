//! What a workspace remembers: rows, runs, credits, and what is to be sent back.
//!
//! Rows have no timers. What is due is settled on every access (a submission, a query, the task that makes
//! callbacks), in the order of the times at which it was due, so that credits are charged as if each had been on time.
//!
//! Memory is bounded: beyond a number of bytes the oldest row goes. If it has not been enriched by then, it is enriched on the
//! spot, so that no charge and no callback is lost with it; what was forgotten is counted.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::api_limit::ApiLimit;
use super::callback::{Callback, Outbox};
use super::credits::Account;
use super::row::{Kept, Origin, RowStatus};
use crate::bucket::TokenBucket;
use crate::limit::RateLimit;
use crate::simulated::clay::settings::ClaySettings;
use crate::simulated::seen::Seen;

/// Values of that column that are remembered: ten times what a webhook source takes in its life, in about 25 MB. Beyond them
/// the oldest are forgotten. Of half a million, two share a hash with a probability of one in a hundred million.
const MOST_SEEN: usize = 500_000;

/// The state behind the lock.
pub(super) struct Workspace {
    /// When it began.
    pub(super) start: Instant,
    /// Submissions that each source has used up.
    pub(super) used: Vec<u64>,
    /// The limit on webhook submissions, on the clock since `start`.
    pub(super) limit: Option<TokenBucket>,
    /// The public API's limit, on the same clock.
    pub(super) api_limit: Option<ApiLimit>,
    pub(super) account: Account,
    pub(super) outbox: Outbox,
    /// Hashes of the values of the column that must be unique in a table: a client that got no answer sends its row again, and
    /// Clay's auto-dedupe removes rows that have the same value in one column.
    pub(super) seen: Seen<u64>,
    rows: VecDeque<Kept>,
    /// The number of the oldest row that is kept.
    first: u64,
    /// The number of the first row that was added.
    base: u64,
    /// Rows that are not at their end, the next due first.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Rows that are not at their end and have a callback.
    awaited: u64,
    runs: VecDeque<Run>,
    first_run: u64,
    bytes: usize,
    budget: usize,
    /// Rows that were forgotten before they were due.
    pub(super) hurried: u64,
}

/// A routine's run. Its rows are the items, in one stretch.
pub(super) struct Run {
    pub(super) routine: Box<str>,
    /// A hash of its items, by which faults choose.
    pub(super) identity: u64,
    pub(super) first_row: u64,
    pub(super) total: u64,
    pub(super) finished: u64,
    /// The number of the webhook that gets a notice of the end.
    pub(super) webhook: Option<usize>,
    /// When the last item was at its end.
    pub(super) ended: Option<Instant>,
}

/// Makes the callback of a row that is at its end, or of a run whose last row is.
pub(super) trait Notices {
    /// The callback of a row; `None` where it has nowhere to go.
    fn of_row(&self, number: u64, row: &Kept) -> Option<Callback>;
    /// The callback of a run; `None` where it names no webhook.
    fn of_run(&self, number: u64, run: &Run) -> Option<Callback>;
}

impl Workspace {
    pub(super) fn new(settings: &ClaySettings, sources: usize, now: Instant) -> Self {
        Self::after((0, 0), settings, sources, now)
    }

    /// An empty one whose rows and runs are numbered on from those of this one, so that no id means two things.
    pub(super) fn renewed(&self, settings: &ClaySettings, now: Instant) -> Self {
        let runs = self.first_run + self.runs.len() as u64;
        Self::after((self.next_row(), runs), settings, self.used.len(), now)
    }

    fn after((first, first_run): (u64, u64), settings: &ClaySettings, sources: usize, now: Instant) -> Self {
        Self {
            start: now,
            used: vec![0; sources],
            account: Account::new(&settings.credits, now),
            outbox: Outbox::new(settings.callbacks.queue, settings.store_bytes),
            seen: Seen::new(Duration::MAX, MOST_SEEN),
            limit: settings.rate_limit.map(|RateLimit { rate, burst }| TokenBucket::new(rate, burst)),
            api_limit: settings.public_api.rate_limit.map(ApiLimit::new),
            rows: VecDeque::new(),
            first,
            base: first,
            due: BinaryHeap::new(),
            awaited: 0,
            runs: VecDeque::new(),
            first_run,
            bytes: 0,
            budget: settings.store_bytes,
            hurried: 0,
        }
    }

    /// Brings every row that was due by `now` to its end.
    pub(super) fn settle(&mut self, now: Instant, notices: &impl Notices) {
        while let Some(&Reverse((due, number))) = self.due.peek().filter(|Reverse((due, _))| *due <= now) {
            self.due.pop();
            self.finish(number, due, notices);
        }
    }

    /// When the next row with a callback is due, or one before it.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.peek().filter(|_| self.awaited > 0).map(|Reverse((due, _))| *due)
    }

    /// Adds a row. Returns its number.
    pub(super) fn add(&mut self, row: Kept, notices: &impl Notices) -> u64 {
        let number = self.next_row();
        // Within the bounds of the settings, no sum of times comes near the end of the clock.
        let (now, due) = (row.at, row.at.checked_add(row.outcome.takes).unwrap_or(row.at));
        self.bytes += row.bytes();
        self.awaited += u64::from(self.is_awaited(&row));
        self.rows.push_back(row);
        self.due.push(Reverse((due, number)));
        while self.bytes > self.budget && self.rows.len() > 1 {
            self.forget_oldest(now, notices);
        }
        number
    }

    /// Begins a run of so many rows, which are to be added next. Returns its number.
    pub(super) fn begin_run(&mut self, routine: &str, identity: u64, total: u64, webhook: Option<usize>) -> u64 {
        let first_row = self.next_row();
        self.bytes += run_bytes(routine);
        self.runs.push_back(Run { routine: routine.into(), identity, first_row, total, finished: 0, webhook, ended: None });
        self.first_run + self.runs.len() as u64 - 1
    }

    /// The rows that are kept, with their numbers.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, &Kept)> {
        (self.first..).zip(&self.rows)
    }

    pub(super) fn row(&self, number: u64) -> Option<&Kept> {
        self.rows.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The runs that are kept, with their numbers.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u64, &Run)> {
        (self.first_run..).zip(&self.runs)
    }

    pub(super) fn run(&self, number: u64) -> Option<&Run> {
        self.runs.get(usize::try_from(number.checked_sub(self.first_run)?).ok()?)
    }

    /// Rows that were ever added.
    pub(super) fn rows_ever(&self) -> u64 {
        self.next_row() - self.base
    }

    /// Rows that are kept.
    pub(super) fn rows_kept(&self) -> usize {
        self.rows.len()
    }

    /// Rows that were forgotten.
    pub(super) fn forgotten(&self) -> u64 {
        self.first - self.base
    }

    /// Whether all rows of a run are kept.
    pub(super) fn is_whole(&self, run: &Run) -> bool {
        run.first_row >= self.first
    }

    /// Credits that rows on their way will be charged, if there are enough then.
    pub(super) fn due_credits(&self) -> u64 {
        self.rows.iter().filter(|row| row.end.is_none()).map(|row| u64::from(row.outcome.credits)).sum()
    }

    fn next_row(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    fn is_awaited(&self, row: &Kept) -> bool {
        row.callback.is_some() || self.webhook_of(&row.origin).is_some()
    }

    fn webhook_of(&self, origin: &Origin) -> Option<usize> {
        if let Origin::Item { run, .. } = origin { self.run(*run)?.webhook } else { None }
    }

    fn finish(&mut self, number: u64, when: Instant, notices: &impl Notices) {
        let Some(row) = number.checked_sub(self.first).and_then(|index| self.rows.get_mut(usize::try_from(index).ok()?)) else {
            // It was forgotten, and finished then.
            return;
        };
        row.end = Some(match row.outcome.provider {
            None => RowStatus::NotFound,
            Some(_) if self.account.charge(row.outcome.credits, when) => RowStatus::Enriched,
            Some(_) => RowStatus::OutOfCredits,
        });
        if let Some(callback) = notices.of_row(number, row) {
            self.outbox.add(callback);
        }
        let (origin, has_callback) = (row.origin.clone(), row.callback.is_some());
        self.awaited -= u64::from(has_callback || self.webhook_of(&origin).is_some());
        if let Origin::Item { run, .. } = origin {
            self.finish_item(run, when, notices);
        }
    }

    fn finish_item(&mut self, number: u64, when: Instant, notices: &impl Notices) {
        let index = number.checked_sub(self.first_run).and_then(|index| usize::try_from(index).ok());
        let Some(run) = index.and_then(|index| self.runs.get_mut(index)) else { return };
        run.finished += 1;
        if run.finished == run.total {
            run.ended = Some(when);
            if let Some(callback) = notices.of_run(number, run) {
                self.outbox.add(callback);
            }
        }
    }

    fn forget_oldest(&mut self, now: Instant, notices: &impl Notices) {
        let number = self.first;
        if self.rows.front().is_some_and(|row| row.end.is_none()) {
            self.finish(number, now, notices);
            self.hurried += 1;
        }
        if let Some(row) = self.rows.pop_front() {
            self.bytes -= row.bytes();
            self.first += 1;
        }
        // A run goes with the last of its rows.
        while let Some(run) = self.runs.front().filter(|run| run.first_row + run.total <= self.first) {
            self.bytes -= run_bytes(&run.routine);
            self.runs.pop_front();
            self.first_run += 1;
        }
        // Places in the queue of rows that are gone are not worth more memory than the rows themselves.
        if self.due.len() > 2 * self.rows.len() + 1024 {
            let first = self.first;
            self.due.retain(|Reverse((_, number))| *number >= first);
        }
    }
}

fn run_bytes(routine: &str) -> usize {
    size_of::<Run>() + routine.len()
}
