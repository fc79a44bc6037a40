//! `/ledger`: what happened to every request, one JSON object a line, and live for as long as one listens.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::Call;
use super::refusal::{Problem, Refusal};
use super::reply::Lines;
use crate::fault::SimulatedVendor;
use crate::ledger::{Batch, Entry, Follower, KEPT};

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
    let ledger = &call.admin.simulation.ledger;
    if which.after.is_some() && which.last.is_some() {
        return Err(Refusal::unprocessable(vec![Problem::of("last", "cannot be given together with `after`")]));
    }
    // Where the client does not say how far it is, entries that nobody has asked for are not missed by anybody.
    let tells_missed = which.after.is_some();
    let after = which.after.unwrap_or_else(|| match which.last {
        // Nothing that is not shown has to be looked at.
        Some(last) if which.wants_all() => ledger.written().saturating_sub(last),
        _ => 0,
    });
    let start = ledger.batch_after(after, KEPT, false);
    let mut start = if tells_missed { start } else { Batch { missed: 0, ..start } };
    let follower = which.follow.then(|| ledger.follow_after(start.next));
    let mut cut = Cut { left: which.limit.unwrap_or(u64::MAX), which };
    start.entries.retain(|entry| cut.which.wants(entry));
    if let Some(last) = cut.which.last {
        let skipped = start.entries.len().saturating_sub(usize::try_from(last).unwrap_or(usize::MAX));
        start.entries.drain(..skipped);
    }
    let first = cut.lines(&start);
    let state = (Some(first), follower, cut);
    let lines = stream::unfold(state, |(first, follower, mut cut)| async move {
        if let Some(first) = first {
            return Some((Ok::<Bytes, std::convert::Infallible>(first), (None, follower, cut)));
        }
        let mut follower = follower.filter(|_| cut.left > 0)?;
        tokio::time::sleep(PAUSE).await;
        let lines = cut.next(&mut follower).await;
        Some((Ok(lines), (None, Some(follower), cut)))
    });
    Ok(Lines(Body::from_stream(lines), std::marker::PhantomData))
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
}

impl Cut {
    async fn next(&mut self, follower: &mut Follower) -> Bytes {
        loop {
            let mut batch = follower.next().await;
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
        let entries: &[Arc<Entry>] = &batch.entries[..count];
        crate::ledger::lines(batch.missed, entries).into()
    }
}
