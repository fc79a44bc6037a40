//! The stages of a load and what they mean at a time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One stage: a linear ramp from the target before it to its own. A zero-length stage is a jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// How long it takes.
    pub duration: Duration,
    /// Users at its end.
    pub target: u32,
}

/// Users over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadPlan {
    start: u32,
    stages: Vec<Stage>,
}

impl LoadPlan {
    /// A plan that starts with `start` users and goes through `stages`.
    pub fn new(start: u32, stages: Vec<Stage>) -> Self {
        Self { start, stages }
    }

    /// The stages.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Users at the start.
    pub fn start_users(&self) -> u32 {
        self.start
    }
}
