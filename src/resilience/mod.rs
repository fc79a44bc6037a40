//! The pipeline between a service and a vendor, one pattern a file.
//!
//! Each pattern alone is well known; what loses leads is how they meet. idempotency → credit budget → retry → rate limiter →
//! in-flight limit → circuit breaker → timeout → HTTP, with the fallback queue and the dead letters behind. [`pipeline`]
//! composes them in one place.

mod attempts;
pub mod breaker;
mod config;
pub mod credits;
pub mod degradation;
pub mod emitter;
mod fall_back;
pub mod health;
pub mod idempotency;
mod in_flight;
pub mod key;
pub mod limiter;
pub mod operation;
mod pacing;
pub mod pipeline;
pub mod policy;
pub mod queue;
pub mod retry;
pub mod retry_after;
pub mod sender;
pub mod settings;
mod sliding;
mod tally;
mod throttle;
pub mod wall;
mod work;

pub(crate) use config::RawResilience;
pub use emitter::Emitter;
pub use health::{Grade, HealthStatus};
pub use in_flight::PlaceWaits;
pub use key::{idempotency_key, lead_key};
pub use operation::{Disposition, Operation, OperationKind, Source};
pub use pipeline::{Answer, FollowUp, Pipeline, PipelineGauges};
pub use queue::backlog::{Backlog, CreditState, MemoryBacklog};
pub use queue::dead_letters::{DeadLetter, DeadLetters};
pub use queue::drain::Drained;
pub use queue::redrive::Redriven;
pub use queue::{Attempt, Entry, FallbackQueue, Leased, Settled, StoreError};
pub use retry_after::parse_retry_after;
pub use sender::{Reply, RetryAfter, Sender};
pub use settings::{
    Backoff, BreakerMode, BreakerSettings, CreditSettings, FallbackSettings, FallbackStep, HealthSettings, IdempotencySettings,
    InFlightSettings, LimiterSettings, PipelineSettings, Resilience, RetrySettings, ThrottleSettings, Window,
};

pub use throttle::ThrottleGauges;
pub use wall::{DayClock, UnixMillis};
pub use work::Bell;

#[cfg(test)]
mod tests;
