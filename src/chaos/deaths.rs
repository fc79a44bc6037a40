//! Which death when: a plan made from a seed, so that a failure can be had again.
//!
//! Random kills seldom hit the few microseconds between a commit and its answer. So every named instant has its turn first, and
//! the instant after a vendor's commit; what is left is random, for the instants that have no name.

use std::fmt;
use std::time::Duration;

use rand::Rng;
use rand::seq::SliceRandom;

use crate::failpoint::Failpoint;
use crate::seed::Seed;
use crate::units::micros;

/// How the service is to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// By itself, when it comes to this instant for the nth time.
    At(Failpoint, u64),
    /// When a vendor has carried out a request of its and not yet answered.
    AfterVendorCommit,
    /// So long after it has come up.
    After(Duration),
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(point, nth) => write!(f, "{}:{nth}", point.as_str()),
            Self::AfterVendorCommit => f.write_str("after-vendor-commit"),
            Self::After(time) => write!(f, "after {} ms", time.as_millis()),
        }
    }
}

/// Deaths after a vendor's commit that every plan has, where it is long enough.
const AFTER_VENDOR_COMMIT: usize = 2;
/// Longest life that ends at a random time.
const LONGEST_LIFE: Duration = Duration::from_millis(600);

/// So many deaths, the same for the same seed. A service of one's own has no failpoints; it dies at random times only, and
/// after the vendors' commits.
pub(super) fn deaths(seed: Seed, kills: usize, failpoints: bool) -> Vec<Death> {
    let mut rng = seed.stream("deaths");
    let mut deaths: Vec<Death> = Vec::with_capacity(kills);
    if failpoints {
        deaths.extend(Failpoint::ALL.map(|point| Death::At(point, rng.random_range(1..=often(point)))));
        deaths.shuffle(&mut rng);
    }
    deaths.extend([Death::AfterVendorCommit; AFTER_VENDOR_COMMIT]);
    deaths.truncate(kills);
    let longest = micros(LONGEST_LIFE);
    while deaths.len() < kills {
        deaths.push(match rng.random_range(0..8) {
            0 => Death::AfterVendorCommit,
            1 if failpoints => {
                let point = Failpoint::ALL[rng.random_range(0..Failpoint::ALL.len())];
                Death::At(point, rng.random_range(1..=often(point)))
            }
            _ => Death::After(Duration::from_micros(rng.random_range(0..longest))),
        });
    }
    deaths.shuffle(&mut rng);
    deaths
}

/// How often an instant is certain to come in a life under load.
fn often(point: Failpoint) -> u64 {
    match point {
        Failpoint::BeforeEnqueueCommit | Failpoint::AfterEnqueueCommit => 10,
        Failpoint::BeforeSend | Failpoint::AfterAnswer | Failpoint::AfterAckCommit | Failpoint::DrainLeased => 30,
        Failpoint::BeforeBuryCommit
        | Failpoint::AfterBuryCommit
        | Failpoint::BeforeRedriveCommit
        | Failpoint::AfterRedriveCommit
        | Failpoint::BeforeCallbackCommit
        | Failpoint::AfterCallbackCommit => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failpoint_has_its_turn_and_the_seed_decides() {
        let plan = deaths(Seed(7), 20, true);
        assert_eq!(plan.len(), 20);
        for point in Failpoint::ALL {
            assert!(plan.iter().any(|death| matches!(death, Death::At(at, _) if *at == point)), "{}", point.as_str());
        }
        assert!(plan.contains(&Death::AfterVendorCommit) && plan.iter().any(|death| matches!(death, Death::After(_))));
        assert_eq!(plan, deaths(Seed(7), 20, true));
        assert_ne!(plan, deaths(Seed(8), 20, true));
        assert_eq!(deaths(Seed(7), 200, true).len(), 200);
    }

    #[test]
    fn a_service_without_failpoints_dies_at_none() {
        let plan = deaths(Seed(7), 50, false);
        assert!(plan.iter().all(|death| !matches!(death, Death::At(..))));
        assert!(deaths(Seed(7), 3, true).len() == 3 && deaths(Seed(7), 0, true).is_empty());
    }
}
