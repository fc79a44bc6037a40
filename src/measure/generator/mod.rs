//! Whether the generator itself ran when it should have: what it did late is in every latency that it measured meanwhile.

mod clocks;
mod lateness;
mod run_queue;

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use self::clocks::Clocks;
use self::lateness::LatenessProbe;
use self::run_queue::RunQueue;
use crate::units::micros;

/// What kept the generator from its work in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorSample {
    /// The latest that a timer of the load's runtime fired, in microseconds after it was due.
    pub late_us: u64,
    /// How long a thread that was ready to run waited for a core, on average, in microseconds; `None` where the system does not
    /// count it.
    pub run_queue_us: Option<u64>,
    /// For how long the machine was suspended, in microseconds.
    pub suspended_us: u64,
    /// How far the wall clock was set, forwards or back, in microseconds.
    pub clock_step_us: u64,
}

/// How well the generator ran, over a whole run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorHealth {
    /// How late the runtime's timers fired, in microseconds: the median.
    pub late_p50_us: u64,
    /// The 95th percentile.
    pub late_p95_us: u64,
    /// The latest.
    pub late_max_us: u64,
    /// The greatest 95th percentile with which the run is valid.
    pub max_lateness_us: u64,
}

/// Measures the generator that it runs in.
#[derive(Debug)]
pub struct GeneratorWatch {
    probe: LatenessProbe,
    late: Histogram<u64>,
    run_queue: RunQueue,
    clocks: Clocks,
}

impl GeneratorWatch {
    /// Begins to measure the runtime that it is called in, and the process around it.
    pub fn start() -> Self {
        let mut run_queue = RunQueue::default();
        run_queue.mean_wait();
        Self { probe: LatenessProbe::start(), late: lateness::histogram(), run_queue, clocks: Clocks::read() }
    }

    /// What kept the generator from its work since the last call.
    pub fn sample(&mut self) -> GeneratorSample {
        let late = self.probe.take();
        // Both have the same bounds.
        let _ = self.late.add(&late);
        let clocks = Clocks::read();
        let last = std::mem::replace(&mut self.clocks, clocks);
        GeneratorSample {
            late_us: late.max(),
            run_queue_us: self.run_queue.mean_wait().map(micros),
            suspended_us: micros(clocks.suspended_since(&last)),
            clock_step_us: micros(clocks.step_since(&last)),
        }
    }

    /// All samples together, to be judged by `max_lateness`.
    pub fn health(&self, max_lateness: Duration) -> GeneratorHealth {
        GeneratorHealth {
            late_p50_us: self.late.value_at_quantile(0.5),
            late_p95_us: self.late.value_at_quantile(0.95),
            late_max_us: self.late.max(),
            max_lateness_us: micros(max_lateness),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_runtime_that_stands_still_is_late_by_as_much() {
        let mut watch = GeneratorWatch::start();
        tokio::time::sleep(Duration::from_millis(95)).await;
        // Nothing runs for three seconds; the probe was due 5 ms after they began.
        tokio::time::advance(Duration::from_secs(3)).await;
        tokio::task::yield_now().await;
        let late_us = watch.sample().late_us;
        assert!((2_990_000..=2_998_000).contains(&late_us), "{late_us} µs, to three digits");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(watch.sample().late_us, 0, "each second stands for itself");
        let GeneratorHealth { late_p50_us, late_p95_us, late_max_us, max_lateness_us } = watch.health(Duration::from_millis(10));
        assert_eq!((late_p50_us, late_p95_us, late_max_us, max_lateness_us), (0, 0, late_us, 10_000));
    }

    #[tokio::test(start_paused = true)]
    async fn in_paused_time_nothing_is_late() {
        let mut watch = GeneratorWatch::start();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(watch.sample().late_us, 0);
        assert_eq!(watch.health(Duration::from_millis(10)).late_p95_us, 0);
    }
}
