//! One call through everything.

use crate::resilience::held::HeldBy;
use crate::resilience::operation::{Disposition, Source};
use crate::resilience::queue::dead_letters::DeadLetters;
use crate::resilience::settings::{BreakerSettings, FallbackSettings, FallbackStep, LimiterSettings, Window};

use super::*;

fn with_steps(steps: &[FallbackStep]) -> PipelineSettings {
    let fallback = FallbackSettings { steps: steps.to_vec(), ..FallbackSettings::default() };
    PipelineSettings { fallback, ..no_retries() }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_succeeds_is_delivered_once() {
    let rig = rig(plain());
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 1 });
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Duplicate);
    assert_eq!(rig.vendor.count(), 1);
    let counts = rig.pipeline.gauges().counts;
    assert_eq!((counts.submitted, counts.delivered, counts.duplicate), (2, 1, 1));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn retries_back_off_and_are_numbered() {
    let rig = rig(plain());
    rig.vendor.next([status(500), refused(), status(503)]);
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 4 });
    assert_eq!(rig.vendor.attempts(), [1, 2, 3, 4]);
    let times: Vec<f64> = rig.vendor.times().iter().map(|time| time.round()).collect();
    assert_eq!(times, [0.0, 1.0, 3.0, 7.0]);
}

#[tokio::test(start_paused = true)]
async fn a_hang_is_a_timeout_and_retried() {
    let rig = rig(plain());
    rig.vendor.next([Step::Hang]);
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 2 });
    assert!((rig.start.elapsed().as_secs_f64() - 11.0).abs() < 0.01, "10 s of timeout and 1 s of back-off");
}

#[tokio::test(start_paused = true)]
async fn an_error_status_without_a_failure_is_still_a_failure_and_so_is_no_answer() {
    let rig = rig(no_retries());
    let hidden = |status| Step::Answer(Reply { status, ..Reply::default() });
    rig.vendor.next([hidden(Some(500)), hidden(None)]);
    for (number, cause) in [(1, FailureKind::ServerError), (2, FailureKind::BadAnswer)] {
        let disposition = rig.pipeline.call(lead(number)).await;
        assert_eq!(disposition, Disposition::Fallback { source: Source::Queued, cause });
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_the_vendors_api_defines_as_success_is_a_delivery() {
    let rig = rig(no_retries());
    let answered = |status| Step::Answer(Reply { status: Some(status), ..Reply::default() });
    rig.vendor.next([answered(204), answered(302), answered(101), answered(200)]);
    for number in 1..=3 {
        let disposition = rig.pipeline.call(lead(number)).await;
        assert_eq!(disposition, Disposition::Fallback { source: Source::Queued, cause: FailureKind::BadAnswer });
    }
    assert_eq!(rig.pipeline.call(lead(4)).await, Disposition::Delivered { attempts: 1 });
}

#[tokio::test(start_paused = true)]
async fn what_was_not_processed_is_sent_again_and_what_is_not_supported_is_not() {
    let rig = rig(plain());
    rig.vendor.next([status(408), status(425)]);
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 3 });
    rig.vendor.next([status(501)]);
    let disposition = rig.pipeline.call(lead(2)).await;
    assert_eq!(disposition, Disposition::Fallback { source: Source::Queued, cause: FailureKind::NotSupported });
    assert_eq!(rig.vendor.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_dead_lettered_with_its_reason_and_not_retried() {
    let rig = rig(plain());
    rig.vendor.next([status(422)]);
    let disposition = rig.pipeline.call(lead(1)).await;
    assert_eq!(disposition, Disposition::DeadLettered { cause: FailureKind::ClientError });
    assert_eq!(rig.vendor.count(), 1);
    let letters = rig.pipeline.backlog().page(0, 10).await.expect("working letters");
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].entry.operation, lead(1));
    assert_eq!((letters[0].cause, letters[0].entry.attempts[0].status), (FailureKind::ClientError, Some(422)));
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 1 }, "a failure is forgotten");
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn credentials_that_were_refused_send_the_lead_to_the_queue_at_once() {
    let rig = rig(plain());
    rig.vendor.next([status(401), status(403)]);
    for number in 0..2 {
        let disposition = rig.pipeline.call(lead(number)).await;
        let expected = Disposition::Fallback { source: Source::Queued, cause: FailureKind::Unauthorized };
        assert_eq!(disposition, expected);
    }
    assert_eq!(rig.vendor.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn concurrent_copies_are_sent_once() {
    let rig = rig(plain());
    rig.vendor.then(Step::Late(Duration::from_secs(2), Reply { status: Some(200), ..Reply::default() }));
    let copies: Vec<_> = (0..10)
        .map(|_| {
            let pipeline = Arc::clone(&rig.pipeline);
            tokio::spawn(async move { pipeline.call(lead(1)).await })
        })
        .collect();
    let mut delivered = 0;
    for copy in copies {
        match copy.await.expect("it ends") {
            Disposition::Delivered { .. } => delivered += 1,
            Disposition::Duplicate => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((delivered, rig.vendor.count()), (1, 1));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_a_queued_operation_is_neither_sent_nor_queued() {
    let rig = rig(no_retries());
    rig.vendor.next([status(503)]);
    rig.pipeline.call(lead(1)).await;
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Duplicate);
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().queue_depth), (1, 1));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn without_idempotency_every_copy_is_sent() {
    let rig = rig(PipelineSettings { idempotency: None, ..plain() });
    for _ in 0..3 {
        assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 1 });
    }
    assert_eq!(rig.vendor.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn fallbacks_answer_in_the_order_of_the_settings_and_name_their_source() {
    use FallbackStep::{Cache, Local, Queue};
    let answered =
        Step::Answer(Reply { status: Some(200), data: Some(json!({"industry": "anvils"}).into()), ..Reply::default() });
    for (steps, warm, expected) in [
        (vec![Cache, Queue, Local], true, Source::Cache),
        (vec![Cache, Queue, Local], false, Source::Queued),
        (vec![Cache, Local, Queue], false, Source::Local),
        (vec![Queue, Cache], true, Source::Queued),
    ] {
        let rig = rig(with_steps(&steps));
        if warm {
            rig.vendor.next([answered.clone()]);
            rig.pipeline.call(lead(0)).await;
        }
        rig.vendor.then(status(503));
        let answer = rig.pipeline.ask(lead(1)).await;
        let cause = FailureKind::ServerError;
        assert_eq!(answer.disposition, Disposition::Fallback { source: expected, cause }, "{steps:?}");
        let data = answer.data.unwrap_or_else(|| json!(null).into());
        match expected {
            Source::Cache => assert_eq!(data, json!({"email": "lead1@big-corp.test", "industry": "anvils"})),
            Source::Local => assert_eq!(data, json!({"email": "lead1@big-corp.test", "company_name": "big corp"})),
            _ => assert_eq!(data, json!(null)),
        }
        rig.assert_balanced();
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_fallback_takes_is_dead_lettered_and_what_nothing_holds_is_rejected() {
    let fallback = FallbackSettings { queue_capacity: 1, dead_letter_capacity: 1, ..FallbackSettings::default() };
    let rig = rig(PipelineSettings { fallback, ..no_retries() });
    rig.vendor.then(status(503));
    let cause = FailureKind::ServerError;
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Fallback { source: Source::Queued, cause });
    assert_eq!(rig.pipeline.call(lead(2)).await, Disposition::DeadLettered { cause });
    assert_eq!(rig.pipeline.call(lead(3)).await, Disposition::Rejected { cause });
    let counts = rig.pipeline.gauges().counts;
    assert_eq!((counts.queued, counts.dead_lettered, counts.rejected), (1, 1, 1));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_frees_what_it_held_and_stays_unacknowledged() {
    let mut settings = PipelineSettings { credits: Some(Default::default()), ..plain() };
    settings.breaker = Some(BreakerSettings { window: Window::Consecutive, failures: 1, ..BreakerSettings::default() });
    let rig = rig(settings);
    rig.vendor.next([Step::Hang]);
    let cut = tokio::time::timeout(Duration::from_secs(1), rig.pipeline.call(lead(1))).await;
    assert!(cut.is_err());
    let gauges = rig.pipeline.gauges();
    assert_eq!((gauges.in_flight, gauges.credits_reserved, gauges.breaker), (0, 0, Some(BreakerState::Closed)));
    assert_eq!((gauges.counts.unacknowledged, gauges.counts.lost), (1, 0));
    let credits = rig.pipeline.shared.delivery.budget().expect("a budget");
    assert_eq!(credits.today(Instant::now()), (0, 0));
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 1 }, "its mark is gone");
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_panics_is_a_failure_of_the_breaker_and_costs_only_its_call() {
    let breaker = BreakerSettings { window: Window::Consecutive, failures: 1, ..BreakerSettings::default() };
    let rig = rig(PipelineSettings { breaker: Some(breaker), ..plain() });
    rig.vendor.next([Step::Panic]);
    let pipeline = Arc::clone(&rig.pipeline);
    let call = tokio::spawn(async move { pipeline.call(lead(1)).await });
    assert!(call.await.expect_err("it panics").is_panic());
    let gauges = rig.pipeline.gauges();
    assert_eq!((gauges.breaker, gauges.in_flight), (Some(BreakerState::Open), 0));
    assert_eq!(gauges.counts.unacknowledged, 1);
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_a_year_is_cut_to_the_longest_that_is_believed() {
    for (longest_s, expected_s) in [(3_600, 3_600), (7 * 86_400, 86_400)] {
        let mut settings = plain();
        settings.retry.max_retry_after = Duration::from_secs(longest_s);
        let rig = rig(settings);
        rig.vendor.next([too_many(365 * 86_400)]);
        rig.pipeline.call(lead(1)).await;
        let paused = rig.log.all().into_iter().any(|event| event.kind == EventKind::Paused { for_ms: expected_s * 1_000 });
        assert!(paused, "{:?}", rig.log.all());
        let held = rig.pipeline.held().await;
        assert_eq!((held.len(), held[0].by), (1, HeldBy::Pause), "{held:?}");
        let drain = tokio::spawn(Arc::clone(&rig.pipeline).work(1));
        tokio::time::sleep(Duration::from_secs(expected_s - 1)).await;
        assert_eq!(rig.vendor.count(), 1, "nothing before it is over");
        tokio::time::sleep(Duration::from_secs(2)).await;
        drain.abort();
        assert_eq!(rig.vendor.count(), 2, "and what waited in the queue does not wait for a year either");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_the_cap_goes_to_the_queue_and_is_due_then() {
    let rig = rig(plain());
    rig.vendor.next([too_many(3_600)]);
    let disposition = rig.pipeline.call(lead(1)).await;
    let expected = Disposition::Fallback { source: Source::Queued, cause: FailureKind::RateLimited };
    assert_eq!(disposition, expected);
    assert_eq!(rig.start.elapsed(), Duration::ZERO, "no call waited");
    let drain = tokio::spawn(Arc::clone(&rig.pipeline).work(1));
    tokio::time::sleep(Duration::from_secs(3_599)).await;
    assert_eq!(rig.vendor.count(), 1, "nothing before it is over");
    tokio::time::sleep(Duration::from_secs(2)).await;
    drain.abort();
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().counts.delivered), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn row_28_retries_that_wait_in_back_off_have_taken_their_tokens() {
    let retry = RetrySettings { budget_tokens: Some(10), ..plain().retry };
    let rig = rig(PipelineSettings { retry, breaker: None, ..plain() });
    rig.vendor.then(status(503));
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let pipeline = Arc::clone(&rig.pipeline);
            tokio::spawn(async move { pipeline.call(lead(number)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let waiting = calls.iter().filter(|call| !call.is_finished()).count();
    assert_eq!(waiting, 4, "at 9, 8, 7 and 6 tokens; the others were denied while these four wait");
    for call in calls {
        call.await.expect("it ends");
    }
    assert_eq!(rig.vendor.count(), 24, "an outage is not multiplied");
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn retries_pass_the_limiter_too() {
    let limiter = LimiterSettings { rate: 0.1, burst: 1, max_wait: Duration::from_secs(60) };
    let rig = rig(PipelineSettings { limiter: Some(limiter), ..plain() });
    rig.vendor.next([status(503), status(503)]);
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 3 });
    let times: Vec<f64> = rig.vendor.times().iter().map(|time| time.round()).collect();
    assert_eq!(times, [0.0, 10.0, 20.0], "one in ten seconds, whatever the back-off");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_turn_in_time_is_queued_unsent() {
    let limiter = LimiterSettings { rate: 0.1, burst: 1, max_wait: Duration::from_secs(1) };
    let rig = rig(PipelineSettings { limiter: Some(limiter), ..plain() });
    rig.pipeline.call(lead(1)).await;
    let disposition = rig.pipeline.call(lead(2)).await;
    let expected = Disposition::Fallback { source: Source::Queued, cause: FailureKind::LimiterFull };
    assert_eq!((disposition, rig.vendor.count()), (expected, 1));
}

#[tokio::test(start_paused = true)]
async fn health_follows_the_attempts() {
    let rig = rig(PipelineSettings { breaker: None, ..no_retries() });
    assert_eq!((rig.pipeline.health().score, rig.pipeline.health().healthy), (100.0, true));
    rig.vendor.next((0..10).map(|_| Step::Late(Duration::from_millis(30), Reply { status: Some(200), ..Reply::default() })));
    rig.vendor.then(Step::Late(Duration::from_millis(5), Reply { status: Some(500), ..Reply::default() }));
    for number in 0..20 {
        rig.pipeline.call(lead(number)).await;
    }
    let health = rig.pipeline.health();
    assert_eq!((health.score, health.healthy, health.queue_depth), (50.0, false, 10));
    assert_eq!(health.latency, Some(Duration::from_millis(5)));
    assert_eq!(health.last_success, Some(rig.start + Duration::from_millis(300)));
    assert_eq!(health.last_failure, Some(rig.start + Duration::from_millis(350)));
    let grades = rig.log.all().into_iter().filter(|event| matches!(event.kind, EventKind::Health { .. })).count();
    assert_eq!(grades, 2, "degraded, then unhealthy");
}

#[tokio::test(start_paused = true)]
async fn events_carry_the_vendor_and_the_load_s_time() {
    let rig = rig(no_retries());
    rig.vendor.then(status(500));
    for number in 0..5 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        rig.pipeline.call(lead(number)).await;
    }
    let opened = rig.log.all().into_iter().next().expect("it opened");
    assert_eq!((opened.vendor, opened.at_us), (Some(Vendor::Clay), 5_000_000));
    assert_eq!(rig.log.last_cause(), "5 failures in a row");
}

#[tokio::test(start_paused = true)]
async fn no_attempt_waits_for_a_turn_that_the_breaker_would_waste() {
    let limiter = LimiterSettings { rate: 0.1, burst: 1, max_wait: Duration::from_secs(60) };
    let rig = rig(PipelineSettings { limiter: Some(limiter), ..no_retries() });
    rig.pipeline.call(lead(0)).await;
    rig.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::ForcedOpen, Instant::now());
    for number in 1..10 {
        let disposition = rig.pipeline.call(lead(number)).await;
        let expected = Disposition::Fallback { source: Source::Queued, cause: FailureKind::BreakerOpen };
        assert_eq!(disposition, expected);
    }
    assert_eq!(rig.start.elapsed(), Duration::ZERO);
    rig.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::InForce, Instant::now());
    rig.pipeline.call(lead(10)).await;
    assert_eq!(rig.start.elapsed().as_secs(), 10, "the next turn, not the tenth");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_books_show_no_loss_at_any_moment_of_a_busy_run() {
    let fallback = FallbackSettings {
        queue_attempts: 2,
        queue_base_delay: Duration::ZERO,
        drain_pacing: Duration::ZERO,
        queue_capacity: 50,
        ..FallbackSettings::default()
    };
    let rig = rig(PipelineSettings { breaker: None, fallback, ..no_retries() });
    rig.vendor.next((0..60_000).map(|index| status([200, 503, 503, 400, 200][index % 5])));
    let drain = tokio::spawn(Arc::clone(&rig.pipeline).work(1));
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let pipeline = Arc::clone(&rig.pipeline);
            tokio::spawn(async move {
                for number in 0..500 {
                    pipeline.call(lead(caller * 400 + number)).await;
                    if number % 100 == 99 {
                        pipeline.redrive().await.expect("a working store");
                    }
                }
            })
        })
        .collect();
    let mut readings = 0_u64;
    while callers.iter().any(|caller| !caller.is_finished()) {
        let counts = rig.pipeline.gauges().counts;
        assert_eq!(counts.lost, 0, "{counts:?}");
        readings += 1;
        tokio::task::yield_now().await;
    }
    for caller in callers {
        caller.await.expect("no panic");
    }
    drain.abort();
    assert!(drain.await.is_err_and(|error| error.is_cancelled()));
    let counts = rig.pipeline.gauges().counts;
    assert!(readings > 10 && counts.dead_lettered > 0 && counts.duplicate > 0, "{readings} readings, {counts:?}");
    rig.assert_balanced();
}
