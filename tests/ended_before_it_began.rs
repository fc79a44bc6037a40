//! A load that is to end before Goose is ready for it.
//!
//! Goose's kill switch belongs to the whole process, so this file holds one test: one load a process.

use std::path::Path;

use plimsoll::executor::{Level, Stop, closed};
use plimsoll::journey::Workload;
use plimsoll::scenario::TestPlan;
use plimsoll::seed::Seed;

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_stopped_before_it_begins_never_begins_and_comes_to_its_end() {
    let text = "name = \"x\"\nquestion = \"?\"\nexecutor = \"constant-vus\"\nvus = 3\nduration = \"10m\"\n\
                gracefulStop = \"10m\"\njourneys = [{ journey = \"lead\" }]\n";
    let load = TestPlan::parse(text, Path::new("x.toml")).expect("a valid test plan").total_load();
    for level in [Level::Finish, Level::CutOff] {
        let stop = Stop::default();
        stop.raise(level);
        let mut launched = closed::launch::<Workload>(&load, Seed(1), &stop).expect("Goose starts");
        assert!(!launched.ready().await, "the load would begin");
        launched.ended().await.expect("the load comes to its end");
    }
}
