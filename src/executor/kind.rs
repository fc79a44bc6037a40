//! What an executor is: how much is asked for at a time, and how the work is driven.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::config::{Checker, KeyPath};
use crate::plan::{LoadPlan, Segment, Target};

/// One scenario's load, in k6's sense of an executor. Its times count from the scenario's start.
pub trait Executor: Debug + Send + Sync {
    /// The name that a test plan uses.
    fn name(&self) -> &'static str;

    /// What it does, for people: `10 users for 30s`.
    fn describe(&self) -> String;

    /// How its work is driven.
    fn drive(&self) -> Drive<'_>;

    /// What it asks for at `at`; nothing from its end on.
    fn target_at(&self, at: Duration) -> Target {
        let Drive::Closed { plan, .. } = self.drive();
        Target::Users(plan.users_at(at))
    }

    /// Its length, at most.
    fn duration(&self) -> Duration {
        let Drive::Closed { plan, .. } = self.drive();
        plan.duration()
    }

    /// The same in `factor` times the time.
    fn scaled(&self, factor: f64) -> Arc<dyn Executor>;
}

/// How work is driven.
#[derive(Debug)]
pub enum Drive<'a> {
    /// By users in Goose, who each wait for an answer before they go on.
    Closed {
        /// The users.
        plan: &'a LoadPlan,
        /// How often they iterate.
        iterations: Iterations,
        /// How long an iteration may go on after a ramp down has taken its user away.
        graceful_ramp_down: Duration,
    },
}

/// How many iterations users do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iterations {
    /// As many as there is time for.
    Unlimited,
    /// So many in all, shared by the users.
    Shared(u64),
    /// So many each.
    Each(u64),
}

impl Iterations {
    /// The iterations that a segment of `users` does in all, where the number is fixed.
    pub fn planned(self, users: u32, segment: Segment) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::Shared(iterations) => Some(segment.among(users).map_or(0, |segment| segment.share(iterations))),
            Self::Each(iterations) => Some(iterations.saturating_mul(segment.share(u64::from(users)))),
        }
    }
}

/// How an executor is written in a test plan.
pub(super) trait Kind {
    /// Its name.
    const NAME: &'static str;
    /// What it is, for the schema.
    const ABOUT: &'static str;
    /// The keys that it takes beside those that all take.
    const KEYS: &'static [&'static str];
    /// Those keys as they are written.
    type Keys: DeserializeOwned + JsonSchema;

    /// Judges the keys of the table at `place`; `None` when they are wrong, which has been reported.
    fn check(checker: &mut Checker<'_>, place: &KeyPath, keys: Self::Keys) -> Option<impl Executor + 'static>;
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// An executor of any plan.
    #[derive(Debug, Clone)]
    pub(in crate::executor) struct Any(pub(in crate::executor) LoadPlan, pub(in crate::executor) Iterations);

    impl Executor for Any {
        fn name(&self) -> &'static str {
            "any"
        }

        fn describe(&self) -> String {
            String::new()
        }

        fn drive(&self) -> Drive<'_> {
            Drive::Closed { plan: &self.0, iterations: self.1, graceful_ramp_down: Duration::from_secs(3) }
        }

        fn scaled(&self, _: f64) -> Arc<dyn Executor> {
            Arc::new(self.clone())
        }
    }
}
