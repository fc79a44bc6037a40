//! A day of a service in a moment: breakers, budgets and queues follow tokio's time alone, so a test can drive them through
//! outages, cool-downs, back-offs and midnight. Whatever slept on another clock would make this take a day.

use crate::resilience::operation::Disposition;
use crate::resilience::settings::CreditSettings;

use super::*;

const HOUR: u64 = 3_600;

#[tokio::test(start_paused = true)]
async fn a_day_with_outages_empty_credits_and_midnight_loses_no_lead_and_overspends_no_day() {
    let credits = CreditSettings { daily_limit: 1_800, per_lead: 6, ..CreditSettings::default() };
    let rig = rig(PipelineSettings { credits: Some(credits), ..plain() });
    let workers = tokio::spawn(Arc::clone(&rig.pipeline).work(4));
    // Down from 2:00 to 3:00 and from 8:00 to 8:30, slow from 12:00 to 13:00, refusing from 16:00 to 16:10.
    let timetable = tokio::spawn({
        let vendor = Arc::clone(&rig.vendor);
        let late = Step::Late(Duration::from_secs(8), Reply { status: Some(200), ..Reply::default() });
        let course = [
            (2 * HOUR, refused()),
            (3 * HOUR, status(200)),
            (8 * HOUR, status(503)),
            (8 * HOUR + 1_800, status(200)),
            (12 * HOUR, late),
            (13 * HOUR, status(200)),
            (16 * HOUR, too_many(120)),
            (16 * HOUR + 600, status(200)),
        ];
        async move {
            let start = Instant::now();
            for (at, step) in course {
                tokio::time::sleep_until(start + Duration::from_secs(at)).await;
                vendor.then(step);
            }
        }
    });
    for number in 0..480 {
        let pipeline = Arc::clone(&rig.pipeline);
        tokio::spawn(async move {
            let disposition = pipeline.call(lead(number)).await;
            assert!(!matches!(disposition, Disposition::Rejected { .. }), "{disposition:?}");
        });
        tokio::time::sleep(Duration::from_secs(180)).await;
    }
    timetable.await.expect("it ends");
    assert_eq!(rig.start.elapsed().as_secs(), 24 * HOUR);
    // The day had 480 leads and credits for 300; the next one has enough for the rest.
    tokio::time::sleep(Duration::from_secs(24 * HOUR)).await;
    workers.abort();

    let counts = rig.pipeline.gauges().counts;
    assert_eq!((counts.submitted, counts.queued, counts.unacknowledged, counts.lost), (480, 0, 0, 0), "{counts:?}");
    assert_eq!(counts.delivered + counts.dead_lettered, 480, "{counts:?}");
    assert!(counts.dead_lettered < 10, "{counts:?}");
    rig.assert_balanced();

    let opened = rig.log.entered(Guard::CircuitBreaker).into_iter().filter(|state| *state == BreakerState::Open).count();
    assert!(opened >= 2, "both outages opened it: {opened}");
    assert_eq!(rig.pipeline.gauges().breaker, Some(BreakerState::Closed));
    let events: Vec<EventKind> = rig.log.all().into_iter().map(|event| event.kind).collect();
    assert!(events.contains(&EventKind::CreditsReset), "midnight came");
    assert_eq!(rig.pipeline.gauges().credits_reserved, counts.delivered * 6);
    let accepted_in = |from: u64, to: u64| {
        let times = rig.vendor.times();
        times.iter().filter(|&&time| time >= from as f64 && time < to as f64).count()
    };
    assert!(accepted_in(2 * HOUR + 60, 3 * HOUR) < 400, "the vendor is not hammered for the hour of its outage");
    assert!(accepted_in(0, 2 * HOUR) >= 40, "and before it all went out");
}
