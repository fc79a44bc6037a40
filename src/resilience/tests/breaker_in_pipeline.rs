//! The rows of the breaker's table that need a whole pipeline.

use crate::resilience::operation::Disposition;

use super::*;

const CLOSED: BreakerState = BreakerState::Closed;
const OPEN: BreakerState = BreakerState::Open;

#[tokio::test(start_paused = true)]
async fn row_21_ten_400s_and_404s_leave_the_pipeline_s_breaker_closed() {
    let rig = rig(PipelineSettings { breaker: Some(table()), ..plain() });
    rig.vendor.next((0..10).map(|index| status(if index % 2 == 0 { 400 } else { 404 })));
    for number in 0..10 {
        let disposition = rig.pipeline.call(lead(number)).await;
        assert_eq!(disposition, Disposition::DeadLettered { cause: FailureKind::ClientError });
    }
    assert_eq!(rig.vendor.count(), 10, "none was retried");
    assert_eq!(rig.pipeline.gauges().breaker, Some(CLOSED));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn row_22_a_429_with_retry_after_pauses_the_limiter_and_nothing_is_sent_meanwhile() {
    let rig = rig(PipelineSettings { breaker: Some(table()), ..plain() });
    rig.vendor.next([too_many(30)]);
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let pipeline = Arc::clone(&rig.pipeline);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(u64::from(number))).await;
                pipeline.call(lead(number)).await
            })
        })
        .collect();
    for call in calls {
        assert!(matches!(call.await.expect("it ends"), Disposition::Delivered { .. }));
    }
    let times = rig.vendor.times();
    assert_eq!(times.len(), 21, "the 429 and everybody's success");
    assert!(times[1..].iter().all(|&time| time >= 30.0), "{times:?}");
    assert_eq!(rig.pipeline.gauges().breaker, Some(CLOSED));
    let paused = rig.log.all().into_iter().any(|event| event.kind == EventKind::Paused { for_ms: 30_000 });
    assert!(paused, "{:?}", rig.log.all());
}

#[tokio::test(start_paused = true)]
async fn a_429_whose_retry_after_cannot_be_read_pauses_everybody_for_the_first_back_off() {
    let rig = rig(plain());
    let Step::Answer(refusal) = too_many(1) else { panic!("an answer") };
    rig.vendor.next([Step::Answer(Reply { retry_after: Some(RetryAfter::Unreadable), ..refusal })]);
    let first = tokio::spawn({
        let pipeline = Arc::clone(&rig.pipeline);
        async move { pipeline.call(lead(1)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let second = rig.pipeline.call(lead(2)).await;
    assert!(matches!(second, Disposition::Delivered { .. }), "{second:?}");
    assert!(matches!(first.await.expect("it ends"), Disposition::Delivered { .. }));
    let base = plain().retry.base_delay.as_secs_f64();
    let times = rig.vendor.times();
    assert!(times.len() == 3 && times[1..].iter().all(|&time| time >= base), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn row_25_every_attempt_of_a_retry_counts_and_a_rejection_is_not_retried() {
    let rig = rig(PipelineSettings { breaker: Some(table()), ..plain() });
    rig.vendor.then(status(503));
    let first = rig.pipeline.call(lead(1)).await;
    assert!(matches!(first, Disposition::Fallback { cause: FailureKind::ServerError, .. }), "{first:?}");
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().breaker), (4, Some(CLOSED)));
    let second = rig.pipeline.call(lead(2)).await;
    assert!(matches!(second, Disposition::Fallback { cause: FailureKind::BreakerOpen, .. }), "{second:?}");
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().breaker), (5, Some(OPEN)));
    let before = Instant::now();
    let third = rig.pipeline.call(lead(3)).await;
    assert!(matches!(third, Disposition::Fallback { cause: FailureKind::BreakerOpen, .. }), "{third:?}");
    assert_eq!(Instant::now(), before, "no back-off for a rejection");
    assert_eq!(rig.vendor.count(), 5);
}
