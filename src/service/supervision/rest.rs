//! Coming to rest: a count of what is still to be done means something only when nothing is on its way.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks at what is `moving` until there was nothing for `looks` times in a row (a callback may be on its way between two of
/// them), `within` has passed, or `give_up`. Gives what was still moving.
pub async fn come_to_rest<M>(
    looks: u32,
    within: Duration,
    give_up: impl Fn() -> bool,
    mut moving: impl AsyncFnMut() -> Option<M>,
) -> Option<M> {
    let until = Instant::now() + within;
    let mut still = 0;
    loop {
        let moving = moving().await;
        still = if moving.is_none() { still + 1 } else { 0 };
        if still >= looks || give_up() || Instant::now() >= until {
            return moving;
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_at_rest_when_nothing_moved_for_several_looks_in_a_row() {
        let (mut looks, start) = (0, Instant::now());
        let moving = come_to_rest(
            3,
            Duration::from_secs(60),
            || false,
            async || {
                looks += 1;
                (looks == 2).then_some("it moves")
            },
        );
        assert_eq!(moving.await, None);
        assert_eq!(start.elapsed(), LOOK_EVERY * 4);
        let moving = come_to_rest(3, Duration::from_secs(1), || false, async || Some("it moves"));
        assert_eq!((moving.await, start.elapsed()), (Some("it moves"), LOOK_EVERY * 14));
        let moving = come_to_rest(3, Duration::from_secs(60), || true, async || Some("it moves"));
        assert_eq!((moving.await, start.elapsed()), (Some("it moves"), LOOK_EVERY * 14));
    }
}
