//! A virtual user, and what an executor asks of the work that users do.

use std::future::Future;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;

use crate::seed::Seed;

/// One virtual user.
#[derive(Debug)]
pub struct User {
    /// Its number among all users of the run, from 0, scenario by scenario.
    pub index: u32,
    /// The scenario that it belongs to, by its place in the test plan.
    pub scenario: usize,
    /// Iterations that it began.
    pub iterations: u64,
    /// Its own source of chance.
    pub rng: ChaCha8Rng,
}

impl User {
    /// The `index`th user of a run.
    pub fn new(index: u32, scenario: usize, seed: Seed) -> Self {
        Self { index, scenario, iterations: 0, rng: seed.numbered_stream("user", u64::from(index)) }
    }
}

/// What a user does after an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Pause for so long, then iterate again.
    Pause(Duration),
    /// Nothing is left to do for anyone: the load ends.
    Finished,
}

/// The work that users repeat. It measures itself; the executor only says when.
pub trait Work: Send + Sync + 'static {
    /// Does one iteration, which was due at `due` on the load's clock. The executor drops the future to cut it off.
    fn iterate(&self, user: &mut User, due: Duration) -> impl Future<Output = Next> + Send;

    /// An iteration panicked; its user goes on.
    fn panicked(&self, message: &str);

    /// An iteration was cut off by the end of the run or of a ramp down.
    fn interrupted(&self);

    /// Iterations that were planned, and that the end of the load kept from beginning.
    fn dropped(&self, iterations: u64);

    /// A user began (true) or ceased (false) to iterate.
    fn user_active(&self, active: bool);
}
