//! Redrive: what was given up is tried again when somebody has mended the cause, and not for ever.
//!
//! A redrive that copies letters into the queue doubles those that were delivered meanwhile; one that circles hides broken
//! leads among healthy ones. So each letter is claimed like a new submission before it moves, the move is one operation of
//! the store, and a letter that failed as often as may be stays.

use tokio::time::Instant;

use super::StoreError;
use super::backlog::Backlog;
use super::dead_letters::{DeadLetter, DeadLetters, MOST_REDRIVES};
use crate::resilience::idempotency::{Claim, FirstClaim, Idempotency};
use crate::resilience::limiter::LONGEST_PAUSE;
use crate::resilience::operation::Operation;
use crate::resilience::pipeline::Pipeline;
use crate::resilience::sender::Sender;

/// Letters that are read at once.
const PAGE: usize = 100;

/// What a redrive did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Letters moved back into the queue.
    pub moved: u64,
    /// Letters whose operation had been delivered or queued otherwise; they were removed.
    pub duplicates: u64,
    /// Letters that stay: redriven as often as may be, under way by a copy, or without room in the queue.
    pub kept: u64,
}

impl<S: Sender, B: Backlog> Pipeline<S, B> {
    /// Moves the dead letters back into the queue, oldest first, except those that were redriven [`MOST_REDRIVES`] times.
    /// The drain then delivers them at its pace.
    ///
    /// # Errors
    /// When the store fails; what was moved before stays moved.
    pub async fn redrive(&self) -> Result<Redriven, StoreError> {
        let _redriving = self.redriving.lock().await;
        let mut redriven = Redriven::default();
        // What fails again meanwhile comes behind it, as a new letter: it has had its turn.
        let last = self.last_letter().await?;
        let mut after = 0;
        while after < last {
            let page = self.backlog.letters().page(after, PAGE).await?;
            after = page.last().map_or(last, |letter| letter.id);
            for letter in page.iter().filter(|letter| letter.id <= last) {
                if letter.entry.redrives >= MOST_REDRIVES {
                    redriven.kept += 1;
                } else {
                    self.redrive_one(letter, &mut redriven).await?;
                }
            }
        }
        self.arrived.ring();
        Ok(redriven)
    }

    /// The id of the newest letter; 0 without any.
    async fn last_letter(&self) -> Result<u64, StoreError> {
        let mut last = 0;
        while let Some(letter) = self.backlog.letters().page(last, PAGE).await?.last() {
            last = letter.id;
        }
        Ok(last)
    }

    async fn redrive_one(&self, letter: &DeadLetter, redriven: &mut Redriven) -> Result<(), StoreError> {
        let id = letter.id;
        let claim = match self.idempotency.as_ref().map(|idempotency| claim(idempotency, &letter.entry.operation)) {
            None | Some(Some(Claimed::NotNeeded)) => None,
            Some(Some(Claimed::First(claim))) => Some(claim),
            Some(Some(Claimed::Duplicate)) => {
                self.tally.found_duplicate();
                self.backlog.letters().remove(id).await?;
                redriven.duplicates += 1;
                return Ok(());
            }
            Some(None) => {
                redriven.kept += 1;
                return Ok(());
            }
        };
        // One after the other: whatever felled them together is not met by all of them again.
        let turn = self.settings.fallback.redrive_pacing.saturating_mul(u32::try_from(redriven.moved).unwrap_or(u32::MAX));
        let due = Instant::now() + turn.min(LONGEST_PAUSE);
        if self.backlog.redrive(id, self.wall.unix_millis(due)).await? {
            if let Some(claim) = claim {
                claim.queued();
            }
            redriven.moved += 1;
        } else {
            redriven.kept += 1;
        }
        Ok(())
    }
}

/// Whether a letter's operation may go back into the queue.
enum Claimed<'a> {
    /// The store knows best.
    NotNeeded,
    First(FirstClaim<'a>),
    Duplicate,
}

/// `None` while a copy is under way.
///
/// Where the operations of a lead are, the store knows, and replicas share it: that one was put into the queue from here says
/// nothing of what another replica did with it since. Taken for a copy, the only letter of it would be thrown away.
fn claim<'a>(idempotency: &'a Idempotency, operation: &Operation) -> Option<Claimed<'a>> {
    if operation.lead.is_some() {
        let delivered = idempotency.was_delivered(&operation.key);
        return Some(if delivered { Claimed::Duplicate } else { Claimed::NotNeeded });
    }
    Some(match idempotency.try_claim(&operation.key)? {
        Claim::First(claim) => Claimed::First(claim),
        Claim::Duplicate => Claimed::Duplicate,
    })
}
