//! The latest events as lines of JSON, for clients that follow them.
//!
//! Emitters are on the path of a request, so an event is written down and no reader is waited for. A service runs for months, so
//! only the latest are kept; a reader that asks for older ones learns how many are gone.

use std::collections::VecDeque;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::event::{Event, EventSink};

/// Events that are kept.
const KEPT: usize = 65_536;

/// The log.
#[derive(Debug)]
pub(super) struct EventLog {
    lines: Mutex<Lines>,
    /// Events that ever were; closed when no more will come.
    ever: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lines {
    latest: VecDeque<Bytes>,
    forgotten: u64,
    ended: bool,
}

impl Default for EventLog {
    fn default() -> Self {
        Self { lines: Mutex::default(), ever: watch::Sender::new(0) }
    }
}

impl EventSink for EventLog {
    fn emit(&self, event: Event) {
        let Ok(mut line) = serde_json::to_vec(&event) else { return };
        line.push(b'\n');
        let ever = {
            let mut lines = self.lines.lock();
            if lines.latest.len() >= KEPT {
                lines.latest.pop_front();
                lines.forgotten += 1;
            }
            lines.latest.push_back(Bytes::from(line));
            lines.forgotten + lines.latest.len() as u64
        };
        self.ever.send_modify(|seen| *seen = ever.max(*seen));
    }
}

impl EventLog {
    /// Events that are no longer kept.
    pub(super) fn forgotten(&self) -> u64 {
        self.lines.lock().forgotten
    }

    /// The events behind the first `after`, in chunks; then, if `follow`, those to come, until [`EventLog::end`].
    pub(super) fn read(
        self: std::sync::Arc<Self>,
        after: u64,
        follow: bool,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        let seen = self.ever.subscribe();
        stream::unfold((self, seen, after), move |(log, mut seen, after)| async move {
            loop {
                // Marked before it is looked: what comes in between wakes the wait below.
                let _ = seen.borrow_and_update();
                let (chunk, next, ended) = log.behind(after);
                if !chunk.is_empty() {
                    return Some((Ok(chunk), (log, seen, next)));
                }
                if !follow || ended || seen.changed().await.is_err() {
                    return None;
                }
            }
        })
    }

    /// No more events will come: followers are released.
    pub(super) fn end(&self) {
        self.lines.lock().ended = true;
        self.ever.send_modify(|_| {});
    }

    /// The kept events behind the first `after` as one chunk, the number of the last, and whether no more will come.
    fn behind(&self, after: u64) -> (Bytes, u64, bool) {
        let lines = self.lines.lock();
        let skip = usize::try_from(after.saturating_sub(lines.forgotten)).unwrap_or(usize::MAX);
        let chunk: Vec<u8> = lines.latest.iter().skip(skip).flat_map(|line| line.iter().copied()).collect();
        let ever = lines.forgotten + lines.latest.len() as u64;
        (Bytes::from(chunk), ever.max(after), lines.ended)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::StreamExt;

    use crate::event::EventKind;

    use super::*;

    fn event(at_us: u64) -> Event {
        Event { at_us, vendor: None, kind: EventKind::CreditsReset }
    }

    fn times(chunk: Option<Result<Bytes, Infallible>>) -> Vec<u64> {
        let chunk = chunk.map(|chunk| chunk.expect("infallible")).unwrap_or_default();
        let text = String::from_utf8(chunk.to_vec()).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str::<Event>(line).expect("an event").at_us).collect()
    }

    #[tokio::test]
    async fn a_follower_gets_what_was_and_what_comes_and_then_the_end() {
        let log = Arc::new(EventLog::default());
        log.emit(event(1));
        log.emit(event(2));
        let mut follower = Box::pin(Arc::clone(&log).read(0, true));
        assert_eq!(times(follower.next().await), [1, 2]);
        let late = tokio::spawn(async move { (times(follower.next().await), follower.next().await.is_none()) });
        log.emit(event(3));
        log.end();
        assert_eq!(late.await.expect("no panic"), (vec![3], true));
        let mut once = Box::pin(Arc::clone(&log).read(2, false));
        assert_eq!(times(once.next().await), [3]);
        assert!(once.next().await.is_none());
    }

    #[tokio::test]
    async fn only_the_latest_are_kept_and_the_rest_is_counted() {
        let log = Arc::new(EventLog::default());
        for at in 0..KEPT as u64 + 5 {
            log.emit(event(at));
        }
        assert_eq!(log.forgotten(), 5);
        let kept = times(Box::pin(Arc::clone(&log).read(0, false)).next().await);
        assert_eq!((kept.len(), kept[0]), (KEPT, 5));
    }
}
