//! Coming to rest: the audit is of what is, and not of what is on its way.

use std::time::Duration;

use tokio::time::Instant;

use super::driver::Driver;
use super::vendors::Vendors;
use crate::service::Stats;
use crate::service::supervision::{Api, come_to_rest};
use crate::units::format_duration;

/// How often what is still open is reported.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// So many looks in a row must find it at rest: a callback may be on its way between two of them.
const LOOKS: u32 = 8;

/// Waits until nothing moves any more: nothing queued, nothing under way, nothing that comes back. Where the service has no
/// `api`, until the vendors have heard nothing for `quiet`. Gives what is still moving after `within`.
pub(super) async fn rest(
    api: Option<&Api>,
    vendors: &Vendors,
    driver: &Driver,
    within: Duration,
    quiet: Duration,
) -> Option<String> {
    if driver.ask_again().await > 0 {
        return Some("the service is gone".to_owned());
    }
    if let Some(api) = api {
        let _ = api.redrive().await;
    }
    let mut heard = (requests(vendors), Instant::now());
    let (begun, mut reported) = (Instant::now(), Instant::now());
    let moving = come_to_rest(
        LOOKS,
        within,
        || false,
        async || {
            let now = requests(vendors);
            if now != heard.0 {
                heard = (now, Instant::now());
            }
            let moving = match api {
                Some(api) => moving(api.stats().await.ok(), vendors),
                None => (heard.1.elapsed() < quiet).then(|| "the vendors still hear from it".to_owned()),
            };
            if let Some(moving) = &moving
                && reported.elapsed() >= REPORT_EVERY
            {
                reported = Instant::now();
                let left = format_duration(Duration::from_secs_f64(within.saturating_sub(begun.elapsed()).as_secs_f64().ceil()));
                log::info!("waiting for the service to come to rest, {left} more at most: {moving}");
            }
            moving
        },
    );
    moving.await
}

fn requests(vendors: &Vendors) -> u64 {
    vendors.simulated.counts().iter().map(|count| count.count).sum()
}

fn moving(stats: Option<Stats>, vendors: &Vendors) -> Option<String> {
    let Some(stats) = stats else { return Some("the service does not answer".to_owned()) };
    stats.open().or_else(|| (!vendors.are_done()).then(|| "Clay still enriches rows".to_owned()))
}
