//! What a load asks for at a moment.

use std::fmt::{self, Display, Formatter};
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::units::three_figures;

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
    /// Those of the users whose iterations are fixed in number: they leave when these are done. Judged while the run is in
    /// memory, and not kept.
    #[serde(skip)]
    pub iteration_bound: u32,
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

/// `10 users`, `50 iterations/s`, or both with "and" between them.
impl Display for Planned {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.rate > 0.0 {
            if self.users > 0 {
                write!(f, "{} users and ", self.users)?;
            }
            return write!(f, "{} iterations/s", three_figures(self.rate));
        }
        write!(f, "{} users", self.users)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planned_is_said_in_its_own_units() {
        let said = |targets: &[Target]| {
            let mut planned = Planned::default();
            targets.iter().for_each(|target| planned += *target);
            planned.to_string()
        };
        assert_eq!(said(&[]), "0 users");
        assert_eq!(said(&[Target::Users(10), Target::Users(5)]), "15 users");
        assert_eq!(said(&[Target::Rate(50.0)]), "50.0 iterations/s");
        assert_eq!(said(&[Target::Rate(0.25), Target::Users(3)]), "3 users and 0.25 iterations/s");
    }
}
