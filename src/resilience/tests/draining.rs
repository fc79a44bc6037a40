//! From the queue to the vendor, and by way of the dead letters back.

use crate::resilience::operation::Disposition;
use crate::resilience::queue::Drained;
use crate::resilience::queue::Redriven;
use crate::resilience::queue::dead_letters::DeadLetters;
use crate::resilience::settings::{FallbackSettings, LimiterSettings};

use super::*;

/// Puts `count` leads of as many users into the queue: the breaker opens after five.
async fn outage(rig: &Rig, count: u32) {
    rig.vendor.then(status(503));
    for number in 0..count {
        let disposition = rig.pipeline.call(lead(number)).await;
        assert!(matches!(disposition, Disposition::Fallback { .. }), "{disposition:?}");
    }
    assert_eq!(rig.pipeline.gauges().breaker, Some(BreakerState::Open));
}

fn spawn_drain(rig: &Rig) -> tokio::task::JoinHandle<()> {
    tokio::spawn(Arc::clone(&rig.pipeline).work(1))
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_queue_is_delivered_whole_paced_and_in_order() {
    let rig = rig(no_retries());
    outage(&rig, 50).await;
    let drain = spawn_drain(&rig);
    rig.vendor.then(status(200));
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(rig.vendor.count(), 5, "while it is open nothing is sent");
    tokio::time::sleep(Duration::from_secs(31)).await;
    drain.abort();
    let gauges = rig.pipeline.gauges();
    assert_eq!((gauges.queue_depth, gauges.counts.delivered, gauges.breaker), (0, 50, Some(BreakerState::Closed)));
    let times = &rig.vendor.times()[5..];
    assert!(times[0] >= 30.0, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 0.199), "200 ms apart: {times:?}");
    let expected: Vec<String> = (0..50).map(|number| format!("user{number}")).collect();
    assert_eq!(rig.vendor.users()[5..], expected);
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn an_http_error_is_not_a_delivery() {
    let rig = rig(PipelineSettings { breaker: None, ..no_retries() });
    rig.vendor.next([status(503), status(500)]);
    rig.pipeline.call(lead(1)).await;
    assert_eq!(rig.pipeline.drain_once().await, Drained::Failed);
    assert_eq!(rig.pipeline.gauges().queue_depth, 1);
    assert_eq!(rig.pipeline.drain_once().await, Drained::NotDue { until: rig.start + Duration::from_secs(60) });
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(rig.pipeline.drain_once().await, Drained::Delivered);
    assert_eq!(rig.pipeline.drain_once().await, Drained::Empty);
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn after_its_attempts_an_entry_is_a_dead_letter_with_its_whole_history() {
    let rig = rig(PipelineSettings { breaker: None, ..no_retries() });
    rig.vendor.then(status(503));
    rig.pipeline.call(lead(1)).await;
    let drain = spawn_drain(&rig);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    drain.abort();
    let times: Vec<f64> = rig.vendor.times().iter().map(|time| (time / 60.0).round()).collect();
    assert_eq!(times, [0.0, 0.0, 1.0, 3.0, 7.0, 15.0], "the call, then five attempts, in minutes");
    let letters = rig.pipeline.backlog().page(0, 10).await.expect("working letters");
    assert_eq!((letters.len(), letters[0].cause), (1, FailureKind::ServerError));
    assert_eq!((letters[0].entry.retry_count, letters[0].entry.attempts.len()), (5, 6));
    rig.assert_balanced();
    rig.vendor.then(status(200));
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 1 }, "its mark is gone");
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_calls_invalid_leaves_the_queue_at_once() {
    let rig = rig(no_retries());
    rig.vendor.next([status(503), status(400)]);
    rig.pipeline.call(lead(1)).await;
    assert_eq!(rig.pipeline.drain_once().await, Drained::DeadLettered);
    assert_eq!((rig.pipeline.gauges().queue_depth, rig.pipeline.gauges().dead_letters), (0, 1));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn without_room_in_the_dead_letters_an_entry_stays_queued() {
    let fallback = FallbackSettings { dead_letter_capacity: 0, ..FallbackSettings::default() };
    let rig = rig(PipelineSettings { fallback, ..no_retries() });
    rig.vendor.next([status(503), status(400)]);
    rig.pipeline.call(lead(1)).await;
    assert_eq!(rig.pipeline.drain_once().await, Drained::Failed);
    assert_eq!(rig.pipeline.gauges().queue_depth, 1);
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_rejection_uses_up_no_attempt() {
    let rig = rig(no_retries());
    outage(&rig, 6).await;
    rig.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::ForcedOpen, Instant::now());
    let drain = spawn_drain(&rig);
    tokio::time::sleep(Duration::from_secs(7_200)).await;
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().queue_depth), (5, 6));
    rig.vendor.then(status(200));
    rig.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::InForce, Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    drain.abort();
    assert_eq!(rig.pipeline.gauges().counts.delivered, 6);
    assert_eq!(rig.vendor.attempts()[5..], [1; 6], "each at its first attempt from the queue");
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_comes_while_the_drain_waits_is_taken() {
    let rig = rig(PipelineSettings { breaker: None, ..no_retries() });
    let drain = spawn_drain(&rig);
    tokio::time::sleep(Duration::from_secs(100)).await;
    rig.vendor.next([status(503)]);
    rig.pipeline.call(lead(1)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    drain.abort();
    assert_eq!(rig.pipeline.gauges().counts.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_is_cut_off_loses_nothing() {
    let rig = rig(no_retries());
    rig.vendor.next([status(503), Step::Hang]);
    rig.pipeline.call(lead(1)).await;
    let cut = tokio::time::timeout(Duration::from_secs(1), rig.pipeline.drain_once()).await;
    assert!(cut.is_err());
    assert_eq!((rig.pipeline.gauges().queue_depth, rig.pipeline.gauges().in_flight), (1, 0));
    let drain = spawn_drain(&rig);
    tokio::time::sleep(Duration::from_secs(120)).await;
    drain.abort();
    assert_eq!(rig.pipeline.gauges().counts.delivered, 1, "its lease ended");
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_from_the_queue_is_known_to_its_copies() {
    let rig = rig(no_retries());
    rig.vendor.next([status(503)]);
    rig.pipeline.call(lead(1)).await;
    assert_eq!(rig.pipeline.drain_once().await, Drained::Delivered);
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Duplicate);
    assert_eq!(rig.vendor.count(), 2);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 1 }, "remembered for an hour");
}

#[tokio::test(start_paused = true)]
async fn an_entry_without_a_turn_is_given_back_as_it_was() {
    let limiter = LimiterSettings { rate: 0.1, burst: 1, max_wait: Duration::from_secs(1) };
    let rig = rig(PipelineSettings { limiter: Some(limiter), ..no_retries() });
    rig.vendor.next([status(503)]);
    rig.pipeline.call(lead(1)).await;
    assert_eq!(rig.pipeline.drain_once().await, Drained::Blocked { until: Some(rig.start + Duration::from_secs(10)) });
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(rig.pipeline.drain_once().await, Drained::Delivered);
    assert_eq!(rig.vendor.attempts(), [1, 1], "the blocked one was no attempt");
}

#[tokio::test(start_paused = true)]
async fn the_drain_sees_a_pause_before_it_takes_anything() {
    let rig = rig(PipelineSettings { breaker: None, ..no_retries() });
    rig.vendor.next([status(503), too_many(20)]);
    rig.pipeline.call(lead(1)).await;
    rig.pipeline.call(lead(2)).await;
    assert_eq!(rig.pipeline.drain_once().await, Drained::Blocked { until: Some(rig.start + Duration::from_secs(20)) });
    assert_eq!(rig.start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_put_off_is_due_when_it_said() {
    let rig = rig(plain());
    rig.vendor.next([too_many(3_600)]);
    rig.pipeline.call(lead(1)).await;
    let until = rig.start + Duration::from_secs(3_600);
    assert_eq!(rig.pipeline.drain_once().await, Drained::NotDue { until });
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_redriven_at_most_three_times_and_none_is_dropped() {
    let rig = rig(PipelineSettings { breaker: None, ..no_retries() });
    rig.vendor.then(status(400));
    rig.pipeline.call(lead(1)).await;
    for round in 1..=3 {
        assert_eq!(rig.pipeline.redrive().await, Ok(Redriven { moved: 1, ..Redriven::default() }), "round {round}");
        assert_eq!(rig.pipeline.gauges().queue_depth, 1);
        assert_eq!(rig.pipeline.drain_once().await, Drained::DeadLettered);
    }
    assert_eq!(rig.pipeline.redrive().await, Ok(Redriven { kept: 1, ..Redriven::default() }));
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().dead_letters), (4, 1));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_letter_whose_copy_was_delivered_is_not_sent_again() {
    let rig = rig(no_retries());
    rig.vendor.next([status(400)]);
    rig.pipeline.call(lead(1)).await;
    assert_eq!(rig.pipeline.call(lead(1)).await, Disposition::Delivered { attempts: 1 });
    assert_eq!(rig.pipeline.redrive().await, Ok(Redriven { duplicates: 1, ..Redriven::default() }));
    let gauges = rig.pipeline.gauges();
    assert_eq!((gauges.dead_letters, gauges.queue_depth, rig.vendor.count()), (0, 0, 2));
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_flaps_all_day_loses_no_lead() {
    let rig = rig(plain());
    let drain = spawn_drain(&rig);
    let flapping = tokio::spawn({
        let vendor = Arc::clone(&rig.vendor);
        async move {
            for turn in 0..8_640_u64 {
                vendor.then(if turn % 2 == 0 { status(200) } else { refused() });
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
            vendor.then(status(200));
        }
    });
    for number in 0..2_000 {
        let pipeline = Arc::clone(&rig.pipeline);
        tokio::spawn(async move { pipeline.call(lead(number)).await });
        tokio::time::sleep(Duration::from_secs(40)).await;
    }
    flapping.await.expect("it ends");
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    drain.abort();
    let counts = rig.pipeline.gauges().counts;
    assert_eq!((counts.submitted, counts.unacknowledged, counts.queued, counts.lost), (2_000, 0, 0, 0), "{counts:?}");
    assert!(counts.delivered > 1_900, "{counts:?}");
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn redriven_letters_come_one_after_the_other() {
    let fallback = FallbackSettings { drain_pacing: Duration::ZERO, ..FallbackSettings::default() };
    let rig = rig(PipelineSettings { breaker: None, fallback, ..no_retries() });
    rig.vendor.next((0..5).map(|_| status(400)));
    for number in 0..5 {
        rig.pipeline.call(lead(number)).await;
    }
    assert_eq!(rig.pipeline.redrive().await, Ok(Redriven { moved: 5, ..Redriven::default() }));
    let work = tokio::spawn(Arc::clone(&rig.pipeline).work(5));
    tokio::time::sleep(Duration::from_secs(10)).await;
    work.abort();
    let times: Vec<f64> = rig.vendor.times()[5..].iter().map(|time| (time * 2.0).round() / 2.0).collect();
    assert_eq!(times, [0.0, 0.5, 1.0, 1.5, 2.0]);
    rig.assert_balanced();
}
