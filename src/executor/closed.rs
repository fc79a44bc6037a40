//! Closed load: Goose schedules the users, and nothing else.
//!
//! Goose sends nothing here, measures nothing, prints nothing and listens to nothing: a transaction is one iteration of a
//! [`Work`], which sends through our own transport and measures itself. The kill switch is how every load ends; it is a
//! static of Goose's, so a process runs one load at a time. The process must have installed its own handler for SIGINT
//! (crate ctrlc) before, or Goose takes the signal.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario, Transaction, TransactionResult};
use goose::test_plan::TestPlan;
use goose::{GooseAttack, GooseError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::error::ExecutorError;
use super::launch;
use super::quiet::QuietStdout;
use super::stop::{Level, Stop};
use super::turns::{Seat, Turn, Turns};
use crate::clock::LoadClock;
use crate::journey::{Next, User, Work};
use crate::scenario::Load;
use crate::seed::Seed;

/// How often a user that has nothing more to do asks Goose whether it may leave.
const LEAVING: Duration = Duration::from_millis(20);
/// Longest wait for Goose after every iteration has been cut off. It notices within half a second.
const REST: Duration = Duration::from_secs(15);

/// A load whose users wait. Dropped before it has ended, it is cut off.
#[must_use]
pub struct Launched<W> {
    crowd: Arc<Crowd<W>>,
    attack: JoinHandle<Result<(), ExecutorError>>,
}

/// Starts Goose; its users wait until the load begins. `stop` ends the load early.
///
/// # Errors
/// When Goose refuses its settings, or standard output cannot be silenced.
pub fn launch<W: Work>(load: &Load, seed: Seed, stop: &Stop) -> Result<Launched<W>, ExecutorError> {
    let crowd = Arc::new(Crowd::new(load, seed, stop.clone()));
    let attack = attack(load, &crowd)?;
    let quiet = QuietStdout::start().map_err(|error| ExecutorError::Goose(format!("standard output: {error}")))?;
    let attack = tokio::spawn(follow(Arc::clone(&crowd), attack, quiet));
    Ok(Launched { crowd, attack })
}

impl<W: Work> Launched<W> {
    /// Waits for Goose. False when the load will never begin: `stop` was raised first, or Goose failed.
    pub async fn ready(&self) -> bool {
        self.crowd.start_when(|start| *start != Start::Waiting).await == Start::Ready
    }

    /// The load begins: `clock` has just started, and the users do `work`.
    pub fn begin(&self, clock: LoadClock, work: Arc<W>) {
        let load = &self.crowd.load;
        let turns = Turns::new(load.executor, load.plan.clone(), clock, self.crowd.stop.clone());
        if self.crowd.running.set(Running { work, turns }).is_ok() {
            self.crowd.advance(Start::Begun(clock));
        }
    }

    /// Waits for the load's end: the end of its plan, of its iterations or of its data, or what `stop` is raised to.
    ///
    /// # Errors
    /// When Goose fails, or does not come to rest after the load was cut off.
    pub async fn ended(mut self) -> Result<(), ExecutorError> {
        match (&mut self.attack).await {
            Ok(result) => result,
            Err(error) => Err(ExecutorError::Goose(error.to_string())),
        }
    }
}

impl<W> Drop for Launched<W> {
    fn drop(&mut self) {
        self.crowd.advance(Start::Never);
        self.crowd.stop.raise(Level::CutOff);
    }
}

/// Runs the attack until the load's end.
async fn follow<W: Work>(crowd: Arc<Crowd<W>>, attack: GooseAttack, _quiet: QuietStdout) -> Result<(), ExecutorError> {
    let end = tokio::spawn(end(Arc::clone(&crowd)));
    let result = tokio::select! {
        result = attack.execute() => result.map(drop).map_err(goose_error),
        () = overdue(&crowd.stop) => Err(ExecutorError::NotAtRest(REST)),
    };
    crowd.advance(Start::Never);
    end.abort();
    result
}

async fn overdue(stop: &Stop) {
    stop.reached(Level::CutOff).await;
    tokio::time::sleep(REST).await;
}

/// Waits for the load's end and ends Goose.
async fn end<W: Work>(crowd: Arc<Crowd<W>>) {
    let Start::Begun(clock) = crowd.start_when(Start::is_decided).await else { return };
    tokio::select! {
        () = tokio::time::sleep_until(clock.instant(crowd.load.plan.duration())) => crowd.stop.raise(Level::Finish),
        () = crowd.stop.reached(Level::Finish) => {}
    }
    tokio::select! {
        () = crowd.at_rest() => {}
        () = tokio::time::sleep(crowd.load.graceful_stop) => {}
        () = crowd.stop.reached(Level::CutOff) => {}
    }
    crowd.stop.raise(Level::CutOff);
    goose::trigger_killswitch("the load is at its end");
}

fn attack<W: Work>(load: &Load, crowd: &Arc<Crowd<W>>) -> Result<GooseAttack, ExecutorError> {
    // The first logger that is installed stays: this one keeps Goose's off both outputs.
    let _ = log::set_logger(&SILENT);
    let configuration = GooseConfiguration::parse_args_default(&[
        "--host",
        "http://127.0.0.1/",
        "--no-metrics",
        "--no-print-metrics",
        "--no-telnet",
        "--no-websocket",
        // Goose's client never sends anything: it must not need the machine's certificates to exist.
        "--accept-invalid-certs",
        "-qq",
    ])
    .map_err(|error| ExecutorError::Goose(error.to_string()))?;
    let configuration = with_steps(&configuration, launch::steps(&load.plan))?;
    let iterate = Arc::clone(crowd);
    let iteration = Transaction::new(Arc::new(move |user: &mut GooseUser| {
        let crowd = Arc::clone(&iterate);
        let index = user.weighted_users_index;
        Box::pin(async move { crowd.transaction(index).await }) as Pin<Box<dyn Future<Output = TransactionResult> + Send>>
    }));
    let start = Arc::clone(crowd);
    let begin = Transaction::new(Arc::new(move |_user: &mut GooseUser| {
        let crowd = Arc::clone(&start);
        Box::pin(async move { crowd.goose_is_ready().await }) as Pin<Box<dyn Future<Output = TransactionResult> + Send>>
    }));
    let attack = GooseAttack::initialize_with_config(configuration)
        .and_then(|attack| attack.set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies()))
        .map_err(goose_error)?;
    Ok(attack.test_start(begin).register_scenario(Scenario::new("plimsoll").register_transaction(iteration)))
}

/// Goose's command line gives steps in whole seconds; its serialised form takes milliseconds.
fn with_steps(configuration: &GooseConfiguration, steps: Vec<(usize, usize)>) -> Result<GooseConfiguration, ExecutorError> {
    let plan = TestPlan { steps, current: 0 };
    let with = || {
        let mut value = serde_json::to_value(configuration)?;
        value["test_plan"] = serde_json::to_value(plan)?;
        serde_json::from_value(value)
    };
    with().map_err(|error: serde_json::Error| ExecutorError::Goose(error.to_string()))
}

fn goose_error(error: GooseError) -> ExecutorError {
    ExecutorError::Goose(error.to_string())
}

/// All users of a load.
struct Crowd<W> {
    load: Load,
    stop: Stop,
    start: watch::Sender<Start>,
    running: OnceLock<Running<W>>,
    /// Each user's own state, taken out while it iterates. A user is one task: the locks are never contended.
    seats: Vec<Mutex<Option<Seat>>>,
    under_way: AtomicU32,
    rest: Notify,
}

struct Running<W> {
    work: Arc<W>,
    turns: Turns,
}

/// How far the start of the load has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Start {
    /// Goose starts.
    Waiting,
    /// Goose waits for the load to begin.
    Ready,
    /// The load's clock runs.
    Begun(LoadClock),
    /// The load was to end before it could begin.
    Never,
}

impl Start {
    fn is_decided(&self) -> bool {
        matches!(self, Self::Begun(_) | Self::Never)
    }
}

impl<W> Crowd<W> {
    /// The start goes on to `next`, unless it is decided.
    fn advance(&self, next: Start) {
        self.start.send_if_modified(|start| {
            let undecided = !start.is_decided();
            if undecided {
                *start = next;
            }
            undecided
        });
    }

    /// Waits for the start to come so far.
    async fn start_when(&self, so_far: impl FnMut(&Start) -> bool) -> Start {
        // The sender lives in `self`, so the wait cannot fail.
        self.start.subscribe().wait_for(so_far).await.map_or(Start::Never, |start| *start)
    }
}

impl<W: Work> Crowd<W> {
    fn new(load: &Load, seed: Seed, stop: Stop) -> Self {
        let seats = (0..load.plan.max_users()).map(|index| Mutex::new(Some(Seat::new(User::new(index, seed)))));
        Self {
            load: load.clone(),
            stop,
            start: watch::Sender::new(Start::Waiting),
            running: OnceLock::new(),
            seats: seats.collect(),
            under_way: AtomicU32::new(0),
            rest: Notify::new(),
        }
    }

    /// Goose has started, and cleared its kill switch: it can be ended from here on. Its users start when this returns.
    async fn goose_is_ready(&self) -> TransactionResult {
        if self.stop.running() {
            self.advance(Start::Ready);
        } else {
            self.advance(Start::Never);
        }
        if self.start_when(Start::is_decided).await == Start::Never {
            self.stop.raise(Level::CutOff);
            goose::trigger_killswitch("the load never begins");
        }
        Ok(())
    }

    /// One call by Goose: one iteration, or the wait for the user's turn.
    async fn transaction(&self, index: usize) -> TransactionResult {
        let taken = self.seats.get(index).and_then(|seat| seat.lock().expect("no one panics with this lock").take());
        let (Some(mut seat), Some(running)) = (taken, self.running.get()) else {
            tokio::time::sleep(LEAVING).await;
            return Ok(());
        };
        match running.turns.wait(&mut seat, |active| running.work.user_active(active)).await {
            Turn::Go => self.iterate(running, &mut seat).await,
            Turn::Over => tokio::time::sleep(LEAVING).await,
        }
        self.seats[index].lock().expect("no one panics with this lock").replace(seat);
        Ok(())
    }

    async fn iterate(&self, running: &Running<W>, seat: &mut Seat) {
        debug_assert!(seat.active());
        // Entered first and then asked, as `end` raises the level first and then counts: an iteration that begins at the very
        // end is either waited for or not begun, and never cut off for want of time.
        self.under_way.fetch_add(1, Ordering::SeqCst);
        if !self.stop.running() {
            self.leave();
            return;
        }
        let iteration = AssertUnwindSafe(running.work.iterate(&mut seat.user)).catch_unwind();
        let outcome = tokio::select! {
            biased;
            outcome = iteration => Some(outcome),
            () = self.stop.reached(Level::CutOff) => None,
        };
        self.leave();
        match outcome {
            Some(Ok(Next::Pause(pause))) if pause.is_zero() => {}
            Some(Ok(Next::Pause(pause))) => {
                running.turns.pause(seat, pause, |active| running.work.user_active(active)).await;
            }
            Some(Ok(Next::Finished)) => self.stop.raise(Level::Finish),
            Some(Err(panic)) => {
                running.work.panicked(message(panic.as_ref()));
                // A journey that panics at once must not keep its thread from the other users.
                tokio::task::yield_now().await;
            }
            None => running.work.interrupted(),
        }
    }

    /// An iteration is no longer under way.
    fn leave(&self) {
        if self.under_way.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.rest.notify_waiters();
        }
    }

    /// Completes when no iteration is under way.
    async fn at_rest(&self) {
        loop {
            let mut rest = std::pin::pin!(self.rest.notified());
            rest.as_mut().enable();
            if self.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            rest.await;
        }
    }
}

/// What a panic said.
fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}

static SILENT: Silent = Silent;

/// Takes what Goose logs and drops it.
struct Silent;

impl log::Log for Silent {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        false
    }

    fn log(&self, _: &log::Record<'_>) {}

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::LoadPlan;
    use crate::scenario::ExecutorKind;

    /// Work that must not be done.
    struct Undone;

    impl Work for Undone {
        async fn iterate(&self, _: &mut User) -> Next {
            panic!("an iteration began")
        }

        fn panicked(&self, message: &str) {
            panic!("{message}");
        }

        fn interrupted(&self) {
            panic!("an iteration was cut off");
        }

        fn user_active(&self, _: bool) {}
    }

    #[tokio::test(start_paused = true)]
    async fn an_iteration_that_comes_to_its_turn_at_the_very_end_is_not_begun() {
        let plan = LoadPlan::constant(1, Duration::from_secs(60));
        let load = Load { executor: ExecutorKind::ConstantVus, plan: plan.clone(), graceful_stop: Duration::ZERO };
        let (stop, clock) = (Stop::default(), LoadClock::start());
        let crowd = Crowd::new(&load, Seed(1), stop.clone());
        let running = Running { work: Arc::new(Undone), turns: Turns::new(load.executor, plan, clock, stop.clone()) };
        let mut seat = Seat::new(User::new(0, Seed(1)));
        assert_eq!(running.turns.wait(&mut seat, |_| ()).await, Turn::Go);
        // The load has ended, and found nobody at work.
        stop.raise(Level::Finish);
        crowd.at_rest().await;
        stop.raise(Level::CutOff);
        crowd.iterate(&running, &mut seat).await;
        crowd.at_rest().await;
    }
}
