//! The credits of the workspace: charged for what was found, renewed every month, never below 0.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::simulated::clay::settings::CreditSettings;

/// What has become of the credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CreditState {
    /// What is left; `None` where there is no end.
    pub balance: Option<u64>,
    /// What has been charged, since the beginning.
    pub charged: u64,
    /// Rows that were charged, since the beginning.
    pub charged_rows: u64,
    /// Rows that a provider would have found, had there been credits.
    pub unpaid_rows: u64,
    /// What they would have cost.
    pub unpaid: u64,
    /// How often credits have been renewed.
    pub renewals: u64,
}

/// What rows have cost and will cost. The sum of the three is what the effects in the ledger say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Rows that were ever added.
    pub rows: u64,
    /// Credits that have been charged.
    pub charged: u64,
    /// Credits that will be charged for rows whose enrichment is under way.
    pub due: u64,
    /// Credits that were asked for, and not there.
    pub unpaid: u64,
}

/// An account of credits on a clock of its own.
pub(super) struct Account {
    monthly: Option<u64>,
    month: Duration,
    renews: Option<Instant>,
    state: CreditState,
}

impl Account {
    /// A month's credits at `now`.
    pub(super) fn new(settings: &CreditSettings, now: Instant) -> Self {
        let monthly = settings.plan.monthly().map(u64::from);
        let state = CreditState { balance: monthly, charged: 0, charged_rows: 0, unpaid_rows: 0, unpaid: 0, renewals: 0 };
        Self { monthly, month: settings.month, renews: now.checked_add(settings.month), state }
    }

    /// Pays for a row that was found at `now`. Returns whether there were credits enough.
    pub(super) fn charge(&mut self, credits: u32, now: Instant) -> bool {
        self.renew(now);
        let credits = u64::from(credits);
        if let Some(balance) = &mut self.state.balance {
            let Some(left) = balance.checked_sub(credits) else {
                self.state.unpaid_rows += 1;
                self.state.unpaid += credits;
                return false;
            };
            *balance = left;
        }
        self.state.charged += credits;
        self.state.charged_rows += u64::from(credits > 0);
        true
    }

    /// Whether `credits` could be paid at `now`.
    pub(super) fn covers(&mut self, credits: u32, now: Instant) -> bool {
        self.renew(now);
        self.state.balance.is_none_or(|balance| balance >= u64::from(credits))
    }

    /// How things stand at `now`.
    pub(super) fn state(&mut self, now: Instant) -> CreditState {
        self.renew(now);
        self.state
    }

    /// Adds a month's credits for every month that has passed; unused ones stay, up to twice a month's in all.
    fn renew(&mut self, now: Instant) {
        let Some(due) = self.renews.filter(|&due| due <= now) else { return };
        let later = u32::try_from((now - due).as_nanos() / self.month.as_nanos().max(1)).unwrap_or(u32::MAX);
        let months = u64::from(later) + 1;
        self.state.renewals += months;
        if let (Some(balance), Some(monthly)) = (&mut self.state.balance, self.monthly) {
            *balance = balance.saturating_add(monthly * months).min(monthly * 2);
        }
        self.renews = self.month.checked_mul(later).and_then(|later| due.checked_add(later)?.checked_add(self.month));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simulated::clay::settings::Plan;

    const DAY: Duration = Duration::from_secs(86_400);

    fn account(plan: Plan) -> (Account, Instant) {
        let now = Instant::now();
        (Account::new(&CreditSettings { plan, ..CreditSettings::default() }, now), now)
    }

    #[test]
    fn what_cannot_be_paid_is_not_charged() {
        let (mut account, now) = account(Plan::Free);
        assert!(account.charge(98, now) && !account.charge(3, now) && account.charge(2, now) && !account.charge(1, now));
        let state = account.state(now);
        assert_eq!((state.balance, state.charged, state.charged_rows), (Some(0), 100, 2));
        assert_eq!((state.unpaid_rows, state.unpaid), (2, 4));
        assert!(account.covers(0, now) && !account.covers(1, now));
    }

    #[test]
    fn credits_are_renewed_every_month_and_saved_up_to_twice_a_months() {
        let (mut account, now) = account(Plan::Free);
        assert!(account.charge(70, now));
        assert_eq!(account.state(now + 30 * DAY - Duration::from_nanos(1)).balance, Some(30));
        assert_eq!(account.state(now + 30 * DAY).balance, Some(130));
        assert_eq!(account.state(now + 60 * DAY).balance, Some(200));
        let later = account.state(now + 365 * DAY);
        assert_eq!((later.balance, later.renewals), (Some(200), 12));
    }

    #[test]
    fn without_a_plan_there_is_no_end() {
        let (mut account, now) = account(Plan::Unlimited);
        assert!((0..1000).all(|_| account.charge(u32::MAX, now)));
        assert_eq!(account.state(now).balance, None);
    }

    proptest! {
        /// Whatever is charged and whenever: the balance and the charges always add up to what was given, less what was
        /// over the most that can be saved up.
        #[test]
        fn nothing_is_overdrawn(monthly in 0_u32..500, steps in proptest::collection::vec((0_u32..60, 0_u32..20), 0..200)) {
            let (mut account, start) = account(Plan::Credits(monthly));
            let mut now = start;
            let mut charged = 0;
            for (credits, days) in steps {
                now += DAY * days;
                let before = account.state(now).balance.unwrap();
                let paid = account.charge(credits, now);
                prop_assert_eq!(paid, before >= u64::from(credits));
                let after = account.state(now);
                charged += if paid { u64::from(credits) } else { 0 };
                prop_assert_eq!(after.balance.unwrap(), if paid { before - u64::from(credits) } else { before });
                prop_assert_eq!(after.charged, charged);
                prop_assert!(charged + after.balance.unwrap() <= u64::from(monthly) * (after.renewals + 1));
            }
        }
    }
}
