//! All sinks of a run but its directory.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::Sink;
use super::queue::{Ended, Message, Queue};
use crate::capacity::Assessment;
use crate::event::Event;
use crate::gate::Judged;
use crate::measure::{Interval, SampleReceiver};
use crate::result::RunResult;

/// How long the sinks have at the end of a run to pass on what is waiting.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// Hands everything to every sink. No call waits for a sink but [`Sinks::finish`], which waits for ten seconds at most.
pub struct Sinks(Vec<Queue>);

impl Sinks {
    /// Starts a thread for each.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(sinks: Vec<Box<dyn Sink>>) -> io::Result<Self> {
        Ok(Self(sinks.into_iter().map(Queue::start).collect::<io::Result<_>>()?))
    }

    /// The ways to the sinks that want every sample.
    pub fn sample_receivers(&self) -> impl Iterator<Item = Arc<dyn SampleReceiver>> {
        self.0.iter().filter_map(Queue::sample_receiver)
    }

    /// Hands on an event.
    pub fn event(&self, event: &Event) {
        self.0.iter().for_each(|queue| queue.send(Message::Event(event.clone())));
    }

    /// Hands on a second.
    pub fn second(&self, interval: &Arc<Interval>) {
        self.0.iter().for_each(|queue| queue.send(Message::Second(Arc::clone(interval))));
    }

    /// The run is over: waits for the sinks to pass on what is waiting. Gives what a reader of the result must know.
    pub async fn finish(self, result: &RunResult, judged: &Judged<Assessment>) -> Vec<String> {
        let ended = Arc::new(Ended { result: result.clone(), judged: judged.clone() });
        let deadline = Instant::now() + FINISH_WITHIN;
        let finished = self.0.into_iter().map(|queue| queue.finish(Arc::clone(&ended), deadline));
        join_all(finished).await.into_iter().flatten().collect()
    }
}
