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

use tokio::task::JoinHandle;

use crate::fault::CallbackFaults;
use crate::simulated::clay::Clay;
pub(crate) use post::{HttpPost, InProcess, Post};
use sender::Sender;

/// Asks the faults in force what is to happen to a callback, by its identity.
pub(crate) type Judge = Box<dyn Fn(&[u8]) -> CallbackFaults + Send>;

/// The task that makes callbacks. Dropped, it makes no more.
#[derive(Debug)]
pub(crate) struct Callbacks(JoinHandle<()>);

impl Callbacks {
    /// Makes the callbacks of `clay` from now on. Must be called within a tokio runtime.
    pub(crate) fn start(clay: Arc<Clay>, judge: Judge, post: impl Post) -> Self {
        Self(tokio::spawn(Sender::new(clay, judge, post).run()))
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests;
