//! Credit budget: a bad batch does not burn a month's credits in an afternoon.
//!
//! Every lead costs vendor credits, and a vendor that fails while it charges costs them for nothing. Counting credits after
//! the answer lets concurrent leads overspend together, so they are reserved before sending, settled when the effect
//! exists, and released otherwise. A breaker of its own stops spending after failures in a row; a success while closed
//! starts that row anew, and half-open lets one lead through, not all of them. The budget starts anew at midnight of a stated
//! offset; a 402 means that the vendor counts otherwise, and ends the day at once.
//!
//! A restart that forgets what was spent spends it again. So what may be spent is kept by the store *before* it is: a mark
//! that runs ahead of the credits by a block of leads, so that one write covers many. After a crash everything below the
//! mark counts as spent, which may waste a block and never overspends.

use std::time::Duration;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::event::{BreakerState, EventKind, Guard};

use super::breaker::{CallResult, Machine, Notice, Rejected};
use super::emitter::Emitter;
use super::limiter::LONGEST_PAUSE;
use super::queue::backlog::CreditState;
use super::settings::{BreakerSettings, CreditSettings};
use super::wall::DayClock;

/// Why nothing may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreditRefusal {
    /// The day's credits are used, reserved, or gone by the vendor's count.
    #[error("the daily credits are used up: {used} used and {reserved} reserved of {limit}")]
    Exhausted {
        /// Charged today.
        used: u64,
        /// Reserved by leads in flight.
        reserved: u64,
        /// The limit of a day.
        limit: u64,
        /// When it makes sense to ask again: the next day; `None` when a lead in flight may still release its share.
        retry_at: Option<Instant>,
    },
    /// The budget's breaker is open, or half-open with its one lead in flight.
    #[error("the credit budget is {}", state.as_str())]
    Open {
        /// The state.
        state: BreakerState,
        /// When the cool-down is over.
        retry_at: Option<Instant>,
    },
}

impl From<Rejected> for CreditRefusal {
    fn from(Rejected { state, retry_at }: Rejected) -> Self {
        Self::Open { state, retry_at }
    }
}

impl CreditRefusal {
    /// When it makes sense to ask again, where that is known.
    pub fn retry_at(&self) -> Option<Instant> {
        match *self {
            Self::Exhausted { retry_at, .. } | Self::Open { retry_at, .. } => retry_at,
        }
    }
}

/// The budget of one vendor.
#[derive(Debug)]
pub struct CreditBudget {
    settings: CreditSettings,
    clock: DayClock,
    emitter: Emitter,
    account: Mutex<Account>,
}

#[derive(Debug)]
struct Account {
    today: Today,
    reserved: u64,
    /// Charged since the start, over all days.
    total: u64,
    breaker: Machine,
}

#[derive(Debug, Default)]
struct Today {
    day: i64,
    used: u64,
    /// Credits that the store knows may be spent today, and whether it knows of the vendor's refusal.
    covered: u64,
    refusal_covered: bool,
    /// Today's end has been reported. After the vendor's 402, nothing more may be spent whatever the count is.
    announced: bool,
    refused_by_vendor: bool,
}

/// A breaker that opens on failures in a row and closes on the first lead that it lets through, however long that takes.
fn breaker(settings: &CreditSettings, now: Instant) -> Machine {
    let settings = BreakerSettings {
        failures: settings.failure_threshold,
        cooldown: settings.cooldown,
        half_open_permits: 1,
        success_threshold: 1,
        half_open_max: LONGEST_PAUSE.saturating_mul(36_525),
        ..BreakerSettings::default()
    };
    // Without jitter nothing is drawn.
    Machine::new(settings, ChaCha8Rng::seed_from_u64(0), now)
}

impl CreditBudget {
    /// A full budget, on the day that `clock` shows.
    pub fn new(settings: CreditSettings, clock: DayClock, emitter: Emitter, now: Instant) -> Self {
        let today = Today { day: clock.day(now, settings.utc_offset_minutes), ..Today::default() };
        let account = Account { today, reserved: 0, total: 0, breaker: breaker(&settings, now) };
        Self { settings, clock, emitter, account: Mutex::new(account) }
    }

    /// Reserves what one lead is expected to cost.
    ///
    /// # Errors
    /// When the day's credits are gone or the budget's breaker is open.
    pub fn reserve(&self, now: Instant) -> Result<Reservation<'_>, CreditRefusal> {
        let reserved = self.change(now, |account, events| self.try_reserve(account, now, events));
        reserved.map(|generation| Reservation { budget: self, generation, open: true })
    }

    fn try_reserve(&self, account: &mut Account, now: Instant, events: &mut Vec<EventKind>) -> Result<u64, CreditRefusal> {
        if let Some(refusal) = self.refusal(account, true, now) {
            if let CreditRefusal::Exhausted { retry_at, .. } = refusal {
                self.announce(account, retry_at.is_some(), events);
            }
            return Err(refusal);
        }
        let generation =
            account.breaker(events, |breaker, notices| breaker.acquire(now, notices)).map_err(CreditRefusal::from)?;
        account.reserved = account.reserved.saturating_add(self.settings.per_lead);
        Ok(generation)
    }

    /// Whether a reservation at `now` would be refused, and until when, without making one.
    pub fn would_refuse(&self, now: Instant) -> Option<CreditRefusal> {
        let account = self.account.lock();
        let today = account.today.day >= self.clock.day(now, self.settings.utc_offset_minutes);
        self.refusal(&account, today, now)
    }

    /// `today`: whether the account's day has not ended.
    fn refusal(&self, account: &Account, today: bool, now: Instant) -> Option<CreditRefusal> {
        let CreditSettings { per_lead, daily_limit: limit, utc_offset_minutes, .. } = self.settings;
        let used = if today { account.today.used } else { 0 };
        let spent = (today && account.today.refused_by_vendor) || used.saturating_add(per_lead) > limit;
        if spent || used.saturating_add(account.reserved).saturating_add(per_lead) > limit {
            let retry_at = spent.then(|| self.clock.next_day(now, utc_offset_minutes));
            return Some(CreditRefusal::Exhausted { used, reserved: account.reserved, limit, retry_at });
        }
        account.breaker.would_reject(now).map(CreditRefusal::from)
    }

    /// What the store must keep before anything more is sent; `None` when it knows enough. The mark runs ahead by a
    /// hundredth of a day's leads, at least one lead.
    pub fn uncovered(&self, now: Instant) -> Option<CreditState> {
        self.change(now, |account, _| {
            let at_stake = account.today.used.saturating_add(account.reserved);
            let known = at_stake <= account.today.covered && account.today.refused_by_vendor == account.today.refusal_covered;
            let CreditSettings { per_lead, daily_limit, .. } = self.settings;
            let block = per_lead.max(daily_limit / 100 / per_lead.max(1) * per_lead);
            let ahead = at_stake.saturating_add(block - per_lead).min(daily_limit).max(at_stake).max(account.today.covered);
            (!known).then_some(CreditState {
                day: account.today.day,
                spent: ahead,
                refused_by_vendor: account.today.refused_by_vendor,
            })
        })
    }

    /// The store keeps `state`.
    pub fn covered(&self, state: CreditState) {
        let mut account = self.account.lock();
        if account.today.day == state.day {
            account.today.covered = account.today.covered.max(state.spent);
            account.today.refusal_covered = state.refused_by_vendor;
        }
    }

    /// Counts as spent what an earlier life may have spent. A state of a later day than the clock shows (it was set back)
    /// makes that day begin now: no credit is given twice.
    pub fn restore(&self, state: CreditState, now: Instant) {
        self.change(now, |account, events| {
            if state.day >= account.today.day {
                account.today.day = state.day;
                account.today.used = account.today.used.max(state.spent);
                account.today.covered = account.today.covered.max(state.spent);
                account.today.refused_by_vendor |= state.refused_by_vendor;
                account.today.refusal_covered = account.today.refused_by_vendor;
                let spent = account.today.refused_by_vendor || self.is_spent(account);
                self.announce(account, spent, events);
            }
        });
    }

    fn is_spent(&self, account: &Account) -> bool {
        account.today.used.saturating_add(self.settings.per_lead) > self.settings.daily_limit
    }

    /// Credits charged since the start, over all days, and reserved now.
    pub fn counted(&self) -> u64 {
        let account = self.account.lock();
        account.total.saturating_add(account.reserved)
    }

    /// Credits charged today and reserved now.
    pub fn today(&self, now: Instant) -> (u64, u64) {
        let account = self.account.lock();
        let today = account.today.day >= self.clock.day(now, self.settings.utc_offset_minutes);
        (if today { account.today.used } else { 0 }, account.reserved)
    }

    /// The state of the budget's breaker.
    pub fn state(&self) -> BreakerState {
        self.account.lock().breaker.state()
    }

    fn close_reservation(&self, generation: u64, ending: Ending, now: Instant) {
        self.change(now, |account, events| {
            account.reserved = account.reserved.saturating_sub(self.settings.per_lead);
            if ending == Ending::Charged {
                account.today.used = account.today.used.saturating_add(self.settings.per_lead);
                account.total = account.total.saturating_add(self.settings.per_lead);
                let spent = self.is_spent(account);
                self.announce(account, spent, events);
            }
            if ending == Ending::RefusedByVendor {
                account.today.refused_by_vendor = true;
                self.announce(account, true, events);
            }
            let elapsed = Duration::ZERO;
            let result = match ending {
                Ending::Charged => CallResult::Success { elapsed },
                Ending::Failed => CallResult::Failure { elapsed },
                Ending::Released | Ending::RefusedByVendor => CallResult::Ignored,
            };
            account.breaker(events, |breaker, notices| breaker.settle(generation, result, now, notices));
        });
    }

    fn roll_over(&self, account: &mut Account, now: Instant, events: &mut Vec<EventKind>) {
        let day = self.clock.day(now, self.settings.utc_offset_minutes);
        // Two threads may bring their times in the wrong order: a day never goes back.
        if day > account.today.day {
            account.today = Today { day, ..Today::default() };
            events.push(EventKind::CreditsReset);
        }
    }

    fn announce(&self, account: &mut Account, spent: bool, events: &mut Vec<EventKind>) {
        if spent && !account.today.announced {
            account.today.announced = true;
            events.push(EventKind::CreditsExhausted { used: account.today.used, limit: self.settings.daily_limit });
        }
    }

    /// Changes today's account, and emits what happened once its lock is free.
    fn change<T>(&self, now: Instant, work: impl FnOnce(&mut Account, &mut Vec<EventKind>) -> T) -> T {
        let mut events = Vec::new();
        let result = {
            let mut account = self.account.lock();
            self.roll_over(&mut account, now, &mut events);
            work(&mut account, &mut events)
        };
        for event in events {
            self.emitter.emit(now, event);
        }
        result
    }
}

impl Account {
    /// Asks the breaker. That a result came too late to count is not worth an event here.
    fn breaker<T>(&mut self, events: &mut Vec<EventKind>, work: impl FnOnce(&mut Machine, &mut Vec<Notice>) -> T) -> T {
        let mut notices = Vec::new();
        let result = work(&mut self.breaker, &mut notices);
        notices.retain(|notice| !matches!(notice, Notice::Stale { .. }));
        events.extend(notices.into_iter().map(|notice| notice.event(Guard::CreditBudget)));
        result
    }
}

/// What became of a lead that credits were set aside for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The effect exists: they are charged.
    Charged,
    /// The vendor failed: nothing is charged, and the budget's breaker counts it.
    Failed,
    /// Nothing was spent, without a failure of the vendor.
    Released,
    /// The vendor answered 402: for today, its credits are gone.
    RefusedByVendor,
}

/// Credits set aside for one lead. Dropped, they are free again.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is released at once"]
pub struct Reservation<'a> {
    budget: &'a CreditBudget,
    generation: u64,
    open: bool,
}

impl Reservation<'_> {
    /// Charges the credits, or frees them.
    pub fn close(mut self, ending: Ending, now: Instant) {
        self.open = false;
        self.budget.close_reservation(self.generation, ending, now);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.open {
            self.budget.close_reservation(self.generation, Ending::Released, Instant::now());
        }
    }
}
