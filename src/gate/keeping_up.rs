//! Whether the generator made the load that it was asked for. One that fell behind measures its own limit and reports it
//! as the service's.

use crate::measure::Second;

/// Largest share of the planned users' time that may be missing. Users start one by one, and the plan itself allows one
/// user and one second.
const TOLERANCE: f64 = 0.05;

/// Why the generator could not keep up; `None` when it did: the plan asked for users that never came. Users who left again,
/// their iterations done or the data used up, are not missing: a level counts as kept once it has been reached, until the
/// plan goes below it. Iterations that a maximum duration left over are no shortfall: that bound is part of the plan.
pub fn shortfall(seconds: &[Second]) -> Option<String> {
    let mut reached = 0;
    let (mut missing, mut planned) = (0_u64, 0_u64);
    for (index, second) in seconds.iter().enumerate() {
        // One second of grace: what the plan asked for at the second's start has to be there at its end.
        let before = index.checked_sub(1).map_or(0, |index| seconds[index].planned.users);
        let asked = before.min(second.planned.users);
        reached = reached.min(second.planned.users).max(second.gauges.peak_users.max(second.gauges.users));
        // One user of grace.
        missing += u64::from(asked.saturating_sub(reached + 1));
        planned += u64::from(asked);
    }
    (missing as f64 > TOLERANCE * planned as f64)
        .then(|| format!("{missing} of {planned} planned user-seconds are missing, more than 5 %: users did not follow the plan"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Gauges;
    use crate::plan::Planned;

    fn seconds(users: &[(u32, u32)]) -> Vec<Second> {
        let second = |&(planned, users)| Second {
            planned: Planned { users: planned, rate: 0.0 },
            gauges: Gauges { users, ..Gauges::default() },
            ..Second::default()
        };
        users.iter().map(second).collect()
    }

    #[test]
    fn users_may_be_one_second_and_one_user_late() {
        assert_eq!(shortfall(&seconds(&[(50, 0), (50, 49), (50, 49), (0, 20)])), None);
    }

    #[test]
    fn users_that_never_come_make_it_invalid() {
        let why = shortfall(&seconds(&[(50, 10), (50, 20), (50, 30), (50, 40)])).unwrap();
        assert!(why.contains("57 of 150"), "{why}");
    }

    #[test]
    fn users_that_are_done_are_not_missing() {
        assert_eq!(shortfall(&seconds(&[(20, 20), (20, 20), (20, 8), (20, 1), (20, 1)])), None);
    }

    #[test]
    fn users_that_are_done_within_a_second_were_there() {
        let mut seconds = seconds(&[(20, 1), (20, 1)]);
        assert!(shortfall(&seconds).is_some());
        seconds[0].gauges.peak_users = 20;
        assert_eq!(shortfall(&seconds), None);
    }

    #[test]
    fn a_level_that_was_left_has_to_be_reached_again() {
        let users = [(20, 20), (20, 20), (2, 2), (20, 2), (20, 2), (20, 2)];
        assert!(shortfall(&seconds(&users)).is_some());
    }
}
