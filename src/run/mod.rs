//! A run: from a test plan to what was measured, judged and kept on disk.
//!
//! [`run`] is the whole story. It prints nothing, never ends the process, and can be called again in the same process, for one
//! load at a time: the kill switch that ends a load belongs to Goose, and to the whole process.
//!
//! It installs no signal handler. **Its caller must have one for SIGINT before the first load** (the crate ctrlc, or
//! `tokio::signal::ctrl_c`), or Goose takes the signal. A caller that wants to end a run raises its [`Stop`].

mod audited;
mod error;
mod events;
mod expectations;
mod journals;
mod live;
mod options;
mod prepare;
mod result;
mod running;
mod simulator;
mod warnings;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::capacity::{Basis, assess};
use crate::clock::{LoadClock, wall_clock};
use crate::executor::{Level, Stop, closed};
use crate::gate::judge;
use crate::output::Sink;
use crate::report::Judged;
use crate::result::Run;
use crate::scenario::TestPlan;

pub use error::RunError;
pub use options::RunOptions;

/// A run that has ended, judged and on disk.
#[derive(Debug)]
pub struct Finished {
    /// What was measured.
    pub run: Run,
    /// What was judged of it.
    pub judged: Judged,
}

/// Runs a test plan to its end, or until `stop` is raised: at [`Level::Finish`] iterations under way are finished, at
/// [`Level::CutOff`] they are cut off, and what was measured is judged and kept. `stop` itself is never raised by the run. Besides
/// the run's directory, `sinks` get what is measured; what they lose is in the result's warnings.
///
/// # Errors
/// When the load never began, or its result cannot be written.
pub async fn run(
    test_plan: &TestPlan,
    options: &RunOptions,
    stop: &Stop,
    sinks: Vec<Box<dyn Sink>>,
) -> Result<Finished, RunError> {
    let (load_stop, _raised_with_it) = raised_with(stop);
    let begun = async {
        let mut prepared = tokio::select! {
            biased;
            () = stop.reached(Level::Finish) => return Err(RunError::Interrupted),
            prepared = prepare::prepare(test_plan, options, sinks) => prepared?,
        };
        let mut load = closed::launch(&test_plan.total_load(), options.seed, &load_stop)?;
        if !load.ready().await {
            // Without an error, only the caller keeps a load from beginning.
            return Err(load.ended().await.err().map_or(RunError::Interrupted, RunError::Executor));
        }
        let (clock, began) = (LoadClock::start(), wall_clock());
        prepared.directory.load_begins(began)?;
        let running = prepared.start(clock, began, &load_stop).await;
        load.begin(running.clock, Arc::clone(&running.workload));
        Ok((load, running))
    };
    let (mut load, running) = begun.await.inspect_err(|_| options.dir.abandon())?;
    let executor = load.ended().await;
    let mut ended = running.end(executor, load.work_ended(), options, stop).await;

    let audited = audited::audited(&ended, test_plan, options.dir.path());
    let facts = expectations::facts(&ended, test_plan);
    let mut run = result::assemble(&mut ended, test_plan, options, audited.as_ref(), facts.as_ref().ok());
    let expectations = expectations::judged(test_plan, &run, &ended, &facts, audited.as_ref());
    let verdict = judge(&run, &test_plan.thresholds, expectations);
    let basis = Basis { missed: verdict.missed_under_load(&run), ..Basis::of(test_plan) };
    let judged = Judged { verdict, capacity: assess(&run, &basis) };

    run.result.warnings.extend(ended.live.sinks.finish(&run.result, &judged).await);
    ended.live.directory.finish(&run.result, &judged).map_err(RunError::Save)?;
    Ok(Finished { run, judged })
}

/// A `Stop` of the load's own that rises with the caller's: the load's end must not look like the caller's wish. It does so
/// while the second value lives.
fn raised_with(stop: &Stop) -> (Stop, JoinSet<()>) {
    let (stop, own) = (stop.clone(), Stop::default());
    let raised = own.clone();
    let follow = async move {
        for level in [Level::Finish, Level::CutOff] {
            stop.reached(level).await;
            raised.raise(level);
        }
    };
    (own, JoinSet::from_iter([follow]))
}
