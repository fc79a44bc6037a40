//! The credit budget of one who gets callbacks: what an attempt did cost is known late, twice, or never.

use std::collections::HashMap;

use rand::Rng;

use crate::resilience::credits::{CreditBudget, CreditRefusal};
use crate::resilience::operation::Disposition;
use crate::resilience::queue::{Charge, CreditState};
use crate::resilience::settings::CreditSettings;
use crate::resilience::wall::DayClock;

use super::credits_survive::world;
use super::*;

const DAY: u64 = 86_400;

fn by_callback(daily_limit: u64) -> CreditSettings {
    CreditSettings { daily_limit, by_callback: true, ..CreditSettings::default() }
}

/// A budget in the middle of a day.
fn budget(daily_limit: u64, start: Instant) -> CreditBudget {
    let clock = DayClock { start_wall: "2026-03-01T12:00:00Z".parse().expect("a date"), start };
    CreditBudget::new(by_callback(daily_limit), clock, emitter(start, &Arc::default()), start)
}

/// An attempt that is sent, and of which nothing says that it did nothing.
fn send(budget: &CreditBudget, key: &str, now: Instant) -> Result<(), CreditRefusal> {
    budget.hold(key, now)?.expect("by callback").may_cost = true;
    Ok(())
}

fn charged(budget: &CreditBudget, key: &str, callback: u64, credits: u64, now: Instant) {
    budget.charged(&Charge { key: key.to_owned(), callback, credits }, now);
}

fn rig_of(credits: CreditSettings) -> Rig {
    rig(PipelineSettings { credits: Some(credits), breaker: None, ..plain() })
}

#[test]
fn an_attempt_reserves_the_most_that_it_can_cost_until_its_callback_comes() {
    let start = Instant::now();
    let budget = budget(30, start);
    send(&budget, "a", start).expect("credits");
    send(&budget, "b", start).expect("credits");
    assert_eq!(budget.today(start), (0, 24));
    let refusal = send(&budget, "c", start).expect_err("6 are left");
    assert_eq!(
        refusal,
        CreditRefusal::Exhausted { used: 0, reserved: 24, limit: 30, retry_at: Some(start + Duration::from_secs(1)) }
    );
    charged(&budget, "a", 1, 4, start);
    assert_eq!((budget.today(start), budget.counted()), ((4, 12), 16));
    charged(&budget, "a", 1, 4, start);
    charged(&budget, "of another process", 2, 9, start);
    assert_eq!(budget.today(start), (4, 12), "a repetition, or another's, changes nothing");
    send(&budget, "c", start).expect("14 are left");
    drop(budget.hold("never sent", start));
    assert_eq!(budget.today(start), (4, 24));
}

#[test]
fn a_callback_that_comes_again_does_not_settle_another_attempt_of_the_same_lead() {
    let start = Instant::now();
    let budget = budget(500, start);
    send(&budget, "a", start).expect("credits");
    send(&budget, "a", start).expect("credits");
    charged(&budget, "a", 1, 4, start);
    charged(&budget, "a", 1, 4, start);
    assert_eq!(budget.today(start), (4, 12));
    charged(&budget, "a", 2, 12, start);
    assert_eq!(budget.today(start), (16, 0));
}

#[test]
fn what_is_unsettled_at_midnight_counts_for_one_more_day() {
    let start = Instant::now();
    let budget = budget(24, start);
    send(&budget, "a", start).expect("credits");
    send(&budget, "b", start).expect("credits");
    let next_day = start + Duration::from_secs(DAY);
    assert!(budget.would_refuse(next_day).is_some() && send(&budget, "c", next_day).is_err());
    charged(&budget, "a", 1, 5, next_day);
    assert_eq!(budget.today(next_day), (5, 12), "charged on which day, nobody knows: it counts where it is heard of");
    let day_after = start + Duration::from_secs(2 * DAY);
    assert_eq!((budget.would_refuse(day_after), budget.today(day_after)), (None, (0, 0)));
    send(&budget, "c", day_after).expect("a whole day's credits");
    assert_eq!(budget.today(day_after), (0, 12));
}

#[test]
fn a_restart_keeps_what_is_unsettled_set_aside() {
    let start = Instant::now();
    let first = budget(120, start);
    send(&first, "a", start).expect("credits");
    charged(&first, "a", 1, 7, start);
    send(&first, "b", start).expect("credits");
    let kept = first.uncovered(start).expect("nothing was kept");
    assert_eq!((kept.spent, kept.settled, kept.carried), (19, 7, 0));
    let (next_day, day_after) = (start + Duration::from_secs(DAY), start + Duration::from_secs(2 * DAY));
    for (now, expected) in [(start, (7, 12)), (next_day, (0, 12)), (day_after, (0, 0))] {
        let second = budget(120, start);
        // Its clock shows `now` when it starts.
        assert_eq!(second.today(now), (0, 0));
        let _ = second.hold("roll over", now);
        second.restore(kept, now);
        charged(&second, "b", 2, 3, now);
        assert_eq!(second.today(now), expected, "no callback settles what another process sent");
    }
    let third = budget(120, start);
    third.restore(CreditState { carried: 24, ..kept }, start);
    assert_eq!((third.today(start), third.today(next_day)), ((7, 36), (0, 12)));
}

#[tokio::test(start_paused = true)]
async fn only_what_certainly_did_nothing_is_free_again() {
    let malformed = Step::Answer(Reply { status: Some(200), failure: Some(FailureKind::BadAnswer), ..Reply::default() });
    let lost = Step::Answer(Reply { failure: Some(FailureKind::ConnectionLost), ..Reply::default() });
    let cases = [
        (refused(), 0),
        (status(400), 0),
        (status(402), 0),
        (status(422), 0),
        (too_many(1), 0),
        (status(501), 0),
        (status(503), 0),
        (status(200), 12),
        (status(500), 12),
        (status(502), 12),
        (status(504), 12),
        (malformed, 12),
        (lost, 12),
        (Step::Hang, 12),
    ];
    for (step, kept) in cases {
        let rig = rig(PipelineSettings { credits: Some(by_callback(500)), breaker: None, ..no_retries() });
        rig.vendor.then(step.clone());
        rig.pipeline.call(lead(1)).await;
        assert_eq!(rig.pipeline.gauges().credits_reserved, kept, "{step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_own_and_a_caller_who_gives_up_frees_none_that_was_sent() {
    let rig = rig_of(by_callback(500));
    rig.vendor.next([status(500), status(500)]);
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 3 });
    assert_eq!(rig.pipeline.gauges().credits_reserved, 36);
    rig.vendor.then(Step::Hang);
    let cut_off = tokio::time::timeout(Duration::from_secs(1), rig.pipeline.call(lead(2))).await;
    assert!(cut_off.is_err());
    assert_eq!(rig.pipeline.gauges().credits_reserved, 48);
    let (key, paid) = (lead(1).key, [(b"r_1", 4), (b"r_2", 0), (b"r_2", 0), (b"r_3", 12)]);
    for (row, credits) in paid {
        rig.pipeline.charged(&key, row, credits).await;
    }
    assert_eq!(rig.pipeline.gauges().credits_reserved, 16 + 12);
    assert_eq!(rig.pipeline.gauges().credits_left, Some(500 - 28));
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_waits_for_credits_goes_when_a_callback_frees_them() {
    let rig = rig_of(by_callback(20));
    let drain = tokio::spawn(Arc::clone(&rig.pipeline).work(1));
    rig.pipeline.call(lead(1)).await;
    let second = rig.pipeline.call(lead(2)).await;
    assert!(matches!(second, Disposition::Fallback { cause: FailureKind::BudgetExhausted, .. }), "{second:?}");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(rig.vendor.count(), 1);
    let refused =
        rig.log.all().into_iter().map(|event| event.kind).filter(|kind| matches!(kind, EventKind::CreditsExhausted { .. }));
    assert_eq!(refused.collect::<Vec<_>>(), [EventKind::CreditsExhausted { used: 12, limit: 20 }], "why it waits is said once");
    rig.pipeline.charged(&lead(1).key, b"r_1", 4).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.vendor.users(), ["user1", "user2"]);
    drain.abort();
}

/// The vendor charges 0 to 12 for what it was sent, and says so some time later, or never. The process is killed at any moment.
#[tokio::test(start_paused = true)]
async fn killed_at_every_moment_of_many_days_no_day_is_charged_more_than_its_limit() {
    let mut rng = Seed(20_260_302).stream("kills");
    let limit = 120;
    let world = world(by_callback(limit));
    world.vendor.then(Step::Late(Duration::from_millis(20), Reply { status: Some(200), ..Reply::default() }));
    let (mut number, mut told) = (0, 0);
    let mut charges: HashMap<u64, u64> = HashMap::new();
    for life in 0..600 {
        let pipeline = world.live(life).await;
        let calls: Vec<_> = (0..rng.random_range(1..6))
            .map(|_| {
                number += 1;
                let (pipeline, operation) = (Arc::clone(&pipeline), lead(number));
                tokio::spawn(async move { pipeline.call(operation).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..60))).await;
        calls.iter().for_each(tokio::task::JoinHandle::abort);
        let sent = world.vendor.got.lock().expect("no panic").split_off(0);
        for (at, user, _) in sent {
            let (key, cost) = (lead(user.trim_start_matches("user").parse().expect("a number")).key, rng.random_range(0..=12));
            *charges.entry((at.as_secs() + DAY / 2) / DAY).or_default() += cost;
            if rng.random_bool(0.7) {
                pipeline.charged(&key, &[told; 3], cost).await;
                told = told.wrapping_add(1);
            }
        }
        tokio::time::sleep(Duration::from_secs(rng.random_range(0..3_600))).await;
    }
    assert!(charges.len() > 10 && charges.values().all(|charged| *charged <= limit), "{charges:?}");
    assert!(charges.values().filter(|charged| **charged >= limit / 4).count() > 5, "and credits are used: {charges:?}");
}
