//! The task: takes callbacks that are due, and has them posted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::job::{Job, Next};
use super::post::Post;
use crate::fault::{CallbackFaults, WebhookFault};
use crate::simulated::clay::CallbackSettings;
use crate::simulated::clay::Clay;

/// How long a callback that is to be overtaken waits for the next one before it is sent all the same: another may never come.
/// Longer than the usual time between rows, and shorter than receivers wait.
const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// Asks the faults in force what is to happen to a callback, by its identity.
pub(crate) type Judge = Box<dyn Fn(&[u8]) -> CallbackFaults + Send>;

/// The state of the task.
pub(super) struct Sender<P> {
    clay: Arc<Clay>,
    judge: Judge,
    post: P,
    settings: CallbackSettings,
    /// The workspace's reset to which everything below belongs.
    generation: u64,
    start: Instant,
    next_number: u64,
    /// By when they are due, and by their numbers.
    queue: BTreeMap<(Instant, u64), Job>,
    /// The one that waits to be overtaken, and until when.
    held: Option<(Instant, Job)>,
    under_way: JoinSet<(Job, Result<u16, String>)>,
    /// Bytes of what waits and of what is under way. Beyond those that may wait at the workspace, no more are taken from there.
    bytes: usize,
}

impl<P: Post> Sender<P> {
    pub(super) fn new(clay: Arc<Clay>, judge: Judge, post: P) -> Self {
        Self {
            settings: clay.callback_settings().clone(),
            generation: clay.deliveries.generation(),
            start: clay.start(),
            clay,
            judge,
            post,
            next_number: 0,
            queue: BTreeMap::new(),
            held: None,
            under_way: JoinSet::new(),
            bytes: 0,
        }
    }

    /// Makes callbacks until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            self.forget_before_reset();
            let due = self.admit();
            self.release_in_time();
            self.send_due();
            let wake = self.wake(due);
            tokio::select! {
                // Whichever comes first, all that is due is looked at next.
                biased;
                () = self.clay.deliveries.changed.notified() => {}
                Some(sent) = self.under_way.join_next(), if !self.under_way.is_empty() => {
                    // It was aborted by a reset, or it ended: it cannot panic.
                    if let Ok((job, result)) = sent {
                        self.attempted(job, result);
                    }
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
    }

    fn forget_before_reset(&mut self) {
        let generation = self.clay.deliveries.generation();
        if generation != self.generation {
            self.generation = generation;
            self.start = self.clay.start();
            self.queue.clear();
            self.held = None;
            self.under_way = JoinSet::new();
            self.bytes = 0;
        }
    }

    /// Takes what is due, as far as there is room. Returns when more will be.
    fn admit(&mut self) -> Option<Instant> {
        let room = if self.bytes > self.clay.callback_bytes() { 0 } else { self.settings.queue };
        let room = room.saturating_sub(self.queue.len() + usize::from(self.held.is_some()) + self.under_way.len());
        let now = Instant::now();
        let (callbacks, next) = self.clay.due_callbacks(now, room);
        for callback in callbacks {
            let faults = (self.judge)(&callback.identity);
            let job = Job::new(callback, faults, self.next_number, &self.settings);
            self.next_number += 1;
            if job.is_over() {
                self.clay.deliveries.write(job.ended(), self.generation);
            } else {
                let due = now.checked_add(job.faults.delay()).unwrap_or(now);
                self.bytes += job.bytes();
                self.enqueue(due, job);
            }
        }
        // Without room, an attempt's end is what to wait for.
        next.filter(|_| room > 0)
    }

    fn enqueue(&mut self, due: Instant, job: Job) {
        self.queue.insert((due, job.number), job);
    }

    /// Releases a callback that was not overtaken in time.
    fn release_in_time(&mut self) {
        let now = Instant::now();
        if let Some((_, job)) = self.held.take_if(|(until, _)| *until <= now) {
            self.enqueue(now, job);
        }
    }

    fn send_due(&mut self) {
        let now = Instant::now();
        while self.under_way.len() < self.settings.concurrency {
            let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= now) else { return };
            let mut job = first.remove();
            // Where one waits already, this is the one that overtakes it.
            if job.faults.has(WebhookFault::OutOfOrder) && !job.was_held && self.held.is_none() {
                job.was_held = true;
                self.held = Some((now + LONGEST_HOLD, job));
                continue;
            }
            if let Some(request) = job.request() {
                let (post, limit) = (self.post.clone(), self.settings.timeout);
                self.under_way.spawn(async move {
                    let result = timeout(limit, post.post(request)).await;
                    (job, result.unwrap_or_else(|_| Err(format!("no answer within {limit:?}"))))
                });
            }
        }
    }

    fn attempted(&mut self, mut job: Job, result: Result<u16, String>) {
        let now = Instant::now();
        if let Some((_, mut held)) = self.held.take_if(|(_, held)| held.number < job.number) {
            held.was_overtaken = true;
            self.enqueue(now, held);
        }
        match job.attempted(result, now.saturating_duration_since(self.start), &self.settings) {
            Next::Again(pause) => self.enqueue(now.checked_add(pause).unwrap_or(now), job),
            Next::End => {
                self.bytes -= job.bytes();
                self.clay.deliveries.write(job.ended(), self.generation);
            }
        }
    }

    /// When there is something to do, if nothing else happens before.
    fn wake(&self, due: Option<Instant>) -> Option<Instant> {
        let is_free = self.under_way.len() < self.settings.concurrency;
        let queued = self.queue.keys().next().filter(|_| is_free).map(|(due, _)| *due);
        let held = self.held.as_ref().map(|(until, _)| *until);
        [due, queued, held].into_iter().flatten().min()
    }
}
