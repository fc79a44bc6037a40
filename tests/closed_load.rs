//! The closed executor with work of its own: what panics, hangs or finishes early.
//!
//! Goose's kill switch belongs to the whole process, so this file holds one test: one load a process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

use plimsoll::clock::LoadClock;
use plimsoll::executor::{Next, Stop, User, Work, closed};
use plimsoll::scenario::TestPlan;
use plimsoll::seed::Seed;

/// User 0 panics at each third iteration, user 1 hangs for ever at its first, the others work.
#[derive(Default)]
struct Troubled {
    done: AtomicU64,
    panics: AtomicU64,
    interrupted: AtomicU64,
    dropped: AtomicU64,
    active: AtomicI32,
    after_a_panic: AtomicBool,
}

impl Work for Troubled {
    async fn iterate(&self, user: &mut User, _due: Duration) -> Next {
        tokio::task::yield_now().await;
        match (user.index, user.iterations % 3) {
            (0, 0) => panic!("iteration {} of user 0", user.iterations),
            (1, _) => std::future::pending().await,
            _ => {}
        }
        if user.index == 0 && user.iterations > 3 {
            self.after_a_panic.store(true, Ordering::Relaxed);
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Next::Pause(Duration::ZERO)
    }

    fn panicked(&self, message: &str) {
        assert!(message.starts_with("iteration "), "{message}");
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    fn interrupted(&self) {
        self.interrupted.fetch_add(1, Ordering::Relaxed);
    }

    fn dropped(&self, iterations: u64) {
        self.dropped.fetch_add(iterations, Ordering::Relaxed);
    }

    fn user_active(&self, active: bool) {
        self.active.fetch_add(if active { 1 } else { -1 }, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_counted_and_its_user_goes_on_and_what_hangs_is_cut_off() {
    let text = "name = \"x\"\nquestion = \"?\"\nexecutor = \"per-vu-iterations\"\nvus = 4\niterations = 30\n\
                maxDuration = \"2s\"\ngracefulStop = \"100ms\"\njourneys = [{ journey = \"lead\" }]\n";
    let load = TestPlan::parse(text, Path::new("x.toml")).expect("a valid test plan").total_load();
    let work = Arc::new(Troubled::default());
    let mut launched = closed::launch(&load, Seed(1), &Stop::default()).expect("Goose starts");
    assert!(launched.ready().await);
    launched.begin(LoadClock::start(), Arc::clone(&work));
    launched.ended().await.expect("the load comes to its end");

    // 30 iterations each: user 0 panics in 10 of them, user 1 hangs in its first until it is cut off.
    assert_eq!(work.panics.load(Ordering::Relaxed), 10);
    assert!(work.after_a_panic.load(Ordering::Relaxed), "user 0 went on after its first panic");
    assert_eq!(work.done.load(Ordering::Relaxed), 20 + 30 + 30);
    assert_eq!(work.interrupted.load(Ordering::Relaxed), 1);
    assert_eq!(work.dropped.load(Ordering::Relaxed), 29, "user 1 hangs in the first of its 30");
    assert_eq!(work.active.load(Ordering::Relaxed), 0, "every user has gone");
}
