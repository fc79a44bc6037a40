//! Closed load without Goose: each user is a task of the runtime that it is called in.
//!
//! Goose waits in real time. Here nothing but tokio's clock is read, so that a load of an hour runs in seconds of paused time;
//! and on a runtime of one thread users run in one order, so that a load with the same seed repeats to the letter.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::closed::UserPool;
use super::load::Load;
use super::stop::Stop;
use super::user::Work;
use crate::clock::LoadClock;
use crate::seed::Seed;

/// Runs a load to its end: `clock` has just started. `stop` ends the load early.
pub async fn run<W: Work>(load: &Load, seed: Seed, stop: &Stop, clock: LoadClock, work: Arc<W>) {
    let pool = Arc::new(UserPool::new(load, seed, stop.clone()));
    pool.begin(clock, work);
    let mut users = JoinSet::new();
    for index in 0..pool.len() {
        let pool = Arc::clone(&pool);
        users.spawn(async move { while pool.next_iteration(index).await {} });
    }
    pool.come_to_end(clock).await;
    // Each has seen the end, or sees it when it is woken.
    users.join_all().await;
    pool.count_dropped();
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::executor::kind::Iterations;
    use crate::executor::kind::testing::Any;
    use crate::executor::load::ScenarioLoad;
    use crate::executor::stop::Level;
    use crate::executor::user::{Next, User};
    use crate::plan::LoadPlan;

    /// Iterations that wait for nothing.
    struct Busy {
        iterations: AtomicU64,
        stop: Stop,
    }

    impl Work for Busy {
        async fn iterate(&self, _: &mut User, _: Duration) -> Next {
            if self.iterations.fetch_add(1, Ordering::Relaxed) == 1_000_000 {
                self.stop.raise(Level::CutOff);
            }
            Next::Pause(Duration::ZERO)
        }

        fn panicked(&self, message: &str) {
            panic!("{message}");
        }

        fn interrupted(&self) {}

        fn dropped(&self, _: u64) {}

        fn user_active(&self, _: bool) {}
    }

    #[tokio::test(start_paused = true)]
    async fn iterations_that_wait_for_nothing_leave_the_thread_to_others() {
        let executor = Arc::new(Any(LoadPlan::constant(2, Duration::from_secs(60)), Iterations::Unlimited));
        let load = Load::of(ScenarioLoad { executor, start_time: Duration::ZERO, graceful_stop: Duration::ZERO });
        let stop = Stop::default();
        let work = Arc::new(Busy { iterations: AtomicU64::new(0), stop: stop.clone() });
        let other = tokio::spawn({
            let (stop, work) = (stop.clone(), Arc::clone(&work));
            async move {
                while work.iterations.load(Ordering::Relaxed) == 0 {
                    tokio::task::yield_now().await;
                }
                stop.raise(Level::CutOff);
            }
        });
        run(&load, Seed(1), &stop, LoadClock::start(), Arc::clone(&work)).await;
        other.await.unwrap();
        let iterations = work.iterations.load(Ordering::Relaxed);
        assert!(iterations < 10_000, "{iterations} iterations before the other task had its turn");
    }
}
