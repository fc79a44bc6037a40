//! `/ledger`: what happened to every request, one JSON object a line, and live with `follow=true`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::Call;
use super::reply::Lines;
use super::unknown::nearest;
use crate::fault::SimulatedVendor;
use crate::ledger::{Batch, Entry, Follower, KEPT, Ledger};
use crate::refusal::{Problem, Refusal};
use crate::simulated::{NO_ROUTE, routes};

/// Pause between two batches for a follower, so that a busy simulator is not woken for every single entry.
const PAUSE: Duration = Duration::from_millis(20);

/// Which entries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only entries after the one of this number (`entry`).
    after: Option<u64>,
    /// Only the last so many of the entries that there are already.
    last: Option<u64>,
    /// No more than so many entries; where `follow` is true, the answer ends then.
    limit: Option<u64>,
    /// Go on with entries as they come, until the client goes away.
    #[serde(default)]
    follow: bool,
    /// Only entries of this vendor.
    vendor: Option<SimulatedVendor>,
    /// Only entries of this route.
    route: Option<String>,
    /// Only entries of requests that this fault was meant to hit.
    fault: Option<String>,
}

/// A line: an entry, or how many entries are missing here.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used: entries are written as they are")]
#[expect(clippy::large_enum_variant, reason = "it exists for its schema only and is never constructed")]
pub(super) enum Line {
    /// One request.
    Entry(Entry),
    /// So many entries were forgotten before they could be sent.
    Missed {
        /// How many.
        missed: u64,
    },
}

pub(super) async fn read(call: Call<Which>) -> Result<Lines<Line>, Refusal> {
    let which = call.query;
    if which.after.is_some() && which.last.is_some() {
        return Err(Refusal::unprocessable(vec![Problem::of("last", "cannot be given together with `after`")]));
    }
    if let Some(route) = which.route.as_deref().filter(|named| *named != NO_ROUTE && routes().all(|route| route.name != *named)) {
        let known: Vec<&str> = routes().map(|route| route.name).chain([NO_ROUTE]).collect();
        let problem = Problem::of("route", format!("there is no route `{route}`")).help(nearest(route, &known));
        return Err(Refusal::unprocessable(vec![problem]));
    }
    Ok(Lines(stream_of(&call.context.simulation.ledger, which), std::marker::PhantomData))
}

fn stream_of(ledger: &Arc<Ledger>, which: Which) -> Body {
    let start = start(ledger, &which);
    let follower = which.follow.then(|| ledger.follow_after(start.next));
    let mut cut = Cut { left: which.limit.unwrap_or(u64::MAX), which, pause: false };
    let first = cut.lines(&start);
    let state = (Some(first), follower, cut);
    Body::from_stream(stream::unfold(state, |(first, follower, mut cut)| async move {
        if let Some(first) = first {
            return Some((Ok::<Bytes, Infallible>(first), (None, follower, cut)));
        }
        let mut follower = follower.filter(|_| cut.left > 0)?;
        let lines = cut.next(&mut follower).await;
        Some((Ok(lines), (None, Some(follower), cut)))
    }))
}

/// What there is already.
fn start(ledger: &Ledger, which: &Which) -> Batch {
    let after = which.after.unwrap_or_else(|| match which.last {
        // Nothing that is not shown has to be looked at.
        Some(last) if which.wants_all() => ledger.written().saturating_sub(last),
        _ => 0,
    });
    let mut batch = ledger.batch_after(after, KEPT, false);
    if which.after.is_none() {
        // A client that does not say how far it is misses no entry.
        batch.missed = 0;
    }
    batch.entries.retain(|entry| which.wants(entry));
    if let Some(last) = which.last {
        let skipped = batch.entries.len().saturating_sub(usize::try_from(last).unwrap_or(usize::MAX));
        batch.entries.drain(..skipped);
    }
    batch
}

impl Which {
    fn wants_all(&self) -> bool {
        self.vendor.is_none() && self.route.is_none() && self.fault.is_none()
    }

    fn wants(&self, entry: &Entry) -> bool {
        self.vendor.is_none_or(|vendor| vendor == entry.vendor)
            && self.route.as_deref().is_none_or(|route| route == entry.route)
            && self.fault.as_deref().is_none_or(|fault| entry.intended.iter().any(|name| &**name == fault))
    }
}

/// What is still wanted.
struct Cut {
    which: Which,
    left: u64,
    /// The last look has found everything that there was.
    pause: bool,
}

impl Cut {
    async fn next(&mut self, follower: &mut Follower) -> Bytes {
        loop {
            if self.pause {
                tokio::time::sleep(PAUSE).await;
            }
            let mut batch = follower.next().await;
            self.pause = !batch.has_more;
            batch.entries.retain(|entry| self.which.wants(entry));
            let lines = self.lines(&batch);
            if !lines.is_empty() {
                return lines;
            }
        }
    }

    fn lines(&mut self, batch: &Batch) -> Bytes {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(batch.entries.len());
        self.left -= count as u64;
        crate::ledger::lines(batch.missed, &batch.entries[..count]).into()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::Value;

    use super::*;
    use crate::ledger::tests::entry;

    /// Entries by their numbers, and gaps as negative ones.
    fn numbers(text: &[u8]) -> Vec<i64> {
        let text = std::str::from_utf8(text).unwrap();
        let of_line = |line: Value| line["entry"].as_i64().unwrap_or_else(|| -line["missed"].as_i64().unwrap());
        text.lines().map(|line| of_line(serde_json::from_str(line).unwrap())).collect()
    }

    fn which(query: &str) -> Which {
        super::super::read::query(query).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_that_falls_behind_learns_how_much_it_has_missed() {
        let ledger = Arc::new(Ledger::new());
        ledger.write(entry(1));
        let mut body = stream_of(&ledger, which("follow=true"));
        assert_eq!(numbers(&body.frame().await.unwrap().unwrap().into_data().unwrap()), [1]);
        for request in 0..KEPT as u64 + 7 {
            ledger.write(entry(request));
        }
        let seen = numbers(&body.frame().await.unwrap().unwrap().into_data().unwrap());
        assert_eq!((&seen[..2], seen.len()), (&[-7, 9][..], 1_001));
    }

    #[tokio::test(start_paused = true)]
    async fn clients_that_say_how_far_they_are_learn_what_was_forgotten() {
        let ledger = Arc::new(Ledger::new());
        for request in 0..KEPT as u64 + 3 {
            ledger.write(entry(request));
        }
        for (query, expected) in
            [("after=1&limit=1", &[-2, 4][..]), ("limit=1", &[4]), ("last=1", &[10_003]), ("after=10002", &[10_003])]
        {
            let text = stream_of(&ledger, which(query)).collect().await.unwrap().to_bytes();
            assert_eq!(numbers(&text), expected, "{query}");
        }
    }
}
