//! What holds leads that are due, for the operator: in the log, in the answers, and in the store for `plimsoll queue ls`.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::state::{Service, VendorPipeline};
use crate::outcome::{PerVendor, Vendor};
use crate::resilience::store_faults::StoreFaults;
use crate::resilience::{Backlog, Held, HeldBy, HeldNote, UnixMillis};
use crate::store::LeadStore;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What is over sooner is not worth a line.
const SHORT_MS: u64 = 2_000;
/// How often it is written while something holds: whoever lists the store takes an older note for that of a process that is gone.
const WRITE_EVERY: Duration = Duration::from_secs(20);

/// Something that lets nothing through, as an operator reads it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    held: Held,
    text: String,
    to_end: String,
}

/// How what holds a vendor's operations can be ended.
pub(crate) fn to_end(vendor: Vendor, by: HeldBy) -> String {
    let reset = |fields: &str| format!("POST /admin/breakers/{vendor} {{{fields}\"mode\":\"reset\"}} ends it now");
    match by {
        HeldBy::CircuitBreaker | HeldBy::ForcedOpen => reset(""),
        HeldBy::CreditBudget => reset("\"guard\":\"credit_budget\","),
        HeldBy::CreditsRefused => format!("with new credits at the vendor, {}", reset("\"guard\":\"credit_budget\",")),
        HeldBy::CreditsUsedUp => format!("a higher `resilience.{vendor}.credits.daily_limit` and a restart end it now"),
        HeldBy::CreditsSetAside => "callbacks end it, or midnight".to_owned(),
        HeldBy::RateLimiter => format!("a higher `resilience.{vendor}.limiter.rate` ends it"),
        HeldBy::Pause | HeldBy::RetryWait => "it ends by itself".to_owned(),
    }
}

impl<S: LeadStore> Service<S> {
    /// What holds each vendor's operations now.
    pub(super) async fn held(&self) -> PerVendor<Vec<Shown>> {
        let mut shown = PerVendor::from_fn(|_| Vec::new());
        for (vendor, pipeline) in self.pipelines.iter() {
            let show = |held: Held| Shown { held, text: held.to_string(), to_end: to_end(vendor, held.by) };
            shown[vendor] = pipeline.held().await.into_iter().map(show).collect();
        }
        shown
    }
}

/// Logs and writes what begins to hold, for as long as it is polled.
pub(super) async fn watch<S: LeadStore>(service: Arc<Service<S>>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = PerVendor::from_fn(|_| None);
    loop {
        ticks.tick().await;
        for (vendor, pipeline) in service.pipelines.iter() {
            note::<S>(vendor, pipeline, service.now(), &mut written[vendor], &service.store_faults).await;
            service.note_standstill(vendor, pipeline).await;
        }
    }
}

impl<S: LeadStore> Service<S> {
    /// Looks whether a queue moves; what it finds is a reason not to be ready, and a line in the log when it begins and ends.
    async fn note_standstill(&self, vendor: Vendor, pipeline: &VendorPipeline<S>) {
        let still = pipeline.standstill().await;
        let name = vendor.display_name();
        let most = pipeline.longest_standstill().as_secs();
        let found = still.map(|_| {
            format!("nothing has been taken from the queue of {name} for more than {most} s, although operations are due and nothing holds them")
        });
        let mut known = self.standstill.lock();
        match (&known[vendor], &found) {
            (None, Some(found)) => log::error!("{found}: look into the log for errors of the store, and restart the service"),
            (Some(_), None) => log::warn!("the queue of {name} moves again"),
            _ => {}
        }
        known[vendor] = found;
    }
}

/// What was written last, and when.
type Written = Option<(Vec<Held>, Instant)>;

async fn note<S: LeadStore>(
    vendor: Vendor,
    pipeline: &VendorPipeline<S>,
    now: UnixMillis,
    written: &mut Written,
    faults: &StoreFaults,
) {
    let mut held = pipeline.held().await;
    // What waits for its next attempt is in the store anyway.
    held.retain(|held| held.by != HeldBy::RetryWait && held.until.is_none_or(|until| until > now + SHORT_MS));
    let (before, age) = written.as_ref().map_or((&[][..], Duration::MAX), |(before, at)| (before, at.elapsed()));
    let news: Vec<&Held> = held.iter().filter(|held| !before.iter().any(|before| is_same(before, held))).collect();
    for new in news.iter().filter(|new| new.by != HeldBy::RateLimiter) {
        log::warn!("{}: nothing is sent: {new}; {}", vendor.display_name(), to_end(vendor, new.by));
    }
    let is_due = if held.is_empty() { age == Duration::MAX } else { age >= WRITE_EVERY };
    if is_due || !news.is_empty() || before.len() != held.len() {
        if let Err(error) = pipeline.backlog().keep_held(&HeldNote { at: now, held: held.clone() }).await {
            faults.note("what holds the operations is not written", &error);
        }
        *written = Some((held, Instant::now()));
    }
}

/// Whether it is the same that held before, for no longer than a second more.
fn is_same(before: &Held, held: &Held) -> bool {
    before.by == held.by && held.until.unwrap_or(0) < before.until.unwrap_or(0) + 1_000
}
