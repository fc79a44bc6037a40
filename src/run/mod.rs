//! A run: from a test plan to what was measured, judged and kept on disk.
//!
//! [`run`] is the whole story. It prints nothing, never ends the process, and can be called again in the same process, for one
//! load at a time: the kill switch that ends a load belongs to Goose, and to the whole process.
//!
//! It installs no signal handler. **Its caller must have one for SIGINT before the first load** (the crate ctrlc, or
//! `tokio::signal::ctrl_c`), or Goose takes the signal. A caller that wants to end a run raises its [`Stop`].

mod audited;
mod events;
mod expectations;
mod journals;
mod live;
mod prepare;
mod result;
mod running;
mod simulator;
mod warnings;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mock_server::process::ChildError;
use thiserror::Error;
use tokio::task::JoinSet;

use crate::capacity::{Basis, assess};
use crate::clock::LoadClock;
use crate::executor::{ExecutorError, Level, Stop, closed};
use crate::gate::judge;
use crate::output::{Sink, SinkError};
use crate::report::Judged;
use crate::result::{Run, RunDir, WriteError};
use crate::scenario::TestPlan;
use crate::seed::Seed;
use crate::service::supervision::ServiceError;
use crate::transport::{TransportError, Unreachable};
use crate::vendor_api::EndpointError;

/// How a test plan is run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where everything is written.
    pub dir: RunDir,
    /// The program `plimsoll`: the simulated vendors and a service that the run starts are commands of it.
    pub program: PathBuf,
    /// The seed of everything random.
    pub seed: Seed,
    /// The factor that the test plan has been stretched by.
    pub time_scale: f64,
    /// When the run was started, by the wall clock.
    pub started: DateTime<Utc>,
    /// Whether to keep journals of leads, where the load submits any.
    pub journals: bool,
}

/// A run that has ended, judged and on disk.
#[derive(Debug)]
pub struct Finished {
    /// What was measured.
    pub run: Run,
    /// What was judged of it.
    pub judged: Judged,
}

/// There is no result. For every reason but [`RunError::Save`] nothing was measured either, and the run's directory is as it was.
#[derive(Debug, Error)]
pub enum RunError {
    /// The simulated vendors did not start.
    #[error(transparent)]
    Simulator(#[from] ChildError),
    /// The service did not start.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// An endpoint makes no request.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// TLS is not available.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A file of the run cannot be begun.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A target does not answer.
    #[error("{target} cannot be reached: {cause}. Start it, or correct its URL in the scenario")]
    Unreachable {
        /// Host and port.
        target: String,
        /// Why.
        cause: Unreachable,
    },
    /// A journal of leads cannot be begun.
    #[error("cannot write the books of leads: {0}; --no-books runs without them")]
    Journals(#[source] std::io::Error),
    /// A sink has no thread.
    #[error("cannot start a thread for an output: {0}")]
    Sinks(#[source] std::io::Error),
    /// The load could not be run.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The caller's [`Stop`] was raised first.
    #[error("interrupted before the load began: nothing was sent and nothing measured")]
    Interrupted,
    /// The load was run, and its result cannot be written.
    #[error("the run could not be saved: {0}")]
    Save(#[source] SinkError),
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
        let prepared = tokio::select! {
            biased;
            () = stop.reached(Level::Finish) => return Err(RunError::Interrupted),
            prepared = prepare::prepare(test_plan, options, sinks) => prepared?,
        };
        let load = closed::launch(&test_plan.load, options.seed, &load_stop)?;
        if !load.ready().await {
            // Without an error, only the caller keeps a load from beginning.
            return Err(load.ended().await.err().map_or(RunError::Interrupted, RunError::Executor));
        }
        let running = prepared.start(LoadClock::start(), &load_stop).await;
        load.begin(running.clock, Arc::clone(&running.workload));
        Ok((load, running))
    };
    let (load, running) = begun.await.inspect_err(|_| options.dir.abandon())?;
    let mut ended = running.end(load.ended().await, options, stop).await;

    let audited = audited::audited(&ended, test_plan, options.dir.path());
    let mut run = result::assemble(&mut ended, test_plan, options, audited.as_ref());
    let expectations = expectations::judged(test_plan, &run, &ended, audited.as_ref());
    let verdict = judge(&run, &test_plan.thresholds, expectations);
    let judged = Judged { verdict, capacity: assess(&run, &Basis::of(test_plan)) };

    run.result.warnings.extend(ended.followed.sinks.finish(&run.result, &judged).await);
    ended.followed.directory.finish(&run.result, &judged).map_err(RunError::Save)?;
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
