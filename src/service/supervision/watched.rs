//! A service while the load runs, and its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::api::{Api, ClockOffset};
use super::process::ServiceProcess;
use super::rest::come_to_rest;
use super::{Service, config, events, fetch_places, stored_places};
use crate::clock::LoadClock;
use crate::clock::NOTABLE_SKEW;
use crate::event::{Event, EventKind, EventSink};
use crate::executor::{Level, Stop};
use crate::measure::Gauges;
use crate::units::micros;

/// The gauges are read this long before a second ends, so that its row shows them fresh.
const BEFORE_THE_CUT: Duration = Duration::from_millis(100);
/// Times in a row that nothing is under way until it is at rest: Clay's callback for the last row may be on its way.
const QUIET: u32 = 5;
/// What its end may take beyond its own deadline until it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// What is known of the service when the run has ended.
#[derive(Debug, Default)]
pub struct ServiceOutcome {
    /// How it was lost, if it ended before the run did.
    pub lost: Option<String>,
    /// Whether the places at rest have been written down.
    pub places: bool,
    /// What a reader must know to trust the numbers.
    pub warnings: Vec<String>,
}

/// A service while the load runs.
pub struct WatchedService {
    api: Api,
    token: Option<String>,
    reports: bool,
    gauges: watch::Sender<Option<Gauges>>,
    /// Readings of the gauges that did not come.
    unread: Arc<AtomicU64>,
    skew: Duration,
    tasks: Vec<JoinHandle<()>>,
    process: Option<WatchedProcess>,
    warnings: Vec<String>,
}

struct WatchedProcess {
    end: oneshot::Sender<()>,
    watcher: JoinHandle<Ending>,
    dir: PathBuf,
}

/// How the service's process ended.
enum Ending {
    /// Before it was asked to.
    Lost(String),
    /// When it was asked to: how, and whether in order.
    Asked { how: String, in_order: bool },
}

impl Service {
    /// The load begins: from now on the service is watched, and the death of one that the run started ends the load.
    pub async fn watch(self, clock: LoadClock, events: Arc<dyn EventSink>, stop: Stop) -> WatchedService {
        let Self { api, token, reports, process, .. } = self;
        let mut watched = WatchedService {
            api,
            token,
            reports,
            gauges: watch::Sender::new(None),
            unread: Arc::default(),
            skew: Duration::ZERO,
            tasks: Vec::new(),
            process: process.map(|(process, dir)| watch_process(process, dir, clock, Arc::clone(&events), stop)),
            warnings: Vec::new(),
        };
        if reports {
            match watched.api.clock().await {
                Ok(offset) => watched.listen(offset, clock, events),
                Err(error) => watched.warnings.push(format!("The service's clock could not be read: {error}.")),
            }
            watched.tasks.push(watched.read_gauges(clock));
        }
        watched
    }
}

impl WatchedService {
    fn listen(&mut self, offset: ClockOffset, clock: LoadClock, events: Arc<dyn EventSink>) {
        self.skew = offset.bound;
        let api = self.api.clone();
        self.tasks.push(tokio::spawn(async move {
            if let Err(error) = events::follow(&api, offset, clock, Arc::clone(&events)).await {
                let how = format!("its events could not be followed any more: {error}");
                let kind = EventKind::ProcessLost { process: "service".to_owned(), how };
                events.emit(Event { at_us: micros(clock.now()), vendor: None, kind });
            }
        }));
    }

    /// Reads the gauges once a second, shortly before the second ends.
    fn read_gauges(&self, clock: LoadClock) -> JoinHandle<()> {
        let (api, gauges, unread) = (self.api.clone(), self.gauges.clone(), Arc::clone(&self.unread));
        let second = Duration::from_secs(1);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval_at(clock.instant(second - BEFORE_THE_CUT), second);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                match api.stats().await {
                    Ok(stats) => drop(gauges.send_replace(Some(stats.gauges()))),
                    Err(_) => drop(unread.fetch_add(1, Ordering::Relaxed)),
                }
            }
        })
    }

    /// The latest gauges.
    pub fn gauges(&self) -> watch::Receiver<Option<Gauges>> {
        self.gauges.subscribe()
    }

    /// Waits until nothing is under way in the service, for `longest` at most, or until `give_up`. What it waits for goes to `tell`.
    pub async fn rest(&mut self, longest: Duration, give_up: impl Fn() -> bool, tell: impl Fn(String)) {
        if !self.reports {
            return;
        }
        if let Some(open) = self.api.stats().await.ok().and_then(|stats| stats.open()) {
            let longest = crate::units::format_duration(longest);
            tell(format!("waiting for the service to come to rest, {longest} at most: {open}"));
        }
        let under_way = come_to_rest(
            QUIET,
            longest,
            || self.is_lost() || give_up(),
            async || match self.api.stats().await {
                Ok(stats) => {
                    self.gauges.send_replace(Some(stats.gauges()));
                    Some(stats.under_way()).filter(|count| *count > 0).map(Some)
                }
                Err(_) => Some(None),
            },
        );
        match under_way.await {
            None => {}
            Some(Some(count)) => self.warnings.push(format!(
                "{} operations were still under way in the service when the run ended, {} after the load.",
                crate::units::format_count(count),
                crate::units::format_duration(longest)
            )),
            Some(None) => self.warnings.push("Whether the service came to rest could not be read.".to_owned()),
        }
    }

    /// The run is over: places at rest are written to `places`, and a service that the run started is ended.
    pub async fn end(mut self, places: Option<&Path>) -> ServiceOutcome {
        // From here on the service may be gone at any moment, and what it does not answer then is no failure of its.
        self.tasks.iter().for_each(JoinHandle::abort);
        let (lost, places) = match self.process.take() {
            Some(process) => self.end_process(process, places).await,
            None => match places {
                Some(file) if self.reports => (None, self.fetch_places(file).await),
                _ => (None, false),
            },
        };
        let unread = self.unread.load(Ordering::Relaxed);
        if unread > 0 && lost.is_none() {
            self.warnings.push(format!(
                "The service's gauges could not be read {}: queue depth, breakers and credits are those of the reading before.",
                if unread == 1 { "once".to_owned() } else { format!("{} times", crate::units::format_count(unread)) }
            ));
        }
        if self.skew > NOTABLE_SKEW {
            self.warnings.push(format!(
                "The service's clock may be off by up to {}: the times of its events are no better than that.",
                crate::units::format_duration(self.skew)
            ));
        }
        ServiceOutcome { lost, places, warnings: self.warnings }
    }

    fn is_lost(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.watcher.is_finished())
    }

    async fn fetch_places(&mut self, file: &Path) -> bool {
        match fetch_places(&self.api.client, &self.api.places(), self.token.as_deref(), file).await {
            Ok(_) => true,
            Err(error) => {
                self.warnings.push(format!("The places at rest could not be read from the service: {error}."));
                false
            }
        }
    }

    /// The database of a service that ended in order stays only where there is something left in it to look at.
    fn tidy(&self, dir: &Path, left: Option<u64>) {
        let reported = || self.gauges.borrow().as_ref().map(|gauges| gauges.queue_depth + gauges.dead_letters);
        if left.or_else(reported) != Some(0) {
            return;
        }
        let database = config::database(dir);
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let mut file = database.clone().into_os_string();
            file.push(suffix);
            // One that is not there needs no removal, and one that cannot be removed does no harm.
            let _ = std::fs::remove_file(file);
        }
    }

    /// Ends the process, and reads from its database where everything is; gives how it was lost, and whether that was read.
    async fn end_process(&mut self, process: WatchedProcess, places: Option<&Path>) -> (Option<String>, bool) {
        let WatchedProcess { end, watcher, dir } = process;
        let _ = end.send(());
        let ending = watcher.await;
        let left = match places {
            Some(file) => self.read_places(&config::database(&dir), file).await,
            None => None,
        };
        let lost = match ending {
            Ok(Ending::Lost(how)) => Some(how),
            Ok(Ending::Asked { in_order: true, .. }) => {
                self.tidy(&dir, left);
                None
            }
            Ok(Ending::Asked { how, .. }) => {
                self.warnings.push(format!(
                    "The service did not end in order when it was asked to: {how}. Its log is {}.",
                    dir.join(super::LOG).display()
                ));
                None
            }
            Err(_) => Some("its watcher panicked".to_owned()),
        };
        (lost, left.is_some())
    }

    /// Reads the places; gives how many operations are still to be done, or for somebody to look at.
    async fn read_places(&mut self, database: &Path, file: &Path) -> Option<u64> {
        match stored_places::of_database(database, file).await {
            Ok(left) => Some(left),
            Err(error) => {
                self.warnings.push(format!("The places at rest could not be read from {}: {error}.", database.display()));
                None
            }
        }
    }
}

fn watch_process(
    process: ServiceProcess,
    dir: PathBuf,
    clock: LoadClock,
    events: Arc<dyn EventSink>,
    stop: Stop,
) -> WatchedProcess {
    let (end, ended) = oneshot::channel();
    let watcher = tokio::spawn(async move {
        let mut process = process;
        tokio::select! {
            status = process.wait() => {
                let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                let kind = EventKind::ProcessLost { process: "service".to_owned(), how: how.clone() };
                events.emit(Event { at_us: micros(clock.now()), vendor: None, kind });
                stop.raise(Level::CutOff);
                return Ending::Lost(how);
            }
            _ = ended => {}
        }
        match process.end(config::SHUTDOWN + GRACE).await {
            Ok(status) => Ending::Asked { how: status.to_string(), in_order: status.success() },
            Err(how) => Ending::Asked { how, in_order: false },
        }
    });
    WatchedProcess { end, watcher, dir }
}
