//! Callbacks: what the simulated Clay posts to an address of the user's.
//!
//! One task makes them all. It sleeps until the next row with a callback is due, lets the active faults judge each callback,
//! and has a bounded number of attempts in flight. Whatever happens is written down in Clay's log of deliveries: what the
//! faults intended, and what they did.

mod job;
mod post;
mod sender;
mod signature;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::simulated::clay::Clay;
pub(crate) use post::{HttpPost, InProcess, Post};
use sender::{Judge, Sender};

/// Starts the task that makes the callbacks of `clay`; dropped, it makes no more. Must be called within a tokio runtime.
pub(crate) fn start(clay: Arc<Clay>, judge: Judge, post: impl Post) -> JoinSet<()> {
    JoinSet::from_iter([Sender::new(clay, judge, post).run()])
}

#[cfg(test)]
mod tests;
