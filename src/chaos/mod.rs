//! The kill harness: a service is killed again and again, at the worst instants, and then audited.
//!
//! That no lead is lost is a promise about crashes, and a test of a service that keeps running does not test it. So a service is
//! started against simulated vendors, put under load, and killed with SIGKILL: at each named instant of its code
//! ([`crate::failpoint`]), after a vendor has carried out a request and before its answer is there, and at random times. Each
//! time it is started again on the same database. In the end the vendors are well again, everything comes to rest, and the
//! auditor decides by the journals ([`crate::audit`]).
//!
//! The harness keeps the driver's journal, and the simulated vendors theirs; both live in its own process, which is not killed.
//!
//! The seed decides the leads, the deaths and the vendors' trouble, and not how threads take turns: a failure is found again by
//! its seed in most cases, and its journals are kept in all.
//!
//! kill -9 finds a wrong order of steps. It does not find a missing fsync: what a process handed to the system outlives it.

mod deaths;
mod driver;
mod error;
mod kill;
mod rest;
mod service;
mod vendors;

pub use deaths::Death;
pub use error::ChaosError;
pub use kill::{KillOptions, KillReport, Life, kill};
pub use service::{OwnService, Target};
