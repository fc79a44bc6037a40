//! Faults in force: which requests and callbacks they hit, and in which order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::definition::Fault;
use super::effect::{Effect, Moment, Verdict, WebhookFault};
use super::kind::FaultKind;
use super::outage::Outage;
use super::ramp::Ramp;
use super::share::Share;
use super::words::KindName;
use crate::seed::Seed;
use crate::simulated::{Request, SimulatedVendor, Vendor};
use crate::wire::Script;

/// A fault of one vendor, from its start to its end.
pub(crate) struct ActiveFault {
    /// Its name, for the ledger.
    pub(crate) name: Arc<str>,
    fault: Fault,
    effect: Box<dyn Effect>,
    /// Requests in scope so far, for `every`.
    seen: AtomicU64,
    share: Share,
    /// What the share grows and shrinks by; `None` where it does not.
    ramp: Option<Ramp>,
    rank: (KindName, usize),
    hits: Arc<AtomicU64>,
}

impl ActiveFault {
    /// Of `vendor`, in force since `began`. `index` is its place in the timetable.
    pub(crate) fn begin(fault: &Fault, index: usize, seed: Seed, vendor: SimulatedVendor, began: Instant) -> Self {
        let is_ramped = !(fault.ramp_up.is_zero() && fault.ramp_down.is_zero());
        Self {
            name: fault.name.as_str().into(),
            fault: fault.clone(),
            effect: fault.effect(seed, vendor, began),
            seen: AtomicU64::new(0),
            share: Share::new(fault.share, seed, &fault.name),
            ramp: (is_ramped && !fault.kind.word().facts().ramps_in_size).then(|| fault.ramp(began)),
            rank: (fault.kind.word(), index),
            hits: Arc::default(),
        }
    }

    /// Whether it may answer a request, or close its connection, in the vendor's place. What never does is also put before
    /// requests that another fault has ended.
    pub(crate) fn may_end(&self) -> bool {
        self.fault.kind.may_end()
    }

    /// The same, counting what it hits together with others.
    pub(crate) fn counting(self, hits: Arc<AtomicU64>) -> Self {
        Self { hits, ..self }
    }

    /// What is to happen to a request; [`Verdict::Pass`] where it is not in scope or not chosen.
    pub(crate) fn judge(&self, vendor: &dyn Vendor, route: &str, request: &Request<'_>, moment: Moment) -> Verdict {
        let is_hit =
            self.is_in_scope(vendor, route, request) && self.is_in_turn() && self.share.hits(request, self.strength(moment.now));
        if !is_hit {
            return Verdict::Pass;
        }
        let verdict = self.effect.judge(vendor, request, moment);
        if !matches!(verdict, Verdict::Pass) {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        verdict
    }

    /// Alters the answer of a request that was judged [`Verdict::Wire`]. Returns whether there was anything to alter.
    pub(crate) fn alter(&self, script: &mut Script, now: Instant) -> bool {
        self.effect.alter(script, now)
    }

    fn callback_fault(&self, identity: &[u8], now: Instant) -> Option<WebhookFault> {
        let fault = self.effect.callback_fault()?;
        let is_hit = self.is_in_turn() && self.share.hits_identity(identity, self.strength(now));
        is_hit.then(|| {
            self.hits.fetch_add(1, Ordering::Relaxed);
            fault
        })
    }

    fn is_in_scope(&self, vendor: &dyn Vendor, route: &str, request: &Request<'_>) -> bool {
        let is_route = self.fault.routes.is_empty() || self.fault.routes.iter().any(|named| named == route);
        is_route
            && (self.fault.customers.is_empty()
                || vendor
                    .subject(request)
                    .is_some_and(|subject| self.fault.customers.iter().any(|named| is_same_customer(named, &subject))))
    }

    /// Whether it is the nth in scope, where only every nth is hit.
    fn is_in_turn(&self) -> bool {
        self.fault.every.is_none_or(|every| (self.seen.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(u64::from(every)))
    }

    fn strength(&self, now: Instant) -> f64 {
        self.ramp.map_or(1.0, |ramp| ramp.strength(now))
    }
}

/// Whether two identifiers name one customer. Customer.io finds an address in any case, and a row of Clay leads to the same
/// person.
fn is_same_customer(one: &str, other: &str) -> bool {
    one == other || (one.contains('@') && one.to_lowercase() == other.to_lowercase())
}

#[cfg(test)]
impl ActiveFault {
    /// A fault of every request that does what a test wants.
    pub(crate) fn of_effect(name: &str, effect: Box<dyn Effect>) -> Self {
        let stand_in = Fault::new(name, FaultKind::Hang);
        let fault = Self::begin(&stand_in, 0, Seed(1), SimulatedVendor::Clay, Instant::now());
        Self { effect, ..fault }
    }
}

/// The active faults of one vendor in the order in which they compose.
#[derive(Clone, Default)]
pub(crate) struct ActiveFaults(pub(crate) Arc<[Arc<ActiveFault>]>);

impl ActiveFaults {
    /// Whether connections are refused.
    pub(crate) fn refuse_connections(&self) -> bool {
        self.0.iter().any(|active| active.fault.kind == FaultKind::Outage { how: Outage::Refuse })
    }

    /// Whether a connection that has been accepted is to be closed at once; then it counts as a hit.
    pub(crate) fn drops_connection(&self) -> bool {
        let dropping = self.0.iter().filter(|active| active.fault.kind == FaultKind::Outage { how: Outage::Drop });
        dropping.inspect(|fault| _ = fault.hits.fetch_add(1, Ordering::Relaxed)).count() > 0
    }

    /// The faults that close open connections as they begin, by name.
    pub(crate) fn closing(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().filter(|active| active.fault.kind.is_of_connections()).map(|fault| &fault.name)
    }

    /// The keys that the vendor accepts beside its own.
    pub(crate) fn new_keys(&self) -> Vec<String> {
        self.0.iter().filter_map(|fault| fault.effect.new_key()).map(|key| key.0.clone()).collect()
    }

    /// The faults that hit a callback. Of equal `identity` (its row, say) and seed, the same ones are hit.
    pub(crate) fn judge_callback(&self, identity: &[u8], now: Instant) -> CallbackFaults {
        let hits = |fault: &Arc<ActiveFault>| Some((fault.name.clone(), fault.callback_fault(identity, now)?));
        CallbackFaults(self.0.iter().filter_map(hits).collect())
    }

    /// With one more.
    pub(crate) fn with(&self, fault: ActiveFault) -> Self {
        let mut faults = self.0.to_vec();
        faults.push(Arc::new(fault));
        faults.sort_by_key(|fault| fault.rank);
        Self(faults.into())
    }

    /// Without the one at this place of the timetable.
    pub(crate) fn without(&self, index: usize) -> Self {
        Self(self.0.iter().filter(|fault| fault.rank.1 != index).cloned().collect())
    }
}

/// The faults that hit one callback, by name, in the order of the timetable. All of them act on it, but one that is lost is
/// lost in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallbackFaults(pub(crate) Vec<(Arc<str>, WebhookFault)>);

impl CallbackFaults {
    /// Whether one of them does this.
    pub(crate) fn has(&self, what: WebhookFault) -> bool {
        self.0.iter().any(|(_, fault)| *fault == what)
    }

    /// How much later it comes.
    pub(crate) fn delay(&self) -> Duration {
        let late = |fault: &WebhookFault| if let WebhookFault::Late { by } = fault { *by } else { Duration::ZERO };
        self.0.iter().map(|(_, fault)| late(fault)).fold(Duration::ZERO, Duration::saturating_add)
    }
}
