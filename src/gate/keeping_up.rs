//! Whether the generator made the load that it was asked for, when it was. One that fell behind measures its own limit and
//! reports it as the service's.

use crate::measure::{GeneratorHealth, GeneratorSample, SampleKind, Second, Totals};
use crate::outcome::FailureKind;
use crate::result::Run;
use crate::units::format_latency;

/// Largest share of the planned users' time, or of the iterations of a planned rate, that may be missing. Users start one by
/// one, and the plan itself allows one user and one second.
const TOLERANCE: f64 = 0.05;

/// For how many times the greatest lateness that is allowed the generator may stand still at once: half a second by default.
pub const STANDSTILL: u64 = 50;

/// Why the generator could not keep up; empty when it did.
pub(super) fn shortfalls(run: &Run) -> Vec<String> {
    let finished = run.result.dropped_iterations == 0;
    let missing = [missing_users(&run.seconds, finished), missing_iterations(&run.seconds)].into_iter().flatten();
    let health = &run.result.generator;
    let short = missing.chain(late(health)).chain(starved(health, &run.seconds));
    short.chain(standstills(health, &run.seconds)).chain(unconnected(&run.totals)).collect()
}

/// It had nothing to connect with: whom it should have asked had no part in that.
fn unconnected(totals: &Totals) -> Option<String> {
    let count = totals.count(SampleKind::Attempt, |labels| labels.failure == Some(FailureKind::LocalLimit));
    (count > 0).then(|| {
        format!(
            "{count} of its requests found no descriptor, port or address left for a connection; raise its limit of open files \
             (`ulimit -n`) or the range of ports (`net.ipv4.ip_local_port_range`), or use fewer users"
        )
    })
}

/// The plan asked for users that never came. Users who left again,
/// their iterations done or the data used up, are not missing: a level counts as kept once it has been reached, until the
/// plan goes below it. Users of a fixed number of iterations are not missing at all when these have all begun. Iterations that a
/// maximum duration left over are no shortfall: that bound is part of the plan.
fn missing_users(seconds: &[Second], finished: bool) -> Option<String> {
    let needed = |second: &Second| second.planned.users - if finished { second.planned.iteration_bound } else { 0 };
    let mut reached = 0;
    let (mut missing, mut planned) = (0_u64, 0_u64);
    for (index, second) in seconds.iter().enumerate() {
        // One second of grace: what the plan asked for at the second's start has to be there at its end.
        let before = index.checked_sub(1).map_or(0, |index| needed(&seconds[index]));
        let asked = before.min(needed(second));
        reached = reached.min(needed(second)).max(second.gauges.peak_users.max(second.gauges.users));
        // One user of grace.
        missing += u64::from(asked.saturating_sub(reached + 1));
        planned += u64::from(asked);
    }
    (missing as f64 > TOLERANCE * planned as f64)
        .then(|| format!("{missing} of {planned} planned user-seconds are missing, more than 5 %: users did not follow the plan"))
}

/// The plan asked for iterations that were never done. They count over the whole run, for one may begin in a second and end
/// in a later one. Where users iterate beside a planned rate theirs count too: what is found missing is missing at least.
fn missing_iterations(seconds: &[Second]) -> Option<String> {
    let planned: f64 = seconds.iter().map(|second| second.planned.rate * second.length_us as f64 / 1e6).sum();
    let done: u64 = seconds.iter().map(|second| second.iterations).sum();
    let missing = planned - done as f64;
    // One iteration of grace.
    (missing > 1.0 + TOLERANCE * planned).then(|| {
        format!("{missing:.0} of {planned:.0} planned iterations are missing, more than 5 %: the planned rate was not kept")
    })
}

/// The generator got to its own timers late: so late it also got to answers that had come.
fn late(health: &GeneratorHealth) -> Option<String> {
    (health.late_p95_us > health.max_lateness_us).then(|| {
        format!(
            "its timers fired {} late or more in 5 % of all cases, the bound being {}, and every latency contains such delays; \
             give it more CPU, or ask less of it",
            format_latency(health.late_p95_us),
            format_latency(health.max_lateness_us)
        )
    })
}

/// Its threads were ready to run and got no core.
fn starved(health: &GeneratorHealth, seconds: &[Second]) -> Option<String> {
    let whole = seconds.iter().filter(|second| second.length_us >= 900_000);
    let waits: Vec<u64> = whole.filter_map(|second| second.generator.run_queue_us).collect();
    let starved = waits.iter().filter(|us| **us > health.max_lateness_us).count();
    (starved as f64 > TOLERANCE * waits.len() as f64).then(|| {
        format!(
            "in {starved} of {} seconds its threads waited more than {} for a core each time they were ready to run, up to {}",
            waits.len(),
            format_latency(health.max_lateness_us),
            format_latency(waits.iter().max().copied().unwrap_or(0))
        )
    })
}

/// What kept the generator from its work for long at once, each at its worst.
fn standstills(health: &GeneratorHealth, seconds: &[Second]) -> impl Iterator<Item = String> {
    let bound_us = health.max_lateness_us.saturating_mul(STANDSTILL);
    let worst = move |read: fn(&GeneratorSample) -> u64, what: &str| {
        let second = seconds.iter().max_by_key(|second| read(&second.generator))?;
        let us = read(&second.generator);
        let at = format_latency(second.start_us.saturating_add(second.length_us));
        (us > bound_us)
            .then(|| format!("{what} {}, seen at {at}, the bound being {}", format_latency(us), format_latency(bound_us)))
    };
    [
        worst(|generator| generator.late_us, "it stood still for"),
        worst(|generator| generator.suspended_us, "the machine was suspended for"),
        worst(|generator| generator.clock_step_us, "the wall clock was set, or the machine paused from outside: a step of"),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Gauges;
    use crate::plan::Planned;

    fn seconds(users: &[(u32, u32)]) -> Vec<Second> {
        let second = |&(planned, users)| Second {
            planned: Planned { users: planned, ..Planned::default() },
            gauges: Gauges { users, ..Gauges::default() },
            ..Second::default()
        };
        users.iter().map(second).collect()
    }

    #[test]
    fn users_may_be_one_second_and_one_user_late() {
        assert_eq!(missing_users(&seconds(&[(50, 0), (50, 49), (50, 49), (0, 20)]), false), None);
    }

    #[test]
    fn users_that_never_come_make_it_invalid() {
        let why = missing_users(&seconds(&[(50, 10), (50, 20), (50, 30), (50, 40)]), false).unwrap();
        assert!(why.contains("57 of 150"), "{why}");
    }

    #[test]
    fn users_that_are_done_are_not_missing() {
        assert_eq!(missing_users(&seconds(&[(20, 20), (20, 20), (20, 8), (20, 1), (20, 1)]), false), None);
    }

    #[test]
    fn users_that_are_done_within_a_second_were_there() {
        let mut seconds = seconds(&[(20, 1), (20, 1)]);
        assert!(missing_users(&seconds, false).is_some());
        seconds[0].gauges.peak_users = 20;
        assert_eq!(missing_users(&seconds, false), None);
    }

    #[test]
    fn a_level_that_was_left_has_to_be_reached_again() {
        let users = [(20, 20), (20, 20), (2, 2), (20, 2), (20, 2), (20, 2)];
        assert!(missing_users(&seconds(&users), false).is_some());
    }

    fn rates(seconds: &[(f64, u64)]) -> Vec<Second> {
        let second = |&(rate, iterations)| Second {
            length_us: 1_000_000,
            planned: Planned { rate, ..Planned::default() },
            iterations,
            ..Second::default()
        };
        seconds.iter().map(second).collect()
    }

    #[test]
    fn iterations_of_a_planned_rate_may_end_in_a_later_second() {
        assert_eq!(missing_iterations(&rates(&[(50.0, 0), (50.0, 40), (0.0, 60)])), None);
        assert_eq!(missing_iterations(&rates(&[(0.5, 0), (0.5, 0)])), None, "one iteration of grace");
    }

    #[test]
    fn a_planned_rate_that_was_not_kept_makes_it_invalid() {
        let why = missing_iterations(&rates(&[(50.0, 50), (50.0, 40), (0.0, 3)])).unwrap();
        assert_eq!(why, "7 of 100 planned iterations are missing, more than 5 %: the planned rate was not kept");
    }

    #[test]
    fn users_whose_iterations_are_all_done_are_not_missing() {
        let mut seconds = seconds(&[(50, 3), (50, 0), (50, 0)]);
        seconds.iter_mut().for_each(|second| second.planned.iteration_bound = 50);
        assert_eq!(missing_users(&seconds, true), None);
        assert!(missing_users(&seconds, false).is_some(), "iterations that never began are another matter");
        // Beside them there are users who were to stay.
        seconds.iter_mut().for_each(|second| second.planned.users = 60);
        let why = missing_users(&seconds, true).unwrap();
        assert!(why.starts_with("12 of 20 "), "{why}");
    }

    fn health(late_p95_us: u64) -> GeneratorHealth {
        GeneratorHealth { late_p50_us: 0, late_p95_us, late_max_us: late_p95_us, max_lateness_us: 10_000 }
    }

    /// Seconds with these samples.
    fn generator(samples: &[GeneratorSample]) -> Vec<Second> {
        let second = |(generator, start_us)| Second { start_us, length_us: 1_000_000, generator, ..Second::default() };
        samples.iter().copied().zip((0..).step_by(1_000_000)).map(second).collect()
    }

    #[test]
    fn a_generator_that_is_late_too_often_makes_it_invalid() {
        assert_eq!(late(&health(10_000)), None);
        let why = late(&health(32_000)).unwrap();
        assert!(why.starts_with("its timers fired 32.0 ms late or more in 5 % of all cases, the bound being 10.0 ms"), "{why}");
    }

    #[test]
    fn a_generator_that_waits_for_a_core_makes_it_invalid() {
        let waits = |us: &[Option<u64>]| {
            let sample =
                |run_queue_us: &Option<u64>| GeneratorSample { run_queue_us: *run_queue_us, ..GeneratorSample::default() };
            starved(&health(0), &generator(&us.iter().map(sample).collect::<Vec<_>>()))
        };
        assert_eq!(waits(&[]), None);
        assert_eq!(waits(&[None, None]), None, "not counted here");
        assert_eq!(waits(&[Some(10_000), Some(300)]), None);
        let why = waits(&[Some(25_000), Some(300), Some(12_000)]).unwrap();
        assert!(why.starts_with("in 2 of 3 seconds its threads waited more than 10.0 ms for a core each time"), "{why}");
        assert!(why.ends_with("up to 25.0 ms"), "{why}");
    }

    #[test]
    fn a_standstill_is_named_by_its_cause_and_its_second() {
        let quiet = GeneratorSample { late_us: 500_000, suspended_us: 1, clock_step_us: 499_000, run_queue_us: None };
        assert_eq!(standstills(&health(0), &generator(&[quiet])).count(), 0);
        let said = |sample| standstills(&health(0), &generator(&[quiet, sample])).collect::<Vec<_>>();
        for (sample, expected) in [
            (
                GeneratorSample { late_us: 3_000_000, ..quiet },
                "it stood still for 3.00 s, seen at 2.00 s, the bound being 500 ms",
            ),
            (GeneratorSample { suspended_us: 8_200_000, ..quiet }, "the machine was suspended for 8.20 s, seen at 2.00 s"),
            (
                GeneratorSample { clock_step_us: 3_600_000_000, ..quiet },
                "the wall clock was set, or the machine paused from outside: a step of 3600 s",
            ),
        ] {
            let said = said(sample);
            assert!(said.len() == 1 && said[0].starts_with(expected), "{said:?}");
        }
    }
}
