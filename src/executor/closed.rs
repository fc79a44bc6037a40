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
use super::load::{Load, ScenarioLoad};
use super::quiet::QuietStdout;
use super::schedule::{Schedule, ScheduledUser};
use super::stop::{Level, Stop};
use super::user::{Next, User, Work};
use crate::clock::LoadClock;
use crate::seed::Seed;

/// How often a user that has nothing more to do asks Goose whether it may leave.
const LEAVING: Duration = Duration::from_millis(20);
/// Longest wait for Goose after every iteration has been cut off. It notices within half a second.
const REST: Duration = Duration::from_secs(15);

/// A load whose users wait. Dropped before it has ended, it is cut off.
#[must_use]
pub struct Launched<W> {
    pool: Arc<UserPool<W>>,
    attack: JoinHandle<Result<(), ExecutorError>>,
}

/// Starts Goose; its users wait until the load begins. `stop` ends the load early.
///
/// # Errors
/// When Goose refuses its settings, or standard output cannot be silenced.
pub fn launch<W: Work>(load: &Load, seed: Seed, stop: &Stop) -> Result<Launched<W>, ExecutorError> {
    let pool = Arc::new(UserPool::new(load, seed, stop.clone()));
    if pool.users.is_empty() {
        return Err(ExecutorError::NoUsers);
    }
    let attack = attack(&pool)?;
    let quiet = QuietStdout::start().map_err(|error| ExecutorError::Goose(format!("standard output: {error}")))?;
    let attack = tokio::spawn(follow(Arc::clone(&pool), attack, quiet));
    Ok(Launched { pool, attack })
}

impl<W: Work> Launched<W> {
    /// Waits for Goose. False when the load will never begin: `stop` was raised first, or Goose failed.
    pub async fn ready(&self) -> bool {
        self.pool.start_when(|start| *start != Start::Waiting).await == Start::Ready
    }

    /// The load begins: `clock` has just started, and the users do `work`.
    pub fn begin(&self, clock: LoadClock, work: Arc<W>) {
        self.pool.begin(clock, work);
    }

    /// Waits for the load's end: the end of its plan, of its iterations or of its data, or what `stop` is raised to.
    ///
    /// # Errors
    /// When Goose fails, or does not come to rest after the load was cut off.
    pub async fn ended(&mut self) -> Result<(), ExecutorError> {
        match (&mut self.attack).await {
            Ok(result) => result,
            Err(error) => Err(ExecutorError::Goose(error.to_string())),
        }
    }
}

impl<W> Launched<W> {
    /// When its last iteration had ended, from the start of the load: Goose needs up to half a second more to end itself.
    /// `None` before.
    pub fn work_ended(&self) -> Option<Duration> {
        self.pool.work_ended.get().copied()
    }
}

impl<W> Drop for Launched<W> {
    fn drop(&mut self) {
        self.pool.advance(Start::Never);
        self.pool.stop.raise(Level::CutOff);
    }
}

/// Runs the attack until the load's end.
async fn follow<W: Work>(pool: Arc<UserPool<W>>, attack: GooseAttack, _quiet: QuietStdout) -> Result<(), ExecutorError> {
    let end = tokio::spawn(end(Arc::clone(&pool)));
    let result = tokio::select! {
        result = attack.execute() => result.map(drop).map_err(goose_error),
        () = overdue(&pool.stop) => Err(ExecutorError::NotAtRest(REST)),
    };
    pool.advance(Start::Never);
    end.abort();
    pool.count_dropped();
    result
}

async fn overdue(stop: &Stop) {
    stop.reached(Level::CutOff).await;
    tokio::time::sleep(REST).await;
}

/// Waits for the load's end and ends Goose.
async fn end<W: Work>(pool: Arc<UserPool<W>>) {
    let Start::Begun(clock) = pool.start_when(Start::is_decided).await else { return };
    pool.come_to_end(clock).await;
    goose::trigger_killswitch("the load is at its end");
}

fn attack<W: Work>(pool: &Arc<UserPool<W>>) -> Result<GooseAttack, ExecutorError> {
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
    let configuration = with_steps(&configuration, steps(pool))?;
    let iterate = Arc::clone(pool);
    let iteration = Transaction::new(Arc::new(move |user: &mut GooseUser| {
        let pool = Arc::clone(&iterate);
        let index = user.weighted_users_index;
        Box::pin(async move { pool.transaction(index).await }) as Pin<Box<dyn Future<Output = TransactionResult> + Send>>
    }));
    let start = Arc::clone(pool);
    let begin = Transaction::new(Arc::new(move |_user: &mut GooseUser| {
        let pool = Arc::clone(&start);
        Box::pin(async move { pool.goose_is_ready().await }) as Pin<Box<dyn Future<Output = TransactionResult> + Send>>
    }));
    let attack = GooseAttack::initialize_with_config(configuration)
        .and_then(|attack| attack.set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies()))
        .map_err(goose_error)?;
    Ok(attack.test_start(begin).register_scenario(Scenario::new("plimsoll").register_transaction(iteration)))
}

/// Steps of (users, milliseconds) for Goose's test plan: all users at once, for each waits by itself until the plan needs it; a
/// hold longer than the load, which is ended from outside; and the step to 0 without which an attack never ends.
///
/// Goose itself never uses a stopped user again, and its holds end up to half a second late.
fn steps<W>(pool: &UserPool<W>) -> Vec<(usize, usize)> {
    let users = pool.users.len();
    let beyond = pool.load.duration() + Duration::from_secs(24 * 3_600);
    vec![(users, 0), (users, beyond.as_millis() as usize), (0, 0)]
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
pub(super) struct UserPool<W> {
    load: Load,
    stop: Stop,
    start: watch::Sender<Start>,
    running: OnceLock<Running<W>>,
    /// Each user's own state, taken out while it iterates. A user is one task: the locks are never contended.
    users: Vec<Mutex<Option<ScheduledUser>>>,
    /// Users that have something left to do.
    left: AtomicU32,
    under_way: AtomicU32,
    rest: Notify,
    /// When the last iteration had ended.
    work_ended: OnceLock<Duration>,
}

struct Running<W> {
    work: Arc<W>,
    /// One a scenario.
    schedules: Vec<Schedule>,
}

/// The users of this process's segment of the load: a scenario's are a range of indexes, as in the whole load.
fn users(load: &Load, seed: Seed) -> Vec<ScheduledUser> {
    let mut users = Vec::new();
    let mut first = 0;
    for (index, scenario) in load.scenarios.iter().enumerate() {
        let count = scenario.plan().max_users();
        let numbers = (0..load.segment.share(u64::from(count))).map(|n| load.segment.number(n) as u32);
        users.extend(numbers.map(|number| ScheduledUser::new(User::new(first + number, index, seed), number)));
        first += count;
    }
    users
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

impl<W> UserPool<W> {
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

impl<W: Work> UserPool<W> {
    pub(super) fn new(load: &Load, seed: Seed, stop: Stop) -> Self {
        let users: Vec<_> = users(load, seed).into_iter().map(|user| Mutex::new(Some(user))).collect();
        Self {
            load: load.clone(),
            stop,
            start: watch::Sender::new(Start::Waiting),
            running: OnceLock::new(),
            left: AtomicU32::new(users.len().try_into().unwrap_or(u32::MAX)),
            users,
            under_way: AtomicU32::new(0),
            rest: Notify::new(),
            work_ended: OnceLock::new(),
        }
    }

    /// How many users there are.
    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    /// The load begins: `clock` has just started, and the users do `work`.
    pub(super) fn begin(&self, clock: LoadClock, work: Arc<W>) {
        let schedule = |scenario: &ScenarioLoad| Schedule::new(&self.load, scenario, clock, self.stop.clone());
        let schedules = self.load.scenarios.iter().map(schedule).collect();
        if self.running.set(Running { work, schedules }).is_ok() {
            self.advance(Start::Begun(clock));
        }
    }

    /// Waits for the load's end, and cuts off what is still under way when its time is over.
    pub(super) async fn come_to_end(&self, clock: LoadClock) {
        tokio::select! {
            biased;
            () = self.stop.reached(Level::Finish) => {}
            () = tokio::time::sleep_until(clock.instant(self.load.duration())) => self.stop.raise(Level::Finish),
        }
        tokio::select! {
            biased;
            () = self.at_rest() => {}
            () = self.stop.reached(Level::CutOff) => {}
            () = tokio::time::sleep(self.load.graceful_stop()) => {}
        }
        self.stop.raise(Level::CutOff);
        let _ = self.work_ended.set(clock.now());
    }

    /// Counts the planned iterations that have not begun. To be called when the load has ended.
    pub(super) fn count_dropped(&self) {
        if let Some(Running { work, schedules }) = self.running.get() {
            work.dropped(schedules.iter().map(Schedule::not_begun).sum());
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

    /// One call by Goose: one iteration, or the wait for the user's next.
    async fn transaction(&self, index: usize) -> TransactionResult {
        if !self.next_iteration(index).await {
            tokio::time::sleep(LEAVING).await;
        }
        Ok(())
    }

    /// Waits until a user is to iterate, and has it do so. False when the load is at its end.
    pub(super) async fn next_iteration(&self, index: usize) -> bool {
        let taken = self.users.get(index).and_then(|user| user.lock().expect("no one panics with this lock").take());
        let (Some(mut user), Some(running)) = (taken, self.running.get()) else { return false };
        let schedule = &running.schedules[user.user.scenario];
        let due = schedule.wait(&mut user, &self.left, |active| running.work.user_active(active)).await;
        if let Some(due) = due {
            self.iterate(&running.work, schedule, &mut user, due).await;
        }
        self.users[index].lock().expect("no one panics with this lock").replace(user);
        due.is_some()
    }

    async fn iterate(&self, work: &Arc<W>, schedule: &Schedule, scheduled: &mut ScheduledUser, due: Duration) {
        debug_assert!(scheduled.active());
        // Entered first and then asked, as `end` raises the level first and then counts: an iteration that begins at the very
        // end is either waited for or not begun, and never cut off for want of time.
        self.under_way.fetch_add(1, Ordering::SeqCst);
        if !self.stop.running() {
            self.leave();
            schedule.give_back();
            return;
        }
        let ScheduledUser { user, cut_off, .. } = scheduled;
        let iteration = AssertUnwindSafe(work.iterate(user, due)).catch_unwind();
        let outcome = tokio::select! {
            biased;
            outcome = iteration => Some(outcome),
            () = self.stop.reached(Level::CutOff) => None,
            () = cut_off.as_mut() => None,
        };
        self.leave();
        match outcome {
            // An iteration that waited for nothing must leave the thread to others now and then.
            Some(Ok(Next::Pause(pause))) if pause.is_zero() => tokio::task::coop::consume_budget().await,
            Some(Ok(Next::Pause(pause))) => schedule.pause(scheduled, pause, |active| work.user_active(active)).await,
            Some(Ok(Next::Finished)) => {
                self.stop.raise(Level::Finish);
                schedule.give_back();
            }
            Some(Err(panic)) => {
                work.panicked(message(panic.as_ref()));
                // A journey that panics at once must not keep its thread from the other users.
                tokio::task::yield_now().await;
            }
            None => work.interrupted(),
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
    use crate::executor::kind::Iterations;
    use crate::executor::kind::testing::Any;
    use crate::plan::{LoadPlan, Segment};

    /// Work that must not be done.
    struct Undone;

    impl Work for Undone {
        async fn iterate(&self, _: &mut User, _: Duration) -> Next {
            panic!("an iteration began")
        }

        fn panicked(&self, message: &str) {
            panic!("{message}");
        }

        fn interrupted(&self) {
            panic!("an iteration was cut off");
        }

        fn dropped(&self, _: u64) {}

        fn user_active(&self, _: bool) {}
    }

    fn scenario(users: u32, iterations: Iterations) -> ScenarioLoad {
        let executor = Arc::new(Any(LoadPlan::constant(users, Duration::from_secs(60)), iterations));
        ScenarioLoad { executor, start_time: Duration::ZERO, graceful_stop: Duration::ZERO }
    }

    #[tokio::test(start_paused = true)]
    async fn an_iteration_that_comes_to_its_turn_at_the_very_end_is_not_begun() {
        let load = Load::of(scenario(1, Iterations::Each(3)));
        let (stop, clock) = (Stop::default(), LoadClock::start());
        let pool = UserPool::new(&load, Seed(1), stop.clone());
        let schedule = Schedule::new(&load, &load.scenarios[0], clock, stop.clone());
        let mut user = users(&load, Seed(1)).pop().unwrap();
        let due = schedule.wait(&mut user, &pool.left, |_| ()).await.expect("its turn");
        assert_eq!(schedule.not_begun(), 2);
        // The load has ended, and no user was at work.
        stop.raise(Level::Finish);
        pool.at_rest().await;
        stop.raise(Level::CutOff);
        pool.iterate(&Arc::new(Undone), &schedule, &mut user, due).await;
        pool.at_rest().await;
        assert_eq!(schedule.not_begun(), 3);
    }

    #[tokio::test]
    async fn each_user_is_in_one_segment_with_its_own_number_and_chance() {
        use rand::Rng;
        let scenarios = vec![scenario(5, Iterations::Unlimited), scenario(3, Iterations::Shared(3))];
        let of = |segment| {
            let users = users(&Load { scenarios: scenarios.clone(), segment }, Seed(1)).into_iter();
            users.map(|mut user| (user.user.index, user.user.scenario, user.user.rng.random::<u64>())).collect::<Vec<_>>()
        };
        let whole = of(Segment::WHOLE);
        assert_eq!(whole.iter().map(|user| (user.0, user.1)).nth(5), Some((5, 1)));
        let mut all: Vec<_> = (0..4).flat_map(|index| of(Segment::new(index, 4).unwrap())).collect();
        all.sort_unstable();
        assert_eq!(all, whole);
    }
}
