//! What a caller decides about a run.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::result::RunDir;
use crate::seed::Seed;

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
    /// How late the 95th percentile of the generator's own timers may be in a valid run.
    pub max_lateness: Duration,
    /// When the run was started, by the wall clock.
    pub started: DateTime<Utc>,
    /// Whether to keep journals of leads, where the load submits any.
    pub journals: bool,
}
