//! Callbacks: what the simulated Clay posts to an address of the user's.
//!
//! One task makes them all. It sleeps until the next row is due whose end is to be told, asks the active faults what is to
//! happen to each callback, and has a bounded number of attempts under way at a time. Whatever happens is written down in
//! Clay's log of deliveries: what the faults intended, and what they did.

mod job;
mod post;
mod sender;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::fault::effect::CallbackVerdict;
use crate::timetable::ActiveFaults;
use crate::vendor::clay::Clay;
use post::HttpPost;
use sender::Sender;

/// What the faults make of one callback: all of it at once, but that one which is lost is lost in any case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disturbance {
    /// It never comes.
    pub(crate) lost: bool,
    /// How much later it comes.
    pub(crate) delay: Duration,
    /// It comes twice.
    pub(crate) twice: bool,
    /// The next one overtakes it.
    pub(crate) overtaken: bool,
    /// Its signature is wrong.
    pub(crate) badly_signed: bool,
    /// Whose doing it is, in the order in which faults compose.
    pub(crate) faults: Vec<(Arc<str>, CallbackVerdict)>,
}

impl Disturbance {
    /// What the faults in force make of a callback.
    pub(crate) fn of(active: &ActiveFaults) -> Self {
        let mut disturbance = Self::default();
        for fault in active.0.iter() {
            let verdict = fault.effect.judge_callback();
            match verdict {
                CallbackVerdict::Pass => continue,
                CallbackVerdict::Lose => disturbance.lost = true,
                CallbackVerdict::Delay(delay) => disturbance.delay = disturbance.delay.saturating_add(delay),
                CallbackVerdict::Twice => disturbance.twice = true,
                CallbackVerdict::Swap => disturbance.overtaken = true,
                CallbackVerdict::BadSignature => disturbance.badly_signed = true,
            }
            disturbance.faults.push((fault.name.clone(), verdict));
        }
        disturbance
    }
}

/// Asks the faults in force what is to happen to a callback, by its identity.
pub(crate) type Judge = Box<dyn Fn(&[u8]) -> Disturbance + Send>;

/// The task that makes callbacks. Dropped, it makes no more.
#[derive(Debug)]
pub(crate) struct Callbacks(JoinHandle<()>);

impl Callbacks {
    /// Makes the callbacks of `clay` from now on. Must be called within a tokio runtime.
    pub(crate) fn start(clay: Arc<Clay>, judge: Judge) -> Self {
        Self(tokio::spawn(Sender::new(clay, judge, HttpPost::new()).run()))
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests;
