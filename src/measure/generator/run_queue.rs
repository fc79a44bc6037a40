//! How long this process's threads wait for a core, as Linux counts it: a starved generator measures its own starvation.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

/// Where each thread has a directory.
const THREADS: &str = "/proc/self/task";

/// What the kernel has counted of a thread so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// Nanoseconds ready to run, waiting for a core.
    waited_ns: u64,
    /// How often it was given one.
    turns: u64,
}

impl Counts {
    /// From a `schedstat`: nanoseconds on a core, nanoseconds waiting, and turns (Linux, Documentation/scheduler/sched-stats).
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_ascii_whitespace().skip(1).map(str::parse);
        Some(Self { waited_ns: numbers.next()?.ok()?, turns: numbers.next()?.ok()? })
    }
}

/// Reads the threads of this process.
#[derive(Debug, Default)]
pub(super) struct RunQueue {
    last: HashMap<OsString, Counts>,
}

impl RunQueue {
    /// The mean wait of all threads for a core since the last call, over all their turns; zero when none had any. `None` where
    /// the system does not count it.
    pub(super) fn mean_wait(&mut self) -> Option<Duration> {
        let threads = fs::read_dir(THREADS).ok()?;
        let read = threads.filter_map(|thread| {
            let thread = thread.ok()?;
            let counts = Counts::parse(&fs::read_to_string(thread.path().join("schedstat")).ok()?)?;
            Some((thread.file_name(), counts))
        });
        self.mean_wait_of(read.collect())
    }

    fn mean_wait_of(&mut self, now: HashMap<OsString, Counts>) -> Option<Duration> {
        if now.is_empty() {
            return None;
        }
        let (mut waited_ns, mut turns) = (0, 0);
        for (thread, counts) in &now {
            let last = self.last.get(thread).copied().unwrap_or_default();
            waited_ns += counts.waited_ns.saturating_sub(last.waited_ns);
            turns += counts.turns.saturating_sub(last.turns);
        }
        self.last = now;
        Some(Duration::from_nanos(waited_ns.checked_div(turns).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(counts: &[(&str, u64, u64)]) -> HashMap<OsString, Counts> {
        counts.iter().map(|&(thread, waited_ns, turns)| (thread.into(), Counts { waited_ns, turns })).collect()
    }

    #[test]
    fn the_mean_is_over_the_turns_of_all_threads_since_the_last_reading() {
        let mut queue = RunQueue::default();
        queue.mean_wait_of(threads(&[("1", 1_000_000, 10), ("2", 0, 0)]));
        // 30 turns that waited 90 ms in all; one thread is new, another has ended.
        let wait = queue.mean_wait_of(threads(&[("1", 61_000_000, 30), ("3", 30_000_000, 10)]));
        assert_eq!(wait, Some(Duration::from_millis(3)));
        assert_eq!(queue.mean_wait_of(threads(&[("1", 61_000_000, 30)])), Some(Duration::ZERO), "no turn, no wait");
    }

    #[test]
    fn what_the_system_does_not_count_is_not_zero() {
        assert_eq!(RunQueue::default().mean_wait_of(HashMap::new()), None);
        assert_eq!(Counts::parse("1 2 3\n"), Some(Counts { waited_ns: 2, turns: 3 }));
        assert_eq!(Counts::parse("1 2"), None);
        assert_eq!(Counts::parse(""), None);
        assert_eq!(Counts::parse("1 -2 3"), None);
    }
}
