//! Fallback: the configured steps that answer, queue or reject what the vendor did not accept.
//!
//! A caller without an answer submits again or gives up; one that gets "done" although nothing is durable loses the lead. So
//! the steps run in the configured order, and each answer names its source. The queue is one of the steps; the cache and the
//! local guess answer from here.

use mock_server::json::Json;

use super::degradation::{AnswerCache, local_guess};
use super::operation::{Operation, Source};
use super::settings::{FallbackSettings, FallbackStep};

/// What a step decides without the vendor.
#[derive(Debug)]
pub(super) enum Degraded {
    /// The cache or a local guess answers.
    Answer(Source, Json),
    /// The policy rejects the operation.
    Reject,
}

/// The steps and the cache of one pipeline.
#[derive(Debug)]
pub(super) struct Fallback {
    steps: Vec<FallbackStep>,
    cache: AnswerCache,
}

impl Fallback {
    pub(super) fn new(settings: &FallbackSettings) -> Self {
        Self { steps: settings.steps.clone(), cache: AnswerCache::new(settings.cache_capacity) }
    }

    /// Keeps the vendor's answer, where the cache is one of the steps.
    pub(super) fn keep(&self, operation: &Operation, answer: Option<&Json>) {
        if let Some(data) = answer
            && self.steps.contains(&FallbackStep::Cache)
        {
            self.cache.keep(operation, data);
        }
    }

    pub(super) fn has_queue(&self) -> bool {
        self.steps.contains(&FallbackStep::Queue)
    }

    /// Whether another step comes before the queue.
    pub(super) fn answers_before_queue(&self) -> bool {
        self.steps.first().is_some_and(|step| *step != FallbackStep::Queue)
    }

    /// The decision of the first step before the queue that has one; every step is before it where there is no queue.
    pub(super) fn before_queue(&self, operation: &Operation) -> Option<Degraded> {
        self.first(self.steps.iter().take_while(|step| **step != FallbackStep::Queue), operation)
    }

    /// The decision of the first step behind the queue that has one.
    pub(super) fn behind_queue(&self, operation: &Operation) -> Option<Degraded> {
        self.first(self.steps.iter().skip_while(|step| **step != FallbackStep::Queue), operation)
    }

    fn first<'a>(&self, mut steps: impl Iterator<Item = &'a FallbackStep>, operation: &Operation) -> Option<Degraded> {
        steps.find_map(|step| match step {
            FallbackStep::Cache => self.cache.answer(operation).map(|data| Degraded::Answer(Source::Cache, data)),
            FallbackStep::Local => local_guess(operation).map(|data| Degraded::Answer(Source::Local, data)),
            FallbackStep::Drop => Some(Degraded::Reject),
            FallbackStep::Queue => None,
        })
    }
}
