//! One sink on a thread of its own, behind a bounded queue.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::{Sink, SinkError};
use crate::capacity::Assessment;
use crate::event::Event;
use crate::gate::Judged;
use crate::measure::{Interval, Sample, SampleReceiver};
use crate::result::RunResult;
use crate::units::format_count;

/// Seconds and events that may wait.
const WAITING: u64 = 1_024;
/// Samples that may wait: about 10 MB, and a second's pause at tens of thousands of requests a second.
const WAITING_SAMPLES: u64 = 65_536;

/// A run that has ended.
pub(super) struct Ended {
    pub(super) result: RunResult,
    pub(super) judged: Judged<Assessment>,
}

/// What a sink is handed.
pub(super) enum Message {
    Sample(Sample),
    Event(Event),
    Second(Arc<Interval>),
    Finish(Arc<Ended>),
}

/// What the load holds of a sink.
pub(super) struct Queue {
    name: String,
    entrance: Entrance,
    wants_samples: bool,
    finished: oneshot::Receiver<Result<Option<String>, SinkError>>,
}

/// Where messages go in.
#[derive(Debug, Clone)]
struct Entrance {
    /// Without a bound of its own, so that the end of the run always has room: `counts` keeps the bounds.
    messages: Sender<Message>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    samples: Count,
    others: Count,
}

/// How many messages were handed in, and how many the sink passed on.
#[derive(Debug)]
struct Count {
    bound: u64,
    handed: AtomicU64,
    waiting: AtomicU64,
    passed: AtomicU64,
}

impl Count {
    fn new(bound: u64) -> Self {
        let [handed, waiting, passed] = [0; 3].map(AtomicU64::new);
        Self { bound, handed, waiting, passed }
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

    /// "3 of 40 samples"; `None` when none were lost.
    fn lost(&self, what: &str) -> Option<String> {
        let (handed, passed) = (self.handed.load(Ordering::Relaxed), self.passed.load(Ordering::Relaxed));
        let lost = handed.saturating_sub(passed);
        (lost > 0).then(|| format!("{} of {} {what}", format_count(lost), format_count(handed)))
    }
}

impl Counts {
    fn of(&self, message: &Message) -> &Count {
        if matches!(message, Message::Sample(_)) { &self.samples } else { &self.others }
    }

    fn lost(&self) -> Option<String> {
        let lost = [self.samples.lost("samples"), self.others.lost("seconds and events")];
        lost.into_iter().flatten().reduce(|samples, others| format!("{samples} and {others}"))
    }
}

impl Entrance {
    /// Hands in a message, if there is room for it. Never waits.
    fn send(&self, message: Message) {
        if self.counts.of(&message).enter() {
            // A sink that has panicked takes nothing: what it lacks is counted by what it passed on.
            let _ = self.messages.send(message);
        }
    }
}

impl SampleReceiver for Entrance {
    fn sample(&self, sample: Sample) {
        self.send(Message::Sample(sample));
    }
}

impl Queue {
    /// Starts the sink's thread.
    pub(super) fn start(sink: Box<dyn Sink>) -> io::Result<Self> {
        Self::with_room_for([WAITING_SAMPLES, WAITING], sink)
    }

    fn with_room_for([samples, others]: [u64; 2], sink: Box<dyn Sink>) -> io::Result<Self> {
        let (messages, received) = channel();
        let (done, finished) = oneshot::channel();
        let counts = Arc::new(Counts { samples: Count::new(samples), others: Count::new(others) });
        let (name, wants_samples, counts_of_thread) = (sink.name(), sink.wants_samples(), Arc::clone(&counts));
        thread::Builder::new().name("sink".to_owned()).spawn(move || done.send(pass_on(sink, &received, &counts_of_thread)))?;
        Ok(Self { name, entrance: Entrance { messages, counts }, wants_samples, finished })
    }

    /// Where samples go in, if the sink wants them.
    pub(super) fn sample_receiver(&self) -> Option<Arc<dyn SampleReceiver>> {
        self.wants_samples.then(|| Arc::new(self.entrance.clone()) as _)
    }

    /// Hands in a second or an event, if there is room for it. Never waits.
    pub(super) fn send(&self, message: Message) {
        self.entrance.send(message);
    }

    /// Waits until `deadline` for the sink to finish; a thread that has not by then is left behind. Gives what a reader of the
    /// result must know.
    pub(super) async fn finish(self, ended: Arc<Ended>, deadline: Instant) -> Vec<String> {
        let _ = self.entrance.messages.send(Message::Finish(ended));
        let finished = timeout_at(deadline, self.finished).await;
        let lost = self.entrance.counts.lost();
        let (remark, why) = match finished {
            Ok(Ok(Ok(remark))) => (remark, lost.as_ref().map(|_| "it could not keep up".to_owned())),
            Ok(Ok(Err(error))) => (None, Some(format!("it failed: {error}"))),
            Ok(Err(_)) => (None, Some("it panicked".to_owned())),
            Err(_) => (None, Some("it was still busy long after the end of the run".to_owned())),
        };
        let lost = lost.unwrap_or_else(|| "its end".to_owned());
        let lacks = why.map(|why| format!("{} lacks {lost}: {why}. All other results are complete.", self.name));
        [remark, lacks].into_iter().flatten().collect()
    }
}

/// The sink's thread: hands it one message after the other, up to its first error.
fn pass_on(mut sink: Box<dyn Sink>, messages: &Receiver<Message>, counts: &Counts) -> Result<Option<String>, SinkError> {
    let mut failed = None;
    for message in messages {
        let passed = match &message {
            Message::Finish(ended) => return failed.map_or_else(|| sink.finish(&ended.result, &ended.judged), Err),
            _ if failed.is_some() => Ok(()),
            Message::Sample(sample) => sink.sample(sample),
            Message::Event(event) => sink.event(event),
            Message::Second(interval) => sink.second(interval),
        };
        failed = failed.or(passed.err());
        counts.of(&message).leave(failed.is_none());
    }
    // The load never began.
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::capacity::{Basis, assess};
    use crate::clock::LoadClock;
    use crate::gate::judge;
    use crate::measure::{IterationSample, RecorderBuilder};
    use crate::outcome::Vendor;
    use crate::result::samples::{result, some_intervals};

    /// Says that a second has come, then waits for leave, for ever if it does not come.
    struct Gated {
        came: Sender<()>,
        leave: Receiver<()>,
    }

    impl Sink for Gated {
        fn name(&self) -> String {
            "gated".to_owned()
        }

        fn wants_samples(&self) -> bool {
            true
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

    /// A sample as a recorder hands it out.
    fn sample() -> Sample {
        #[derive(Debug)]
        struct Kept(Sender<Sample>);
        impl SampleReceiver for Kept {
            fn sample(&self, sample: Sample) {
                let _ = self.0.send(sample);
            }
        }
        let (kept, samples) = channel();
        let mut builder = RecorderBuilder::new(LoadClock::starting_at(Instant::now()), vec![], vec![]);
        let journey = builder.receiver(Arc::new(Kept(kept))).journey("lead", Vendor::Clay, []);
        let [due, sent, done] = [1, 1, 2].map(Duration::from_micros);
        builder.build(1).0.iteration(IterationSample { journey, due, sent, done, failure: None });
        samples.recv().unwrap()
    }

    async fn finish(queue: Queue) -> Option<String> {
        let run =
            crate::result::Run { result: result(), seconds: Vec::new(), totals: Default::default(), fault_latencies: Vec::new() };
        let judged = Judged { verdict: judge(&run, &[], Vec::new()), capacity: assess(&run, &Basis::default()) };
        queue.finish(Arc::new(Ended { result: result(), judged }), Instant::now() + Duration::from_secs(60)).await.pop()
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_blocks_for_ever_holds_up_nothing_and_is_left_behind() {
        let (sink, has_come, _leave) = gated();
        let queue = Queue::with_room_for([4, 4], sink).unwrap();
        queue.send(second());
        has_come.recv().unwrap();
        (0..9).for_each(|_| queue.send(second()));
        let warning = finish(queue).await.unwrap();
        assert_eq!(
            warning,
            "gated lacks 10 of 10 seconds and events: it was still busy long after the end of the run. All other results are complete."
        );
    }

    #[tokio::test]
    async fn a_slow_sink_loses_what_finds_no_room_and_nothing_else() {
        let (sink, has_come, leave) = gated();
        let queue = Queue::with_room_for([4, 4], sink).unwrap();
        queue.send(second());
        has_come.recv().unwrap();
        // One is being passed on, three wait, six find no room.
        (0..9).for_each(|_| queue.send(second()));
        drop(leave);
        let warning = finish(queue).await.unwrap();
        assert_eq!(warning, "gated lacks 6 of 10 seconds and events: it could not keep up. All other results are complete.");
    }

    #[tokio::test]
    async fn a_sink_that_fails_gets_nothing_more_and_says_why() {
        let queue = Queue::start(Box::new(Broken::default())).unwrap();
        (0..5).for_each(|_| queue.send(second()));
        let warning = finish(queue).await.unwrap();
        assert_eq!(
            warning,
            "broken lacks 4 of 5 seconds and events: it failed: the disk is full. All other results are complete."
        );
    }

    #[tokio::test]
    async fn a_sink_that_panics_ends_alone() {
        let queue = Queue::start(Box::new(Panics)).unwrap();
        queue.send(Message::Event(Event { at_us: 1, vendor: None, kind: crate::event::EventKind::CreditsReset }));
        let warning = finish(queue).await.unwrap();
        assert!(warning.starts_with("panics lacks 1 of 1 seconds and events: it panicked"), "{warning}");
    }

    #[tokio::test]
    async fn samples_have_room_and_a_count_of_their_own() {
        let (sink, has_come, leave) = gated();
        let queue = Queue::with_room_for([2, 4], sink).unwrap();
        queue.send(second());
        has_come.recv().unwrap();
        let samples = queue.sample_receiver().unwrap();
        (0..5).for_each(|_| samples.sample(sample()));
        (0..3).for_each(|_| queue.send(second()));
        drop(leave);
        let warning = finish(queue).await.unwrap();
        assert_eq!(warning, "gated lacks 3 of 5 samples: it could not keep up. All other results are complete.");
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
