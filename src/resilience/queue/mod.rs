//! The queue behind a pipeline: what keeps the operations that the vendor did not accept, and what sends them again.

pub mod backlog;
pub mod dead_letters;
mod drain;
mod drained;
pub mod entry;
pub mod fallback_queue;
mod lines;
mod memory;
pub(super) mod notifier;
mod pacing;
pub(super) mod progress;
pub(super) mod redrive;
mod retention;
mod schedule;
mod settle;
mod worker_pool;
pub(super) mod workers;

pub use backlog::{Backlog, Charge, CreditState};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use drained::Drained;
pub use entry::{ATTEMPTS_REMEMBERED, Attempt, Entry, Leased, Settled, StoreError};
pub use fallback_queue::FallbackQueue;
pub use memory::MemoryBacklog;
pub use notifier::Notifier;
pub use redrive::Redriven;
pub use settle::FollowUp;
