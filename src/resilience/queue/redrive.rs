//! Redrive: dead letters are tried again once their cause is fixed, but not for ever.
//!
//! A redrive that copies letters into the queue doubles those that were delivered meanwhile; one that circles hides broken
//! leads among healthy ones. So each letter is claimed like a new submission before it moves, the move is one operation of
//! the store, and a letter that failed as often as may be stays.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::backlog::Backlog;
use super::dead_letters::{DeadLetter, MOST_REDRIVES};
use super::entry::StoreError;
use crate::resilience::idempotency::Claim;
use crate::resilience::limiter::LONGEST_PAUSE;
use crate::resilience::shared::Shared;
use crate::resilience::tally::End;

/// Letters that are read at once.
const PAGE: usize = 100;

/// What a redrive did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// Letters moved back into the queue.
    pub moved: u64,
    /// Letters whose operation had been delivered or queued otherwise; they were removed.
    pub duplicates: u64,
    /// Letters that stay: redriven as often as may be, in flight by a copy, or without room in the queue.
    pub kept: u64,
}

/// Moves dead letters back into the queue.
pub(in crate::resilience) struct Redrive<S, B> {
    shared: Arc<Shared<S, B>>,
    /// One redrive at a time: two that read the same letters would count them twice.
    running: Mutex<()>,
}

impl<S, B: Backlog> Redrive<S, B> {
    pub(in crate::resilience) fn new(shared: &Arc<Shared<S, B>>) -> Self {
        Self { shared: Arc::clone(shared), running: Mutex::default() }
    }

    pub(in crate::resilience) async fn run(&self) -> Result<Redriven, StoreError> {
        let _one_at_a_time = self.running.lock().await;
        let mut redriven = Redriven::default();
        // What fails again meanwhile gets a higher id, as a new letter.
        let last = self.last_letter().await?;
        let mut after = 0;
        while after < last {
            let page = self.shared.backlog.page(after, PAGE).await?;
            after = page.last().map_or(last, |letter| letter.id);
            for letter in page.iter().filter(|letter| letter.id <= last) {
                if letter.entry.redrives >= MOST_REDRIVES {
                    redriven.kept += 1;
                } else {
                    self.redrive_one(letter, &mut redriven).await?;
                }
            }
        }
        self.shared.arrived.notify();
        Ok(redriven)
    }

    /// The id of the newest letter; 0 without any.
    async fn last_letter(&self) -> Result<u64, StoreError> {
        let mut last = 0;
        while let Some(letter) = self.shared.backlog.page(last, PAGE).await?.last() {
            last = letter.id;
        }
        Ok(last)
    }

    async fn redrive_one(&self, letter: &DeadLetter, redriven: &mut Redriven) -> Result<(), StoreError> {
        let (id, operation) = (letter.id, &letter.entry.operation);
        let claim = match &self.shared.idempotency {
            None => None,
            // The store knows where the operations of a lead are, and replicas share it: a queue mark made here does not show
            // what another replica did since. If the letter were taken for a copy, the only record of the operation would be
            // removed.
            Some(idempotency) if operation.lead.is_some() => {
                idempotency.was_delivered(&operation.key).then_some(Claim::Duplicate)
            }
            Some(idempotency) => match idempotency.try_claim(&operation.key) {
                Some(claim) => Some(claim),
                // A copy is in flight.
                None => {
                    redriven.kept += 1;
                    return Ok(());
                }
            },
        };
        if let Some(Claim::Duplicate) = claim {
            self.shared.tally.count(End::Duplicate);
            self.shared.backlog.remove(id).await?;
            redriven.duplicates += 1;
            return Ok(());
        }
        // One after the other, so that a fault that hit them together does not hit all of them again.
        let turn = self.shared.settings.fallback.redrive_pacing.saturating_mul(u32::try_from(redriven.moved).unwrap_or(u32::MAX));
        let due = Instant::now() + turn.min(LONGEST_PAUSE);
        if self.shared.backlog.redrive(id, self.shared.millis(due)).await? {
            if let Some(Claim::First(claim)) = claim {
                claim.queued();
            }
            redriven.moved += 1;
        } else {
            redriven.kept += 1;
        }
        Ok(())
    }
}
