//! What a load asks for at a moment.

use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What one executor asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Users that iterate.
    Users(u32),
    /// Iterations begun a second.
    Rate(f64),
}

/// What all scenarios of a run ask for together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Users that iterate.
    #[serde(rename = "users_planned", default)]
    pub users: u32,
    /// Iterations begun a second by executors that plan a rate.
    #[serde(rename = "rate_planned", default, skip_serializing_if = "is_zero")]
    pub rate: f64,
}

fn is_zero(rate: &f64) -> bool {
    *rate == 0.0
}

impl Planned {
    /// Whether nothing is asked for.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign<Target> for Planned {
    fn add_assign(&mut self, target: Target) {
        match target {
            Target::Users(users) => self.users = self.users.saturating_add(users),
            Target::Rate(rate) => self.rate += rate,
        }
    }
}

impl Sum<Target> for Planned {
    fn sum<I: Iterator<Item = Target>>(targets: I) -> Self {
        targets.fold(Self::default(), |mut planned, target| {
            planned += target;
            planned
        })
    }
}
