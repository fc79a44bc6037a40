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
