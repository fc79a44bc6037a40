//! Direct calls and what bounds them: the order of a user's operations, a deadline, places, throttling, a policy that drops.

use crate::resilience::operation::{Disposition, Source};
use crate::resilience::settings::{FallbackSettings, FallbackStep, InFlightSettings, ThrottleSettings};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_direct_call_does_not_overtake_a_queued_operation_of_its_user() {
    let rig = rig(no_retries());
    let of_ada = |number: u32| Operation::new(OperationKind::Track, "ada", json!({ "number": number }));
    rig.vendor.next([status(503)]);
    rig.pipeline.call(of_ada(1)).await;
    let held = Disposition::Fallback { source: Source::Queued, cause: FailureKind::HeldInOrder };
    assert_eq!(rig.pipeline.call(of_ada(2)).await, held);
    assert_eq!(rig.pipeline.call(lead(7)).await, Disposition::Delivered { attempts: 1 }, "others go on");
    assert_eq!(rig.pipeline.call(of_ada(2)).await, Disposition::Duplicate);
    let drain = tokio::spawn(Arc::clone(&rig.pipeline).work(1));
    tokio::time::sleep(Duration::from_secs(10)).await;
    drain.abort();
    assert_eq!(rig.vendor.users(), ["ada", "user7", "ada", "ada"]);
    assert_eq!(rig.pipeline.call(of_ada(3)).await, Disposition::Delivered { attempts: 1 }, "and she goes on too");
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_direct_call_with_a_deadline_is_answered_by_then() {
    let retry = RetrySettings { deadline: Some(Duration::from_secs(12)), ..plain().retry };
    let rig = rig(PipelineSettings { retry, ..plain() });
    rig.vendor.then(Step::Hang);
    let cause = FailureKind::Timeout;
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Fallback { source: Source::Queued, cause });
    assert_eq!((rig.start.elapsed().as_secs(), rig.vendor.count()), (12, 2), "the second attempt had one second");
}

#[tokio::test(start_paused = true)]
async fn a_direct_call_that_is_dropped_by_policy_gets_the_reason() {
    let fallback = FallbackSettings { steps: vec![FallbackStep::Cache, FallbackStep::Drop], ..FallbackSettings::default() };
    let rig = rig(PipelineSettings { fallback, ..no_retries() });
    rig.vendor.then(status(503));
    let cause = FailureKind::ServerError;
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Rejected { cause });
    let counts = rig.pipeline.gauges().counts;
    assert_eq!((counts.rejected, counts.dead_lettered, counts.queued), (1, 0, 0));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn without_a_place_in_time_a_call_goes_to_the_queue_and_the_wait_is_measured() {
    let in_flight = InFlightSettings { max: 1, max_wait: Duration::from_secs(2) };
    let rig = rig(PipelineSettings { in_flight: Some(in_flight), ..no_retries() });
    rig.vendor.then(Step::Late(Duration::from_secs(5), Reply { status: Some(200), ..Reply::default() }));
    let first = tokio::spawn({
        let pipeline = Arc::clone(&rig.pipeline);
        async move { pipeline.call(lead(1)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let full = Disposition::Fallback { source: Source::Queued, cause: FailureKind::InFlightFull };
    assert_eq!(rig.pipeline.call(lead(2)).await, full);
    let waits = rig.pipeline.gauges().in_flight_waits;
    assert_eq!((waits.count, waits.total), (1, Duration::from_secs(2)));
    assert_eq!(first.await.expect("it ends"), Disposition::Delivered { attempts: 1 });
    assert_eq!(rig.pipeline.health().latency, Some(Duration::from_secs(5)), "the vendor's time has no wait of ours in it");
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_accepts_too_few_is_throttled_and_reported() {
    let throttle = ThrottleSettings::default();
    let rig = rig(PipelineSettings { throttle: Some(throttle), breaker: None, ..no_retries() });
    rig.vendor.then(status(503));
    let mut throttled = 0;
    for number in 0..1_000 {
        let disposition = rig.pipeline.call(lead(number)).await;
        throttled += u32::from(matches!(disposition, Disposition::Fallback { cause: FailureKind::Throttled, .. }));
    }
    assert!(throttled > 950, "{throttled}");
    let gauges = rig.pipeline.gauges().throttle.expect("it throttles");
    assert_eq!((gauges.rejected, gauges.requests, gauges.accepts), (u64::from(throttled), 1_000, 0));
    let began = rig.log.all().into_iter().filter(|event| matches!(event.kind, EventKind::Throttling { active: true, .. }));
    assert_eq!(began.count(), 1);
    tokio::time::advance(Duration::from_secs(121)).await;
    rig.vendor.then(status(200));
    assert_eq!(rig.pipeline.call(lead(2_000)).await, Disposition::Delivered { attempts: 1 }, "the window has passed");
    rig.assert_balanced();
}
