//! The credit budget: no overspend, its own breaker, and days.

use crate::resilience::credits::{CreditBudget, CreditRefusal, Ending};
use crate::resilience::operation::Disposition;
use crate::resilience::settings::CreditSettings;
use crate::resilience::wall::DayClock;

use super::*;

struct Purse {
    budget: CreditBudget,
    log: Arc<Log>,
    start: Instant,
}

fn purse(settings: CreditSettings, wall: &str) -> Purse {
    let start = Instant::now();
    let log = Arc::new(Log::default());
    let clock = DayClock { start_wall: wall.parse().expect("a date"), start };
    Purse { budget: CreditBudget::new(settings, clock, emitter(start, &log), start), log, start }
}

impl Purse {
    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn fail(&self, seconds: u64, times: u32) {
        for _ in 0..times {
            self.budget.reserve(self.at(seconds)).expect("credits").close(Ending::Failed, self.at(seconds));
        }
    }

    fn refusal(&self, seconds: u64) -> CreditRefusal {
        self.budget.reserve(self.at(seconds)).expect_err("no credits")
    }

    fn credit_events(&self) -> Vec<EventKind> {
        let is_credit = |kind: &EventKind| matches!(kind, EventKind::CreditsExhausted { .. } | EventKind::CreditsReset);
        self.log.all().into_iter().map(|event| event.kind).filter(is_credit).collect()
    }
}

const NOON: &str = "2026-03-01T12:00:00Z";

#[test]
fn a_thousand_leads_at_once_do_not_overspend() {
    let purse = purse(CreditSettings::default(), NOON);
    let barrier = std::sync::Barrier::new(8);
    let charged: u64 = std::thread::scope(|scope| {
        let spend = || {
            barrier.wait();
            let held: Vec<_> = (0..125).filter_map(|_| purse.budget.reserve(purse.start).ok()).collect();
            let count = held.len() as u64;
            held.into_iter().for_each(|reservation| reservation.close(Ending::Charged, purse.start));
            count
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(spend)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(charged, 83, "83 leads of 6 credits fit into 500");
    assert_eq!(purse.budget.counted(), 498);
    let refusal = purse.refusal(0);
    let midnight = purse.at(12 * 3_600);
    assert_eq!(refusal, CreditRefusal::Exhausted { used: 498, reserved: 0, limit: 500, retry_at: Some(midnight) });
    assert_eq!(purse.credit_events(), [EventKind::CreditsExhausted { used: 498, limit: 500 }], "once");
}

#[test]
fn what_is_reserved_is_not_there_for_others_until_it_is_released() {
    let purse = purse(CreditSettings { daily_limit: 12, ..CreditSettings::default() }, NOON);
    let first = purse.budget.reserve(purse.start).expect("credits");
    let second = purse.budget.reserve(purse.start).expect("credits");
    assert_eq!(purse.refusal(0).retry_at(), None, "it may be released at any time");
    assert!(purse.credit_events().is_empty(), "reserved is not used");
    drop(first);
    second.close(Ending::Released, purse.start);
    assert_eq!(purse.budget.today(purse.start), (0, 0));
    purse.budget.reserve(purse.start).expect("credits").close(Ending::Charged, purse.start);
    assert_eq!(purse.budget.today(purse.start), (6, 0));
}

#[test]
fn failures_in_a_row_open_it_and_a_success_starts_the_row_anew() {
    let purse = purse(CreditSettings::default(), NOON);
    purse.fail(0, 4);
    purse.budget.reserve(purse.start).expect("credits").close(Ending::Charged, purse.start);
    purse.fail(0, 4);
    assert_eq!(purse.budget.state(), BreakerState::Closed);
    purse.fail(0, 1);
    assert_eq!(purse.log.entered(Guard::CreditBudget), [BreakerState::Open]);
    assert_eq!(purse.log.last_cause(), "5 failures in a row");
    assert_eq!(
        purse.refusal(899),
        CreditRefusal::Open { state: BreakerState::Open, retry_at: Some(purse.at(900)) },
        "15 minutes"
    );
    assert_eq!(purse.budget.counted(), 6, "failures cost nothing");
}

#[test]
fn half_open_lets_one_lead_through_and_its_result_decides() {
    let purse = purse(CreditSettings::default(), NOON);
    purse.fail(0, 5);
    let probe = purse.budget.reserve(purse.at(900)).expect("one lead");
    assert_eq!(purse.refusal(900), CreditRefusal::Open { state: BreakerState::HalfOpen, retry_at: None });
    drop(probe);
    let probe = purse.budget.reserve(purse.at(901)).expect("a dropped one gives its place back");
    probe.close(Ending::Failed, purse.at(901));
    assert_eq!(purse.refusal(1_800).retry_at(), Some(purse.at(1_801)), "a whole cool-down again");
    purse.budget.reserve(purse.at(1_801)).expect("one lead").close(Ending::Charged, purse.at(1_801));
    use BreakerState::{Closed, HalfOpen, Open};
    assert_eq!(purse.log.entered(Guard::CreditBudget), [Open, HalfOpen, Open, HalfOpen, Closed]);
    purse.fail(1_802, 4);
    assert_eq!(purse.budget.state(), Closed, "the row starts anew");
}

#[test]
fn a_result_from_before_it_opened_decides_nothing_but_is_charged() {
    let purse = purse(CreditSettings::default(), NOON);
    let (late_success, late_failure) = (purse.budget.reserve(purse.start), purse.budget.reserve(purse.start));
    purse.fail(0, 5);
    let _probe = purse.budget.reserve(purse.at(900)).expect("one lead");
    late_failure.expect("credits").close(Ending::Failed, purse.at(901));
    late_success.expect("credits").close(Ending::Charged, purse.at(901));
    assert_eq!(purse.budget.state(), BreakerState::HalfOpen);
    assert_eq!((purse.budget.today(purse.at(901)), purse.budget.counted()), ((6, 6), 12), "and the probe's are set aside");
}

#[test]
fn a_402_ends_the_day_whatever_the_count_says() {
    let purse = purse(CreditSettings::default(), NOON);
    purse.budget.reserve(purse.start).expect("credits").close(Ending::RefusedByVendor, purse.start);
    let refusal = purse.refusal(3_600);
    assert_eq!(refusal.retry_at(), Some(purse.at(12 * 3_600)));
    assert_eq!(purse.budget.would_refuse(purse.at(3_600)).and_then(|r| r.retry_at()), Some(purse.at(12 * 3_600)));
    assert_eq!(purse.credit_events(), [EventKind::CreditsExhausted { used: 0, limit: 500 }]);
    assert_eq!(purse.budget.would_refuse(purse.at(12 * 3_600)), None);
    assert!(purse.budget.reserve(purse.at(12 * 3_600)).is_ok(), "the next day");
}

#[test]
fn the_budget_starts_anew_at_midnight_of_its_offset() {
    let settings = CreditSettings { daily_limit: 6, utc_offset_minutes: 120, ..CreditSettings::default() };
    let purse = purse(settings, "2026-03-01T21:59:00Z");
    purse.budget.reserve(purse.start).expect("credits").close(Ending::Charged, purse.start);
    assert_eq!(purse.refusal(59).retry_at(), Some(purse.at(60)), "22:00 UTC is midnight there");
    purse.budget.reserve(purse.at(60)).expect("a new day").close(Ending::Charged, purse.at(60));
    assert_eq!(
        purse.credit_events(),
        [
            EventKind::CreditsExhausted { used: 6, limit: 6 },
            EventKind::CreditsReset,
            EventKind::CreditsExhausted { used: 6, limit: 6 }
        ]
    );
    assert_eq!(purse.budget.counted(), 12, "over all days");
}

#[test]
fn a_reservation_over_midnight_is_charged_to_the_new_day_and_holds_its_place_there() {
    let purse = purse(CreditSettings { daily_limit: 6, ..CreditSettings::default() }, "2026-03-01T23:59:00Z");
    let over_night = purse.budget.reserve(purse.start).expect("credits");
    assert_eq!(purse.refusal(60).retry_at(), None);
    over_night.close(Ending::Charged, purse.at(61));
    assert_eq!(purse.budget.today(purse.at(61)), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn the_pipeline_charges_once_for_a_lead_however_often_it_tries() {
    let rig = rig(PipelineSettings { credits: Some(CreditSettings::default()), ..plain() });
    rig.vendor.next([status(503), status(503)]);
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 3 });
    assert_eq!(rig.pipeline.gauges().credits_reserved, 6);
}

#[tokio::test(start_paused = true)]
async fn a_lead_beyond_the_budget_is_queued_and_not_sent() {
    let credits = CreditSettings { daily_limit: 12, ..CreditSettings::default() };
    let rig = rig(PipelineSettings { credits: Some(credits), ..plain() });
    for number in 0..2 {
        assert_eq!(rig.pipeline.call(lead(number)).await, Disposition::Delivered { attempts: 1 });
    }
    let third = rig.pipeline.call(lead(2)).await;
    assert!(matches!(third, Disposition::Fallback { cause: FailureKind::BudgetExhausted, .. }), "{third:?}");
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().credits_reserved), (2, 12));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn after_a_402_nothing_more_is_sent_until_the_next_day() {
    let rig = rig(PipelineSettings { credits: Some(CreditSettings::default()), ..plain() });
    rig.vendor.next([status(402)]);
    for (number, cause) in [(0, FailureKind::CreditsExhausted), (1, FailureKind::BudgetExhausted)] {
        let disposition = rig.pipeline.call(lead(number)).await;
        assert!(matches!(disposition, Disposition::Fallback { cause: why, .. } if why == cause), "{disposition:?}");
    }
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().credits_reserved), (1, 0));
    let drain = tokio::spawn(Arc::clone(&rig.pipeline).work(1));
    tokio::time::sleep(Duration::from_secs(24 * 3_600)).await;
    drain.abort();
    let counts = rig.pipeline.gauges().counts;
    assert_eq!((counts.delivered, counts.queued), (2, 0), "delivered when the day was over");
    assert_eq!(rig.pipeline.gauges().credits_reserved, 12);
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn leads_that_the_vendor_fails_cost_nothing_and_stop_the_spending() {
    let rig = rig(PipelineSettings { credits: Some(CreditSettings::default()), breaker: None, ..no_retries() });
    rig.vendor.then(status(503));
    for number in 0..6 {
        rig.pipeline.call(lead(number)).await;
    }
    assert_eq!(rig.vendor.count(), 5, "the sixth was not sent");
    let gauges = rig.pipeline.gauges();
    assert_eq!((gauges.credits_reserved, gauges.credit_breaker), (0, Some(BreakerState::Open)));
}

#[tokio::test(start_paused = true)]
async fn leads_that_are_at_fault_themselves_do_not_stop_the_spending() {
    let rig = rig(PipelineSettings { credits: Some(CreditSettings::default()), ..no_retries() });
    rig.vendor.then(status(422));
    for number in 0..20 {
        rig.pipeline.call(lead(number)).await;
    }
    let gauges = rig.pipeline.gauges();
    assert_eq!((rig.vendor.count(), gauges.credits_reserved, gauges.credit_breaker), (20, 0, Some(BreakerState::Closed)));
}
