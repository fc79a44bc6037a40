//! The simulated vendors of a run: this program again, as a child process that ends with its parent whatever happens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mock_server::counts::Count;
use mock_server::fault::{Fault, FaultKind};
use mock_server::process::{Bill, Child, ChildError, TimetableStart};
use mock_server::settings::SimulationSettings;
use mock_server::timetable::FaultChange;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::clock::LoadClock;
use crate::event::{Event, EventKind, EventSink};
use crate::executor::{Level, Stop};
use crate::gate::LedgerClock;
use crate::measure::{FaultEnd, FaultWindow};
use crate::outcome::Vendor;
use crate::scenario::TestPlan;
use crate::seed::Seed;
use crate::units::micros;
use crate::vendor_api::{EndpointError, VendorAccess};

/// How much later than planned a fault may end. A simulator that is later than that does not keep its timetable.
const LATEST_END: Duration = Duration::from_secs(1);
/// Clay's account is read this long before a second ends, so that its row shows it fresh.
const BEFORE_THE_CUT: Duration = Duration::from_millis(100);

/// The simulator of a run, before the load.
pub(super) struct Simulator {
    settings: SimulationSettings,
    child: Child,
}

/// What is known of the simulator when the run has ended.
#[derive(Debug, Default)]
pub(super) struct SimulatorOutcome {
    /// How it was lost, if it ended before the run did.
    pub(super) lost: Option<String>,
    /// What it answered; empty when it was lost.
    pub(super) counts: Vec<Count>,
    /// Largest possible distance of its clock from the load's.
    pub(super) skew: Duration,
    /// How its ledger's clock and the load's go together.
    pub(super) ledger: LedgerClock,
    /// What Clay's rows have cost and will cost; `None` when it was lost.
    pub(super) bill: Option<Bill>,
    /// Why its ledger may not be whole, in its words.
    pub(super) unwritten: Option<String>,
}

impl Simulator {
    /// Starts it as a child of `program` with its ledger in the file `ledger`, and waits until it listens.
    pub(super) async fn start(program: &Path, test_plan: &TestPlan, seed: Seed, ledger: PathBuf) -> Result<Self, ChildError> {
        let mut command = tokio::process::Command::new(program);
        command.args(["mock", "--stdio"]);
        let settings = SimulationSettings {
            seed: seed.0,
            faults: test_plan.faults.clone(),
            ledger_file: Some(ledger),
            ..test_plan.simulation.clone()
        };
        let child = Child::spawn(command, &settings).await?;
        Ok(Self { settings, child })
    }

    /// Where it listens and what it lets in.
    pub(super) fn access(&self) -> Result<VendorAccess, EndpointError> {
        VendorAccess::simulated(|vendor| self.child.url(vendor), &self.settings)
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The load begins: its timetable starts, and from now on its death ends the load.
    pub(super) async fn begin(self, clock: LoadClock, events: Arc<dyn EventSink>, stop: Stop) -> RunningSimulator {
        let Self { mut child, settings } = self;
        let start = child.start().await;
        let behind = start.as_ref().map_or(Duration::ZERO, |start| clock.at(start.at));
        let ledger = start.as_ref().map_or_else(|_| LedgerClock::default(), |start| ledger_clock(start, behind));
        let faults = child.take_faults();
        let windows = fault_windows(&settings.faults, behind, ledger.skew);
        let (credits, watched) = watch::channel(None);
        let (end, ended) = oneshot::channel();
        let (ask, asked) = mpsc::channel(1);
        let watcher = Watcher { child, faults, windows: windows.clone(), credits, clock, behind, ledger, events, stop };
        let watcher = match start {
            Ok(_) => tokio::spawn(watcher.watch(ended, asked)),
            // Faults that never come would make a good run of a bad one.
            Err(error) => {
                let outcome = watcher.lost(error.to_string());
                tokio::spawn(async move { outcome })
            }
        };
        RunningSimulator { end, watcher, windows, credits: watched, ask }
    }
}

/// The simulator while the load runs.
pub(super) struct RunningSimulator {
    end: oneshot::Sender<()>,
    watcher: JoinHandle<SimulatorOutcome>,
    windows: BTreeMap<String, FaultWindow>,
    credits: watch::Receiver<Option<u64>>,
    ask: mpsc::Sender<oneshot::Sender<()>>,
}

impl RunningSimulator {
    /// When its faults are in force, on the load's clock. Their ends are corrected as they come.
    pub(super) fn fault_windows(&self) -> Vec<FaultWindow> {
        self.windows.values().cloned().collect()
    }

    /// What Clay's account was charged, and will be for the rows that it holds, as it is read each second.
    pub(super) fn credits(&self) -> watch::Receiver<Option<u64>> {
        self.credits.clone()
    }

    /// Reads Clay's account now. Of a simulator that is lost, the last reading stays.
    pub(super) async fn read_credits(&self) {
        let (done, is_done) = oneshot::channel();
        if self.ask.send(done).await.is_ok() {
            let _ = is_done.await;
        }
    }

    /// The run is over: what it answered, and its end.
    pub(super) async fn end(self) -> SimulatorOutcome {
        let _ = self.end.send(());
        self.watcher.await.unwrap_or_default()
    }
}

/// Follows the simulator while the load runs.
struct Watcher {
    child: Child,
    faults: Option<mpsc::UnboundedReceiver<FaultChange>>,
    windows: BTreeMap<String, FaultWindow>,
    credits: watch::Sender<Option<u64>>,
    clock: LoadClock,
    /// What the load's clock showed when the timetable's was zero.
    behind: Duration,
    ledger: LedgerClock,
    events: Arc<dyn EventSink>,
    stop: Stop,
}

impl Watcher {
    async fn watch(
        mut self,
        mut ended: oneshot::Receiver<()>,
        mut asked: mpsc::Receiver<oneshot::Sender<()>>,
    ) -> SimulatorOutcome {
        let mut death = std::pin::pin!(self.child.wait());
        let mut faults = self.faults.take();
        let second = Duration::from_secs(1);
        let mut readings = interval_at(self.clock.instant(second - BEFORE_THE_CUT), second);
        readings.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let lost = loop {
            tokio::select! {
                biased;
                Some(change) = next(&mut faults) => self.fault(change),
                death = &mut death => break Some(death.how),
                Some(done) = asked.recv() => {
                    self.read_credits().await;
                    let _ = done.send(());
                }
                _ = &mut ended => break None,
                _ = readings.tick() => self.read_credits().await,
            }
        };
        let counts = match lost {
            Some(how) => Err(how),
            None => self.child.counts().await.map_err(|error| error.to_string()),
        };
        // What it said of its faults before its answer, or before its death.
        while let Some(Ok(change)) = faults.as_mut().map(mpsc::UnboundedReceiver::try_recv) {
            self.fault(change);
        }
        let counts = match counts {
            Ok(counts) => counts,
            Err(how) => return self.lost(how),
        };
        let bill = self.child.bill().await.ok();
        // What its ledger still lacks is written before it ends.
        let ended = self.child.stop().await;
        let unwritten = (!ended.success).then_some(ended.how);
        SimulatorOutcome { lost: None, counts, skew: self.ledger.skew, ledger: self.ledger, bill, unwritten }
    }

    /// An account that cannot be read is as it was: why shows when its death, or its silence at the end, does.
    async fn read_credits(&self) {
        if let Ok(bill) = self.child.bill().await {
            self.credits.send_replace(Some(bill.charged + bill.due));
        }
    }

    /// By how much the clocks may differ, a fault counts as longer: what it caused must not come before it.
    fn fault(&self, change: FaultChange) {
        let at = Duration::from_micros(change.at_us) + self.behind;
        let at = if change.active { at.saturating_sub(self.ledger.skew) } else { at + self.ledger.skew };
        if let Some(window) = self.windows.get(&change.name).filter(|_| !change.active) {
            window.end.set(at);
        }
        let kind = EventKind::Fault { name: change.name, active: change.active };
        self.events.emit(Event { at_us: micros(at), vendor: None, kind });
    }

    fn lost(&self, how: String) -> SimulatorOutcome {
        let kind = EventKind::ProcessLost { process: "simulator".to_owned(), how: how.clone() };
        self.events.emit(Event { at_us: micros(self.clock.now()), vendor: None, kind });
        self.stop.raise(Level::CutOff);
        SimulatorOutcome { lost: Some(how), skew: self.ledger.skew, ledger: self.ledger, ..SimulatorOutcome::default() }
    }
}

/// When the faults of requests are in force, by name, where the load's clock showed `behind` at the timetable's zero, give or take
/// `skew`. Until the end of one is reported, it is as late as a timetable can be.
fn fault_windows(faults: &[Fault], behind: Duration, skew: Duration) -> BTreeMap<String, FaultWindow> {
    let window = |fault: &Fault| FaultWindow {
        vendor: fault.vendor.or(fault.kind.only_of()).map(Vendor::from),
        routes: fault.routes.clone(),
        from_us: micros((fault.at + behind).saturating_sub(skew)),
        end: FaultEnd::at(fault.ends().map_or(Duration::MAX, |end| end.saturating_add(behind + LATEST_END))),
    };
    // What happens to callbacks is not done to requests.
    let hits_requests = |fault: &&Fault| !matches!(fault.kind, FaultKind::Webhook { .. });
    faults.iter().filter(hits_requests).map(|fault| (fault.name.clone(), window(fault))).collect()
}

/// Both clocks at the timetable's zero, where the load's showed `behind`.
fn ledger_clock(start: &TimetableStart, behind: Duration) -> LedgerClock {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    LedgerClock { zero_us: micros(start.ledger).saturating_sub(micros(behind)), skew: start.skew }
}

async fn next(faults: &mut Option<mpsc::UnboundedReceiver<FaultChange>>) -> Option<FaultChange> {
    match faults {
        Some(faults) => faults.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::events::EventLog;

    /// What stands in for the simulator: a shell that is ready, then goes on with `script`..
    async fn simulator(script: &str) -> Simulator {
        let ready = r#"read settings; echo '{"ready":{"clay":"http://127.0.0.1:1","customer_io":"http://127.0.0.1:2"}}'"#;
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", &format!("{ready}; {script}; cat > /dev/null")]);
        let settings = SimulationSettings::default();
        let child = Child::spawn(command, &settings).await.expect("it says that it is ready");
        Simulator { settings, child }
    }

    #[test]
    fn a_request_is_under_a_fault_by_the_vendors_clock_in_the_time_that_the_run_takes() {
        let text = "name = \"x\"\nquestion = \"?\"\nexecutor = \"constant-vus\"\nvus = 1\nduration = \"100s\"\n\
                    journeys = [{ journey = \"clay.enrich\" }]\n\
                    faults = [{ name = \"o\", kind = \"outage\", vendor = \"clay\", at = \"20s\", lasts = \"10s\" }]\n";
        let test_plan = TestPlan::parse(text, Path::new("x.toml")).expect("a valid scenario").scaled(0.1);
        let ms = Duration::from_millis;
        let window = &fault_windows(&test_plan.faults, ms(3), ms(1))["o"];
        assert_eq!((window.vendor, window.from_us), (Some(Vendor::Clay), 2_002_000));
    }

    #[tokio::test]
    async fn what_a_fault_causes_does_not_come_before_it() {
        let said = r#"echo '{"fault":{"name":"o","active":true,"at_us":5000}}'; echo '{"fault":{"name":"o","active":false,"at_us":9000}}'"#;
        let simulator = simulator(&format!(
            r#"read start; echo '{{"started":{{"elapsed_us":0}}}}'; {said}; read count; echo '{{"counts":[]}}'; read bill; echo '{{"bill":{{"rows":0,"charged":0,"due":0,"unpaid":0}}}}'"#
        ))
        .await;
        let events = Arc::new(EventLog::default());
        let outcome = simulator.begin(LoadClock::start(), events.clone(), Stop::default()).await.end().await;
        let [begun, ended] = [0, 1].map(|index| events.with(|events| events[index].at_us));
        assert!((ended - begun).abs_diff(4_000 + 2 * micros(outcome.skew)) <= 2, "{begun} to {ended}, {:?}", outcome.skew);
    }

    #[tokio::test]
    async fn a_simulator_that_does_not_start_its_timetable_is_lost_and_ends_the_load() {
        let simulator = simulator(r#"read start; echo '{"counts":[]}'"#).await;
        let (events, stop) = (Arc::new(EventLog::default()), Stop::default());
        let watched = simulator.begin(LoadClock::start(), events.clone(), stop.clone()).await;
        stop.reached(Level::CutOff).await;
        let lost = watched.end().await.lost.expect("it is lost");
        assert!(lost.contains("unexpected message"), "{lost}");
        assert!(matches!(&events.take().0[..], [Event { kind: EventKind::ProcessLost { .. }, .. }]));
    }

    #[tokio::test]
    async fn a_simulator_that_cannot_say_what_it_answered_is_lost() {
        let simulator =
            simulator(r#"read start; echo '{"started":{"elapsed_us":0}}'; read count; echo '{"started":{"elapsed_us":0}}'"#)
                .await;
        let watched = simulator.begin(LoadClock::start(), Arc::new(EventLog::default()), Stop::default()).await;
        assert!(watched.end().await.lost.is_some());
    }

    #[tokio::test]
    async fn a_fault_that_ends_with_the_run_is_heard_of() {
        let fault = r#"echo '{"fault":{"name":"storm","active":false,"at_us":5}}'"#;
        let simulator = simulator(&format!(
            r#"read start; echo '{{"started":{{"elapsed_us":0}}}}'; read count; {fault}; echo '{{"counts":[]}}'; read bill; echo '{{"bill":{{"rows":1,"charged":2,"due":3,"unpaid":4}}}}'"#
        ))
        .await;
        let (events, stop) = (Arc::new(EventLog::default()), Stop::default());
        let watched = simulator.begin(LoadClock::start(), events.clone(), stop.clone()).await;
        let outcome = watched.end().await;
        assert_eq!((outcome.lost, outcome.unwritten), (None, None));
        assert_eq!(outcome.bill, Some(Bill { rows: 1, charged: 2, due: 3, unpaid: 4 }));
        let heard = events.with(|events| events.iter().any(|event| matches!(event.kind, EventKind::Fault { active: false, .. })));
        assert!(heard && stop.running());
    }
}
