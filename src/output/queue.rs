//! One sink on a thread of its own, behind a bounded queue.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::{Sink, SinkError};
use crate::event::Event;
use crate::measure::Interval;
use crate::report::Judged;
use crate::result::RunResult;
use crate::units::format_count;

/// Seconds that may wait, and as many events.
const WAITING: u64 = 1_024;

/// A run that has ended.
pub(super) struct Ended {
    pub(super) result: RunResult,
    pub(super) judged: Judged,
}

/// What a sink is handed.
pub(super) enum Message {
    Event(Event),
    Second(Arc<Interval>),
    Finish(Arc<Ended>),
}

/// What the load holds of a sink.
pub(super) struct Queue {
    name: String,
    /// Without a bound of its own, so that the end of the run always has room: `counts` keeps the bounds.
    messages: Sender<Message>,
    counts: Arc<Counts>,
    finished: oneshot::Receiver<Result<Option<String>, SinkError>>,
}

/// Each kind that can be lost.
#[derive(Debug)]
struct Counts {
    events: Count,
    seconds: Count,
}

/// How much of one kind was handed in, and how much the sink passed on.
#[derive(Debug)]
struct Count {
    bound: u64,
    handed: AtomicU64,
    waiting: AtomicU64,
    passed: AtomicU64,
}

impl Count {
    fn bounded(bound: u64) -> Self {
        Self { bound, handed: AtomicU64::new(0), waiting: AtomicU64::new(0), passed: AtomicU64::new(0) }
    }

    /// Whether there is room for one more, which then waits.
    fn enter(&self) -> bool {
        self.handed.fetch_add(1, Ordering::Relaxed);
        let has_room = self.waiting.fetch_add(1, Ordering::Relaxed) < self.bound;
        if !has_room {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        has_room
    }

    /// One no longer waits.
    fn leave(&self, passed: bool) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.passed.fetch_add(u64::from(passed), Ordering::Relaxed);
    }

    /// "3 of 40 events", where any were lost.
    fn lost(&self, what: &str) -> Option<String> {
        let (handed, passed) = (self.handed.load(Ordering::Relaxed), self.passed.load(Ordering::Relaxed));
        let lost = handed.saturating_sub(passed);
        (lost > 0).then(|| format!("{} of {} {what}", format_count(lost), format_count(handed)))
    }
}

impl Counts {
    fn of(&self, message: &Message) -> Option<&Count> {
        match message {
            Message::Event(_) => Some(&self.events),
            Message::Second(_) => Some(&self.seconds),
            Message::Finish(_) => None,
        }
    }

    /// "3 of 40 events and 1 of 5 seconds"; `None` when nothing was lost.
    fn lost(&self) -> Option<String> {
        let kinds = [self.events.lost("events"), self.seconds.lost("seconds")];
        kinds.into_iter().flatten().reduce(|events, seconds| format!("{events} and {seconds}"))
    }
}

impl Queue {
    /// Starts the sink's thread.
    pub(super) fn start(sink: Box<dyn Sink>) -> io::Result<Self> {
        Self::with_room_for(WAITING, sink)
    }

    fn with_room_for(waiting: u64, sink: Box<dyn Sink>) -> io::Result<Self> {
        let (messages, received) = channel();
        let (done, finished) = oneshot::channel();
        let [events, seconds] = [Count::bounded(waiting), Count::bounded(waiting)];
        let counts = Arc::new(Counts { events, seconds });
        let (name, counts_of_thread) = (sink.name(), Arc::clone(&counts));
        thread::Builder::new().name("sink".to_owned()).spawn(move || done.send(pass_on(sink, &received, &counts_of_thread)))?;
        Ok(Self { name, messages, counts, finished })
    }

    /// Hands in a message, if there is room for it. Never waits.
    pub(super) fn send(&self, message: Message) {
        if self.counts.of(&message).is_none_or(Count::enter) {
            // A sink that has panicked takes nothing: what it lacks is counted by what it passed on.
            let _ = self.messages.send(message);
        }
    }

    /// Waits until `deadline` for the sink to finish; a thread that has not by then is left behind. Gives what a reader of the
    /// result must know.
    pub(super) async fn finish(self, ended: Arc<Ended>, deadline: Instant) -> Option<String> {
        self.send(Message::Finish(ended));
        let finished = timeout_at(deadline, self.finished).await;
        let lost = self.counts.lost();
        let why = match finished {
            Ok(Ok(Ok(remark))) if lost.is_none() => return remark,
            Ok(Ok(Ok(_))) => "it could not keep up".to_owned(),
            Ok(Ok(Err(error))) => format!("it failed: {error}"),
            Ok(Err(_)) => "it panicked".to_owned(),
            Err(_) => "it was still busy long after the end of the run".to_owned(),
        };
        let lost = lost.unwrap_or_else(|| "its end".to_owned());
        Some(format!("{} lacks {lost}: {why}. All other results are complete.", self.name))
    }
}

/// The sink's thread: hands it one message after the other, up to its first error.
fn pass_on(mut sink: Box<dyn Sink>, messages: &Receiver<Message>, counts: &Counts) -> Result<Option<String>, SinkError> {
    let mut failed = None;
    for message in messages {
        let passed = match &message {
            Message::Finish(ended) => return failed.map_or_else(|| sink.finish(&ended.result, &ended.judged), Err),
            _ if failed.is_some() => false,
            Message::Event(event) => sink.event(event).map_err(|error| failed = Some(error)).is_ok(),
            Message::Second(interval) => sink.second(interval).map_err(|error| failed = Some(error)).is_ok(),
        };
        if let Some(count) = counts.of(&message) {
            count.leave(passed);
        }
    }
    // The load never began.
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::capacity::{Basis, assess};
    use crate::gate::judge;
    use crate::result::samples::{result, some_intervals};

    /// Says that a second has come, then waits for leave, for ever if nobody gives it.
    struct Gated {
        came: Sender<()>,
        leave: Receiver<()>,
    }

    impl Sink for Gated {
        fn name(&self) -> String {
            "gated".to_owned()
        }

        fn second(&mut self, _: &Interval) -> Result<(), SinkError> {
            let _ = self.came.send(());
            let _ = self.leave.recv();
            Ok(())
        }
    }

    /// Takes one second and then fails.
    #[derive(Default)]
    struct Broken(u32);

    impl Sink for Broken {
        fn name(&self) -> String {
            "broken".to_owned()
        }

        fn second(&mut self, _: &Interval) -> Result<(), SinkError> {
            self.0 += 1;
            if self.0 == 1 { Ok(()) } else { Err("the disk is full".into()) }
        }
    }

    struct Panics;

    impl Sink for Panics {
        fn name(&self) -> String {
            "panics".to_owned()
        }

        fn event(&mut self, _: &Event) -> Result<(), SinkError> {
            panic!("on purpose")
        }
    }

    fn gated() -> (Box<Gated>, Receiver<()>, Sender<()>) {
        let ((came, has_come), (give, leave)) = (channel(), channel());
        (Box::new(Gated { came, leave }), has_come, give)
    }

    fn second() -> Message {
        Message::Second(Arc::new(some_intervals()[0].clone()))
    }

    async fn finish(queue: Queue) -> Option<String> {
        let run = crate::result::Run { result: result(), seconds: Vec::new(), totals: Default::default() };
        let judged = Judged { verdict: judge(&run, &[], Vec::new()), capacity: assess(&run, &Basis::default()) };
        queue.finish(Arc::new(Ended { result: result(), judged }), Instant::now() + Duration::from_secs(60)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_blocks_for_ever_holds_up_nothing_and_is_left_behind() {
        let (sink, has_come, _leave) = gated();
        let queue = Queue::with_room_for(4, sink).unwrap();
        queue.send(second());
        has_come.recv().unwrap();
        (0..9).for_each(|_| queue.send(second()));
        let warning = finish(queue).await.unwrap();
        assert_eq!(
            warning,
            "gated lacks 10 of 10 seconds: it was still busy long after the end of the run. All other results are complete."
        );
    }

    #[tokio::test]
    async fn a_slow_sink_loses_what_finds_no_room_and_nothing_else() {
        let (sink, has_come, leave) = gated();
        let queue = Queue::with_room_for(4, sink).unwrap();
        queue.send(second());
        has_come.recv().unwrap();
        // One is being passed on, three wait, six find no room.
        (0..9).for_each(|_| queue.send(second()));
        drop(leave);
        let warning = finish(queue).await.unwrap();
        assert_eq!(warning, "gated lacks 6 of 10 seconds: it could not keep up. All other results are complete.");
    }

    #[tokio::test]
    async fn a_sink_that_fails_gets_nothing_more_and_says_why() {
        let queue = Queue::start(Box::new(Broken::default())).unwrap();
        (0..5).for_each(|_| queue.send(second()));
        let warning = finish(queue).await.unwrap();
        assert_eq!(warning, "broken lacks 4 of 5 seconds: it failed: the disk is full. All other results are complete.");
    }

    #[tokio::test]
    async fn a_sink_that_panics_takes_nobody_with_it() {
        let queue = Queue::start(Box::new(Panics)).unwrap();
        queue.send(Message::Event(Event { at_us: 1, vendor: None, kind: crate::event::EventKind::CreditsReset }));
        let warning = finish(queue).await.unwrap();
        assert!(warning.starts_with("panics lacks 1 of 1 events: it panicked"), "{warning}");
    }

    #[tokio::test]
    async fn a_sink_that_keeps_up_is_not_worth_a_word() {
        let (sink, _has_come, leave) = gated();
        drop(leave);
        let queue = Queue::start(sink).unwrap();
        (0..5).for_each(|_| queue.send(second()));
        assert_eq!(finish(queue).await, None);
    }
}
