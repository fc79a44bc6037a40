//! The pipeline between a service and a vendor, one pattern a file.
//!
//! idempotency → credit budget → rate limiter → retry → circuit breaker → timeout → HTTP, with the fallback queue and
//! the dead letters behind. [`pipeline`] composes them in one place.

pub mod emitter;
pub mod idempotency;
pub mod operation;
pub mod policy;
pub mod retry_after;
pub mod sender;
pub mod settings;
mod sliding;
pub mod wall;

pub use idempotency::idempotency_key;
pub use operation::{Disposition, Operation, OperationKind, Source};
pub use retry_after::parse_retry_after;
pub use sender::{Reply, RetryAfter, Sender};
pub use settings::{
    Backoff, BreakerSettings, CreditSettings, FallbackSettings, FallbackStep, HealthSettings, IdempotencySettings,
    LimiterSettings, PipelineSettings, RetrySettings, Window,
};
