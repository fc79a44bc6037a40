//! The vendors' ledger in one pass: everything that expectations ask of it, in memory that grows by some bytes a request.
//!
//! A million entries are 400 MB of text. Of each request the time of its arrival is kept (8 bytes), of each operation two
//! hashes; the rest is counted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use mock_server::ledger::{Entry, Sent};
use mock_server::simulated::Effect;
use thiserror::Error;

use super::no_call_before::Bars;
use crate::journal::{JournalError, JournalReader, Line};
use crate::outcome::{FailureKind, Route, Vendor};
use crate::units::micros;

/// What may be repeated without a second effect: a customer's attributes are set, not added.
const IDEMPOTENT_EFFECT: &str = "customer.identified";

/// Keys of duplicates that are named.
const EXAMPLES: usize = 3;

/// How long a request or an answer may be in transit, beyond what the clocks differ by, before it counts as a mistake: the
/// sender could not know better.
pub(super) const ON_THE_WAY: Duration = Duration::from_millis(50);

/// Why a ledger says nothing.
#[derive(Debug, Error)]
#[error("{}", said(.0))]
pub struct FactsError(#[from] JournalError);

fn said(error: &JournalError) -> String {
    match error {
        JournalError::Read { path, source } => format!("{} cannot be read: {source}", path.display()),
        JournalError::Line { path, line, problem, .. } => {
            format!("{}, line {line}, is not a ledger entry: {problem}", path.display())
        }
    }
}

/// How the ledger's clock and the load's go together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerClock {
    /// What the ledger's clock showed when the load's was zero, in microseconds.
    pub zero_us: i64,
    /// By how much that may be wrong, either way.
    pub skew: Duration,
}

impl LedgerClock {
    /// A time of the ledger's on the load's clock; what was before the load is at its start.
    fn on_load(self, at_us: u64) -> u64 {
        u64::try_from(i64::try_from(at_us).unwrap_or(i64::MAX).saturating_sub(self.zero_us)).unwrap_or(0)
    }

    /// How late an arrival may be without having been sent late.
    pub(super) fn tolerance_us(self) -> u64 {
        micros(ON_THE_WAY + self.skew)
    }
}

/// What the vendors' ledger says of a run.
#[derive(Debug, Clone, Default)]
pub struct VendorFacts {
    /// Entries that were read.
    pub entries: u64,
    /// Entries that the ledger says are missing from it.
    pub missed: u64,
    /// Why it is not whole, if so.
    pub flaw: Option<String>,
    /// By vendor.
    pub vendors: BTreeMap<Vendor, OneVendor>,
    /// What it attributes to each fault, by the fault's name and the vendor.
    pub faulted: BTreeMap<(String, Vendor), Faulted>,
    /// How times were put on the load's clock.
    pub clock: LedgerClock,
}

/// Requests that a fault did something to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faulted {
    /// All of them.
    pub requests: u64,
    /// Those that got no whole answer, or a status from 400.
    pub failed: u64,
}

/// What the ledger says of one vendor.
#[derive(Debug, Clone, Default)]
pub struct OneVendor {
    /// When each request arrived, in microseconds of the load, in order.
    pub arrivals: Vec<u64>,
    /// Requests that carried an operation's key.
    pub attempts: u64,
    /// Different keys that they carried.
    pub operations: u64,
    /// Effects.
    pub effects: u64,
    /// Effects of different operations.
    pub distinct_effects: u64,
    /// Effects of an operation that had the same effect before; those that change nothing a second time do not count.
    pub duplicates: u64,
    /// Keys of some of them.
    pub duplicate_keys: Vec<String>,
    /// Effects that neither a key nor a name distinguishes from others.
    pub nameless_effects: u64,
    /// Credits that the effects cost.
    pub credits: u64,
    /// Credits that the effects of different operations cost.
    pub distinct_credits: u64,
    /// 429s that said when to come back.
    pub refusals: u64,
    /// Requests that came before that, to the same route.
    pub early: u64,
    /// The first of them: when it arrived, and until when it had been asked to wait.
    pub first_early: Option<(u64, u64)>,
}

impl OneVendor {
    /// Requests that arrived from `from_us` to before `to_us`.
    pub(super) fn arrived(&self, from_us: u64, to_us: u64) -> u64 {
        let before = |time: u64| self.arrivals.partition_point(|arrival| *arrival < time);
        before(to_us).saturating_sub(before(from_us)) as u64
    }
}

/// What is remembered during the pass only.
#[derive(Default)]
struct Seen {
    keys: HashSet<u64>,
    effects: HashSet<u64>,
    bars: HashMap<String, Bars>,
}

impl VendorFacts {
    /// Reads a ledger's file, from its beginning to its end.
    ///
    /// # Errors
    /// When it cannot be read, or a line of it is no entry.
    pub fn read(path: &Path, clock: LedgerClock) -> Result<Self, FactsError> {
        let mut facts = Self { clock, ..Self::default() };
        let mut seen = BTreeMap::<Vendor, Seen>::new();
        let mut lines = JournalReader::<Entry, _>::open(path)?;
        for line in lines.by_ref() {
            match line? {
                (_, Line::Missed(missed)) => facts.missed += missed,
                (_, Line::Entry(entry)) => facts.take(&entry, &mut seen),
            }
        }
        facts.flaw = lines.flaws().into_iter().next();
        for one in facts.vendors.values_mut() {
            // Entries are in the order in which requests ended.
            one.arrivals.sort_unstable();
        }
        Ok(facts)
    }

    fn take(&mut self, line: &Entry, seen: &mut BTreeMap<Vendor, Seen>) {
        self.entries += 1;
        let vendor = Vendor::from(line.vendor);
        for fault in &line.actual {
            let faulted = self.faulted.entry((fault.to_string(), vendor)).or_default();
            faulted.requests += 1;
            faulted.failed += u64::from(line.sent != Sent::Whole || line.status.is_none_or(|status| is_failure(line, status)));
        }
        self.vendors.entry(vendor).or_default().take(line, seen.entry(vendor).or_default(), self.clock);
    }

    /// Of both vendors together.
    pub(super) fn sum(&self, read: impl Fn(&OneVendor) -> u64) -> u64 {
        self.vendors.values().map(read).sum()
    }

    /// Why it cannot be relied on, if so.
    pub(super) fn gap(&self) -> Option<String> {
        match (self.entries, self.missed) {
            (_, missed) if missed > 0 => Some(format!("{missed} entries are missing from the vendors' ledger")),
            (0, _) => Some("the vendors' ledger has no entry".to_owned()),
            _ => self.flaw.as_ref().map(|flaw| format!("the vendors' ledger {flaw}")),
        }
    }
}

impl OneVendor {
    fn take(&mut self, line: &Entry, seen: &mut Seen, clock: LedgerClock) {
        let arrival = clock.on_load(line.at_us);
        self.arrivals.push(arrival);
        if let Some(key) = &line.idempotency_key {
            self.attempts += 1;
            self.operations += u64::from(seen.keys.insert(hash(key)));
        }
        for effect in &line.effects {
            self.take_effect(line, effect, seen);
        }
        self.take_pause(line, arrival, seen, clock);
    }

    fn take_effect(&mut self, line: &Entry, effect: &Effect, seen: &mut Seen) {
        self.effects += 1;
        self.credits += u64::from(effect.credits);
        // A service that sends no key has to have a user of its own for each lead.
        let name = line.idempotency_key.as_ref().unwrap_or(&effect.subject);
        if name.is_empty() {
            self.nameless_effects += 1;
            return;
        }
        if seen.effects.insert(hash(&(&effect.what, name))) {
            self.distinct_effects += 1;
            self.distinct_credits += u64::from(effect.credits);
        } else if effect.what != IDEMPOTENT_EFFECT {
            self.duplicates += 1;
            if self.duplicate_keys.len() < EXAMPLES {
                self.duplicate_keys.push(name.chars().take(16).collect());
            }
        }
    }

    /// Whether it came too early after a 429, and whether it was answered by one itself.
    fn take_pause(&mut self, line: &Entry, arrival: u64, seen: &mut Seen, clock: LedgerClock) {
        // Without the clone, a line's route would have to live as long as the whole.
        if let Some(until) = seen.bars.get(&*line.route).and_then(|bars| bars.barred(arrival, clock.tolerance_us())) {
            self.early += 1;
            self.first_early.get_or_insert((arrival, until));
        }
        if line.status == Some(429)
            && let Some(wait) = line.retry_after_us.filter(|wait| *wait > 0)
        {
            self.refusals += 1;
            let end = arrival.saturating_add(line.took_us);
            if let Some(bars) = seen.bars.get_mut(&*line.route) {
                bars.add(end, end.saturating_add(wait));
            } else {
                seen.bars.entry(line.route.to_string()).or_default().add(end, end.saturating_add(wait));
            }
        }
    }
}

/// Whether the status is a failure by the route of the request.
fn is_failure(line: &Entry, status: u16) -> bool {
    let route = Route::all().find(|route| route.name == line.route);
    route.map_or_else(|| FailureKind::of_status(status), |route| route.failure_of(status)).is_some()
}

fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
