//! Failpoints: named instants at which the program can be made to die as if its power had gone.
//!
//! A promise such as "a lead is acknowledged only after its commit" is worth what happens when the process dies between the
//! two. Random kills seldom hit such an instant; an armed failpoint hits it every time. A point that is not armed costs one
//! load of an atomic. Nothing arms one but the command line of a service under test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failpoint {
    /// Leads have been read and checked; nothing is written.
    BeforeEnqueueCommit,
    /// Leads are durable, but not yet acknowledged.
    AfterEnqueueCommit,
    /// An operation is leased and about to be sent.
    BeforeSend,
    /// The vendor's answer is read; nothing is written.
    AfterAnswer,
    /// The result of an operation is durable; the worker does not know it yet.
    AfterAckCommit,
    /// An operation is about to move to the dead letters.
    BeforeBuryCommit,
    /// It has moved.
    AfterBuryCommit,
    /// A letter is about to move back into the queue.
    BeforeRedriveCommit,
    /// It has moved.
    AfterRedriveCommit,
    /// The drain has taken an entry that waited.
    DrainLeased,
    /// A callback has been checked; nothing is written.
    BeforeCallbackCommit,
    /// The callback is durable; the vendor has not been answered.
    AfterCallbackCommit,
}

impl Failpoint {
    /// Every failpoint.
    pub const ALL: [Self; 12] = [
        Self::BeforeEnqueueCommit,
        Self::AfterEnqueueCommit,
        Self::BeforeSend,
        Self::AfterAnswer,
        Self::AfterAckCommit,
        Self::BeforeBuryCommit,
        Self::AfterBuryCommit,
        Self::BeforeRedriveCommit,
        Self::AfterRedriveCommit,
        Self::DrainLeased,
        Self::BeforeCallbackCommit,
        Self::AfterCallbackCommit,
    ];

    /// Its name on a command line: `before-enqueue-commit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeforeEnqueueCommit => "before-enqueue-commit",
            Self::AfterEnqueueCommit => "after-enqueue-commit",
            Self::BeforeSend => "before-send",
            Self::AfterAnswer => "after-answer",
            Self::AfterAckCommit => "after-ack-commit",
            Self::BeforeBuryCommit => "before-bury-commit",
            Self::AfterBuryCommit => "after-bury-commit",
            Self::BeforeRedriveCommit => "before-redrive-commit",
            Self::AfterRedriveCommit => "after-redrive-commit",
            Self::DrainLeased => "drain-leased",
            Self::BeforeCallbackCommit => "before-callback-commit",
            Self::AfterCallbackCommit => "after-callback-commit",
        }
    }

    /// The failpoint of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.as_str() == name)
    }
}

#[derive(Debug)]
struct Armed {
    point: Failpoint,
    passes_left: AtomicU64,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// From now on the process dies when `point` is reached for the `nth` time (1: the first). The first call counts; false for
/// a later one.
pub fn arm(point: Failpoint, nth: u64) -> bool {
    ARMED.set(Armed { point, passes_left: AtomicU64::new(nth.max(1)) }).is_ok()
}

/// The program has come to `point`: it dies here by SIGKILL if that is armed and it is time.
#[inline]
pub fn reach(point: Failpoint) {
    if let Some(armed) = ARMED.get()
        && armed.point == point
        && armed.passes_left.fetch_sub(1, Ordering::AcqRel) == 1
    {
        die();
    }
}

/// SIGKILL: no destructor runs, nothing is flushed.
#[cold]
fn die() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal may take a moment to arrive; nothing may happen in it.
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_their_own() {
        let names: HashSet<_> = Failpoint::ALL.into_iter().map(Failpoint::as_str).collect();
        assert_eq!(names.len(), Failpoint::ALL.len());
        assert!(Failpoint::ALL.into_iter().all(|point| Failpoint::of_name(point.as_str()) == Some(point)));
        assert_eq!(Failpoint::of_name("before-lunch"), None);
    }

    #[test]
    fn what_is_not_armed_does_nothing() {
        Failpoint::ALL.into_iter().for_each(reach);
    }
}
