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
//!
//! What a lead costs is known when the vendor has looked for it. Where nothing says so, `per_lead` is an estimate: right on average, and
//! a lead that is sent again after a lost answer costs again. Where callbacks say so, the most that it can cost is set aside for each
//! attempt, until the callback says what it did cost (`unsettled.rs`): then the vendor never charges more than a day's limit.

use std::time::Duration;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::event::{BreakerState, EventKind, Guard};

use super::breaker::{CallResult, Machine, Notice, Rejected};
use super::emitter::Emitter;
use super::held::HeldBy;
use super::limiter::LONGEST_PAUSE;
use super::queue::backlog::{Charge, CreditState};
use super::settings::{BreakerMode, BreakerSettings, CreditSettings};
use super::unsettled::Unsettled;
use super::wall::DayClock;

/// How soon it makes sense to ask again for what a callback may free.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

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
    unsettled: Unsettled,
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
    /// Credits that the store knows to be charged.
    settled_covered: u64,
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
        let unsettled = Unsettled::new(settings.max_per_lead);
        let account = Account { today, reserved: 0, unsettled, total: 0, breaker: breaker(&settings, now) };
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
        self.try_spend(account, now, events)?;
        let generation =
            account.breaker(events, |breaker, notices| breaker.acquire(now, notices)).map_err(CreditRefusal::from)?;
        account.reserved = account.reserved.saturating_add(self.settings.per_operation());
        Ok(generation)
    }

    /// Whether there is enough for one more attempt.
    fn try_spend(&self, account: &mut Account, now: Instant, events: &mut Vec<EventKind>) -> Result<(), CreditRefusal> {
        let Some((refusal, spent)) = self.exhausted(account, now) else { return Ok(()) };
        // What is set aside may stay so until the day after.
        self.announce(account, spent || self.settings.by_callback, events);
        Err(refusal)
    }

    /// Sets aside what one attempt for the operation of `key` can cost, where callbacks say what it did cost.
    ///
    /// # Errors
    /// When so much is not left.
    pub fn hold<'a>(&'a self, key: &'a str, now: Instant) -> Result<Option<Hold<'a>>, CreditRefusal> {
        if !self.settings.by_callback {
            return Ok(None);
        }
        self.change(now, |account, events| {
            self.try_spend(account, now, events)?;
            account.unsettled.hold(key);
            Ok(Some(Hold { budget: self, key, may_cost: false }))
        })
    }

    /// A callback says what an attempt did cost. One that came before, or is of an attempt that another process made, changes nothing:
    /// false.
    pub fn charged(&self, charge: &Charge, now: Instant) -> bool {
        self.change(now, |account, events| {
            let settled = account.unsettled.settle(&charge.key, charge.callback);
            if settled {
                self.charge(account, charge.credits, events);
            }
            settled
        })
    }

    /// Whether callbacks settle what is set aside.
    pub fn is_by_callback(&self) -> bool {
        self.settings.by_callback
    }

    fn charge(&self, account: &mut Account, credits: u64, events: &mut Vec<EventKind>) {
        account.today.used = account.today.used.saturating_add(credits);
        account.total = account.total.saturating_add(credits);
        let spent = self.is_spent(account);
        self.announce(account, spent, events);
    }

    /// Whether a reservation at `now` would be refused, and until when, without making one.
    pub fn would_refuse(&self, now: Instant) -> Option<CreditRefusal> {
        let account = self.account.lock();
        let exhausted = self.exhausted(&account, now).map(|(refusal, _)| refusal);
        exhausted.or_else(|| account.breaker.would_reject(now).map(CreditRefusal::from))
    }

    /// What keeps it from giving out credits for long, with when that ends.
    pub fn held(&self, now: Instant) -> impl Iterator<Item = (HeldBy, Option<Instant>)> {
        let account = self.account.lock();
        let exhausted = self.exhausted(&account, now).and_then(|(refusal, spent)| match spent {
            true if account.today.refused_by_vendor => Some((HeldBy::CreditsRefused, refusal.retry_at())),
            true => Some((HeldBy::CreditsUsedUp, refusal.retry_at())),
            // Else it may be free in a moment.
            false => self.settings.by_callback.then_some((HeldBy::CreditsSetAside, None)),
        });
        let open = account.breaker.would_reject(now).filter(|rejected| rejected.retry_at.is_some());
        exhausted.into_iter().chain(open.map(|rejected| (HeldBy::CreditBudget, rejected.retry_at)))
    }

    /// Closes its breaker, and forgets that the vendor refused more for today.
    pub fn reset(&self, now: Instant) {
        self.change(now, |account, events| {
            account.today.refused_by_vendor = false;
            account.breaker(events, |breaker, notices| breaker.set_mode(BreakerMode::InForce, notices));
        });
    }

    /// The refusal of one more attempt, and whether it lasts until the next day, where so much is not left.
    fn exhausted(&self, account: &Account, now: Instant) -> Option<(CreditRefusal, bool)> {
        let CreditSettings { daily_limit: limit, utc_offset_minutes, .. } = self.settings;
        let ((used, reserved), needed) = (self.counted_at(account, now), self.settings.needed());
        let refused = account.today.refused_by_vendor && self.midnights(account, now) == 0;
        let spent = refused || used.saturating_add(needed) > limit;
        (spent || used.saturating_add(reserved).saturating_add(needed) > limit).then(|| {
            let retry_at = match spent {
                true => Some(self.clock.next_day(now, utc_offset_minutes)),
                // It may take until tomorrow, or a moment.
                false => self.settings.by_callback.then(|| now + LOOK_AGAIN),
            };
            (CreditRefusal::Exhausted { used, reserved, limit, retry_at }, spent)
        })
    }

    /// Midnights between the account's day and `now`. Two threads may bring their times in the wrong order: a day never goes back.
    fn midnights(&self, account: &Account, now: Instant) -> i64 {
        (self.clock.day(now, self.settings.utc_offset_minutes) - account.today.day).max(0)
    }

    /// Credits charged on the day of `now`, and those set aside.
    fn counted_at(&self, account: &Account, now: Instant) -> (u64, u64) {
        let midnights = self.midnights(account, now);
        let used = if midnights == 0 { account.today.used } else { 0 };
        (used, account.reserved.saturating_add(account.unsettled.after(midnights)))
    }

    /// What the store must keep before anything more is sent; `None` when it knows enough. The mark runs ahead by a
    /// hundredth of a day's leads, at least one lead; what is settled since may lag behind by as much.
    pub fn uncovered(&self, now: Instant) -> Option<CreditState> {
        self.change(now, |account, _| {
            let Account { today, reserved, unsettled, .. } = account;
            let at_stake = today.used.saturating_add(*reserved).saturating_add(unsettled.today());
            let (needed, daily_limit) = (self.settings.needed(), self.settings.daily_limit);
            let block = needed.max(daily_limit / 100 / needed.max(1) * needed);
            let settled = self.settings.by_callback && today.used.saturating_sub(today.settled_covered) >= block;
            let known = at_stake <= today.covered && today.refused_by_vendor == today.refusal_covered && !settled;
            let spent = at_stake.saturating_add(block - needed).min(daily_limit).max(at_stake);
            (!known).then(|| {
                // Where the mark comes down, what goes beyond it has to wait from now on.
                today.covered = today.covered.min(spent);
                let (settled, carried) = (today.used, unsettled.carried());
                CreditState { day: today.day, spent, settled, carried, refused_by_vendor: today.refused_by_vendor }
            })
        })
    }

    /// The store keeps `state`.
    pub fn covered(&self, state: CreditState) {
        let mut account = self.account.lock();
        if account.today.day == state.day {
            account.today.covered = account.today.covered.max(state.spent);
            account.today.settled_covered = state.settled;
            account.today.refusal_covered = state.refused_by_vendor;
        }
    }

    /// Counts as spent what an earlier life may have spent. A state of a later day than the clock shows (it was set back)
    /// makes that day begin now: no credit is given twice.
    pub fn restore(&self, state: CreditState, now: Instant) {
        // What is not known to be charged stays set aside where a callback would have said what it cost.
        let unsettled = if self.settings.by_callback { state.spent.saturating_sub(state.settled) } else { 0 };
        self.change(now, |account, events| {
            if state.day.saturating_add(1) == account.today.day {
                account.unsettled.restore(0, unsettled);
            }
            if state.day >= account.today.day {
                account.today.day = state.day;
                account.today.used = account.today.used.max(state.spent - unsettled);
                account.unsettled.restore(unsettled, state.carried);
                account.today.covered = account.today.covered.max(state.spent);
                account.today.refused_by_vendor |= state.refused_by_vendor;
                account.today.refusal_covered = account.today.refused_by_vendor;
                let spent = account.today.refused_by_vendor || self.is_spent(account);
                self.announce(account, spent, events);
            }
        });
    }

    fn is_spent(&self, account: &Account) -> bool {
        account.today.used.saturating_add(self.settings.needed()) > self.settings.daily_limit
    }

    /// Credits charged since the start, over all days, and set aside now.
    pub fn counted(&self) -> u64 {
        let account = self.account.lock();
        account.total.saturating_add(account.reserved).saturating_add(account.unsettled.after(0))
    }

    /// Credits charged today and set aside now.
    pub fn today(&self, now: Instant) -> (u64, u64) {
        self.counted_at(&self.account.lock(), now)
    }

    /// The state of the budget's breaker.
    pub fn state(&self) -> BreakerState {
        self.account.lock().breaker.state()
    }

    fn close_reservation(&self, generation: u64, ending: Ending, now: Instant) {
        self.change(now, |account, events| {
            account.reserved = account.reserved.saturating_sub(self.settings.per_operation());
            if ending == Ending::Charged {
                self.charge(account, self.settings.per_operation(), events);
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
        let midnights = self.midnights(account, now);
        if midnights > 0 {
            account.today = Today { day: account.today.day + midnights, ..Today::default() };
            account.unsettled.midnight(midnights);
            events.push(EventKind::CreditsReset);
        }
    }

    fn announce(&self, account: &mut Account, spent: bool, events: &mut Vec<EventKind>) {
        if spent && !account.today.announced {
            account.today.announced = true;
            let used = account.today.used.saturating_add(account.unsettled.after(0));
            events.push(EventKind::CreditsExhausted { used, limit: self.settings.daily_limit });
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

/// What is set aside for one attempt. Dropped, it is free again, unless the attempt may cost something: then its callback settles it.
#[derive(Debug)]
#[must_use = "credits that are dropped are free at once"]
pub struct Hold<'a> {
    budget: &'a CreditBudget,
    key: &'a str,
    /// It has been sent, and nothing says that it did nothing.
    pub(super) may_cost: bool,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if !self.may_cost {
            self.budget.change(Instant::now(), |account, _| account.unsettled.release(self.key));
        }
    }
}
