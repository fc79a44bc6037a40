//! The pipeline between a service and a vendor, one pattern a file.
//!
//! Each pattern alone is well known; what loses leads is how they meet. idempotency → credit budget → retry → rate limiter →
//! in-flight limit → circuit breaker → timeout → HTTP, with the fallback queue and the dead letters behind. [`pipeline`]
//! composes them in one place.

pub mod breaker;
mod config;
pub mod credits;
pub mod degradation;
mod delivery;
mod durable_credits;
pub mod emitter;
mod fallback;
pub mod health;
pub mod held;
pub mod idempotency;
mod in_flight;
pub mod key;
pub mod limiter;
pub mod operation;
pub mod pipeline;
pub mod policy;
pub mod queue;
pub mod retry;
pub mod retry_after;
pub mod sender;
pub mod settings;
mod shared;
mod sliding;
pub mod store_faults;
mod tally;
mod throttle;
mod unsettled;
pub mod wall;

pub(crate) use config::RawResilience;
pub use emitter::Emitter;
pub use health::{Grade, HealthStatus};
pub use held::{Held, HeldBy, HeldNote};
pub use in_flight::InFlightWaits;
pub use key::{idempotency_key, lead_key};
pub use operation::{Disposition, Operation, OperationKind, Source};
pub use pipeline::{Answer, Pipeline, PipelineGauges};
pub use queue::{
    Attempt, Backlog, Charge, CreditState, DeadLetter, DeadLetters, Drained, Entry, FallbackQueue, FollowUp, Leased,
    MemoryBacklog, Notifier, Redriven, Settled, StoreError,
};
pub use retry_after::parse_retry_after;
pub use sender::{Reply, RetryAfter, Sender};
pub use settings::{
    Backoff, BreakerMode, BreakerSettings, CreditSettings, FallbackSettings, FallbackStep, HealthSettings, IdempotencySettings,
    InFlightSettings, LimiterSettings, PipelineSettings, Resilience, RetrySettings, ThrottleSettings, Window,
};

pub use throttle::ThrottleGauges;
pub use wall::{DayClock, UnixMillis};

#[cfg(test)]
mod tests;
