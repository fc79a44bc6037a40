//! Closed load without Goose: each user is a task of the runtime that it is called in.
//!
//! Goose waits in real time. Here nothing but tokio's clock is read, so that a load of an hour runs in seconds of paused time;
//! and on a runtime of one thread users run in one order, so that a load with the same seed repeats to the letter.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::closed::Crowd;
use super::stop::Stop;
use super::turns::Turn;
use crate::clock::LoadClock;
use crate::journey::Work;
use crate::scenario::Load;
use crate::seed::Seed;

/// Runs a load to its end: `clock` has just started. `stop` ends the load early.
pub async fn run<W: Work>(load: &Load, seed: Seed, stop: &Stop, clock: LoadClock, work: Arc<W>) {
    let crowd = Arc::new(Crowd::new(load, seed, stop.clone()));
    crowd.begin(clock, work);
    let mut users = JoinSet::new();
    for index in 0..load.plan.max_users() as usize {
        let crowd = Arc::clone(&crowd);
        users.spawn(async move { while crowd.turn(index).await == Turn::Go {} });
    }
    crowd.come_to_end(clock).await;
    // Each has seen the end, or sees it when it is woken.
    users.join_all().await;
}
