//! Durable credits: the store keeps what may be spent before it is spent.
//!
//! A budget that only the process remembers is full again after a crash, and the vendor's bill counts both lives. So nothing
//! is sent before the store has the new mark, and an operation whose mark cannot be written is refused.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::credits::CreditBudget;
use super::queue::backlog::{Backlog, Charge};
use super::queue::entry::StoreError;

/// The credit budget of one vendor, and the store that remembers it.
pub(super) struct DurableCredits<B> {
    pub(super) budget: CreditBudget,
    backlog: Arc<B>,
    /// One write at a time.
    covering: Mutex<()>,
}

impl<B: Backlog> DurableCredits<B> {
    pub(super) fn new(budget: CreditBudget, backlog: Arc<B>) -> Self {
        Self { budget, backlog, covering: Mutex::default() }
    }

    /// Reads from the store what earlier processes may have spent.
    pub(super) async fn restore(&self) -> Result<(), StoreError> {
        if let Some(state) = self.backlog.credits().await? {
            self.budget.restore(state, Instant::now());
        }
        Ok(())
    }

    /// A callback says what an attempt did cost.
    pub(super) async fn charged(&self, charge: &Charge) -> Result<(), StoreError> {
        if !self.budget.is_by_callback() {
            return Ok(());
        }
        match self.budget.charged(charge, Instant::now()) {
            // What the store does not learn of stays set aside after a restart.
            true => self.cover().await,
            false => self.backlog.pass_on(charge).await,
        }
    }

    /// Settles what callbacks told others that share the store. True when they did.
    pub(super) async fn hear(&self) -> Result<bool, StoreError> {
        if !self.budget.is_by_callback() {
            return Ok(false);
        }
        let charges = self.backlog.passed_on().await?;
        let settled = charges.iter().filter(|charge| self.budget.charged(charge, Instant::now())).count();
        if settled > 0 {
            self.cover().await?;
        }
        Ok(settled > 0)
    }

    /// Writes to the store what may be spent, unless it has that already.
    pub(super) async fn cover(&self) -> Result<(), StoreError> {
        if self.budget.uncovered(Instant::now()).is_none() {
            return Ok(());
        }
        let _one_at_a_time = self.covering.lock().await;
        let Some(state) = self.budget.uncovered(Instant::now()) else { return Ok(()) };
        self.backlog.keep_credits(state).await?;
        self.budget.covered(state);
        Ok(())
    }
}
