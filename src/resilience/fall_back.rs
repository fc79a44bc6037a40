//! Fallback: what the vendor did not take is answered, kept, or refused, in the order that somebody chose, and never by
//! silence.
//!
//! A caller who is told nothing submits again or gives up; one who is told "done" when nothing is durable loses the lead. So
//! the steps are tried in their order, each answer names its source, and past the last step there are the dead letters, or,
//! when nothing can hold the operation, a plain no.

use serde_json::Value;

use crate::outcome::FailureKind;

use super::attempts::Failure;
use super::degradation::local_guess;
use super::idempotency::FirstClaim;
use super::operation::{Disposition, Operation, Source};
use super::pipeline::{Answer, Pipeline};
use super::policy::{Afterwards, policy};
use super::queue::backlog::Backlog;
use super::queue::dead_letters::DeadLetters;
use super::queue::{Entry, FallbackQueue};
use super::sender::Sender;
use super::settings::FallbackStep;
use super::tally::Submission;
use tokio::time::Instant;

/// What answers instead of the vendor.
#[derive(Debug)]
pub(super) enum StandIn {
    /// The cache or a local guess.
    Answer(Source, Value),
    /// A policy that says no.
    Drop,
}

impl<S: Sender, B: Backlog> Pipeline<S, B> {
    /// The steps before the queue and those behind it; all are before it where there is no queue among them.
    pub(super) fn steps(&self) -> (&[FallbackStep], &[FallbackStep]) {
        let steps = self.settings.fallback.steps.as_slice();
        match steps.iter().position(|step| *step == FallbackStep::Queue) {
            Some(queue) => (&steps[..queue], &steps[queue + 1..]),
            None => (steps, &[]),
        }
    }

    pub(super) fn has_queue(&self) -> bool {
        self.settings.fallback.steps.contains(&FallbackStep::Queue)
    }

    /// What the first of these steps that has an answer says.
    pub(super) fn stand_in(&self, steps: &[FallbackStep], operation: &Operation) -> Option<StandIn> {
        steps.iter().find_map(|step| match step {
            FallbackStep::Cache => self.cache.answer(operation).map(|data| StandIn::Answer(Source::Cache, data)),
            FallbackStep::Local => local_guess(operation).map(|data| StandIn::Answer(Source::Local, data)),
            FallbackStep::Drop => Some(StandIn::Drop),
            FallbackStep::Queue => None,
        })
    }

    /// An operation that was just submitted, and that the vendor did not take.
    pub(super) async fn fall_back(
        &self,
        operation: Operation,
        failure: Failure,
        claim: Option<FirstClaim<'_>>,
        submission: Submission<'_>,
    ) -> Answer {
        let cause = failure.cause;
        if policy(cause).afterwards == Afterwards::Fallback {
            let (before, behind) = self.steps();
            if let Some(stand_in) = self.stand_in(before, &operation) {
                return answered(stand_in, cause, submission);
            }
            if self.has_queue() && self.enqueue(&operation, &failure).await {
                return self.answer_queued(cause, claim, submission);
            }
            if let Some(stand_in) = self.stand_in(behind, &operation) {
                return answered(stand_in, cause, submission);
            }
        }
        let attempt = self.remembered(&failure);
        let kept = self.backlog.letters().put(Entry::new(operation, attempt), cause, attempt.at).await;
        if kept == Ok(true) {
            submission.kept();
            Answer { disposition: Disposition::DeadLettered { cause }, data: None }
        } else {
            submission.rejected();
            Answer { disposition: Disposition::Rejected { cause }, data: None }
        }
    }

    /// An earlier operation of the same user waits in the queue: this one must not overtake it.
    pub(super) async fn queue_behind(
        &self,
        operation: Operation,
        claim: Option<FirstClaim<'_>>,
        submission: Submission<'_>,
    ) -> Answer {
        let failure = Failure::unsent(FailureKind::HeldInOrder, None);
        if self.enqueue(&operation, &failure).await {
            return self.answer_queued(failure.cause, claim, submission);
        }
        self.fall_back(operation, failure, claim, submission).await
    }

    /// Whether an operation of this user waits in the queue. A queue that can't be read has, for all we know.
    pub(super) async fn must_wait_in_line(&self, user: &str) -> bool {
        let queue = self.backlog.queue();
        queue.depth() > 0 && queue.holds(user).await != Ok(false)
    }

    fn answer_queued(&self, cause: FailureKind, claim: Option<FirstClaim<'_>>, submission: Submission<'_>) -> Answer {
        if let Some(claim) = claim {
            claim.queued();
        }
        submission.kept();
        self.arrived.ring();
        Answer { disposition: Disposition::Fallback { source: Source::Queued, cause }, data: None }
    }

    /// Puts an operation into the queue; false when the queue did not take it.
    async fn enqueue(&self, operation: &Operation, failure: &Failure) -> bool {
        let entry = Entry::new(operation.clone(), self.remembered(failure));
        // The breaker holds the drain back by itself, and may close early; the other waits are known.
        let due = match failure.retry_at {
            Some(at) if failure.cause != FailureKind::BreakerOpen => self.wall.unix_millis(at),
            _ => self.wall.unix_millis(Instant::now()),
        };
        self.backlog.queue().push(entry, due).await == Ok(true)
    }
}

fn answered(stand_in: StandIn, cause: FailureKind, submission: Submission<'_>) -> Answer {
    match stand_in {
        StandIn::Answer(source, data) => {
            submission.degraded();
            Answer { disposition: Disposition::Fallback { source, cause }, data: Some(data) }
        }
        StandIn::Drop => {
            submission.rejected();
            Answer { disposition: Disposition::Rejected { cause }, data: None }
        }
    }
}
