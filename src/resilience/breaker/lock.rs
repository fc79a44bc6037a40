//! The lock of a breaker, so that a checker of interleavings can stand in for the operating system.
//!
//! Races between two results that cross a threshold are a matter of nanoseconds, and a test with real threads meets them by
//! luck. A checker meets all of them, but only through locks that it controls; so the breaker takes its lock as a
//! parameter, which costs nothing where it is the standard library's.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

/// A lock around a value.
pub trait Lock<T>: Debug {
    /// An open lock.
    fn new(value: T) -> Self;

    /// Works on the value exclusively.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;
}

/// A family of locks.
pub trait Locks: Debug {
    /// Its lock around a `T`.
    type Lock<T: Debug>: Lock<T>;
}

/// The standard library's.
#[derive(Debug, Clone, Copy)]
pub struct StdLocks;

impl Locks for StdLocks {
    type Lock<T: Debug> = Mutex<T>;
}

impl<T: Debug> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // The value is changed in whole steps, so a panic elsewhere under the lock leaves it sound.
        work(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
