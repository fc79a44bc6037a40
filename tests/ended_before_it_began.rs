//! A load that is to end before Goose is ready for it.
//!
//! Goose's kill switch belongs to the whole process, so this file holds one test: one load a process.

use std::time::Duration;

use plimsoll::executor::{Level, Stop, closed};
use plimsoll::journey::Workload;
use plimsoll::plan::LoadPlan;
use plimsoll::scenario::{ExecutorKind, Load};
use plimsoll::seed::Seed;

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_stopped_before_it_begins_never_begins_and_comes_to_its_end() {
    let load = Load {
        executor: ExecutorKind::ConstantVus,
        plan: LoadPlan::constant(3, Duration::from_secs(600)),
        graceful_stop: Duration::from_secs(600),
    };
    for level in [Level::Finish, Level::CutOff] {
        let stop = Stop::default();
        stop.raise(level);
        let launched = closed::launch::<Workload>(&load, Seed(1), &stop).expect("Goose starts");
        assert!(!launched.ready().await, "the load would begin");
        launched.ended().await.expect("the load comes to its end");
    }
}
