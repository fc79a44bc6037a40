//! One life after the other, each with its death, and the audit at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::deaths::deaths;
use super::driver::{CLIENTS, Driver};
use super::rest::rest;
use super::service::{Launch, Target, was_killed};
use super::vendors::Vendors;
use super::{ChaosError, Death};
use crate::audit::{Audit, AuditOptions, FindingKind, Journals, Verdict, audit};
use crate::journal::{DRIVER, DriverEntry, Journal, JournalWritten, PLACES, VENDORS};
use crate::outcome::OperationKind;
use crate::seed::Seed;
use crate::service::supervision::{Api, CALLBACKS, ConfigSource, ReservedPort, ServiceProcess, fetch_places, write_config};
use crate::transport::{HttpClient, PoolSettings};
use crate::vendor_api::{VendorAccess, bearer};

/// How long a life waits for the instant at which it is to end. One that does not come is a finding.
const REACHED_WITHIN: Duration = Duration::from_secs(20);
/// How often dead letters are brought back while the service is being killed.
const REDRIVE_EVERY: Duration = Duration::from_millis(80);

/// Workers of `plimsoll serve` for each vendor.
const WORKERS: u32 = 8;
/// How `plimsoll serve` is configured: quick to retry, for lives are short.
const RESILIENCE: &str = r#"
[resilience.clay]
credits = false
breaker = { failures = 8, cooldown = "200ms" }
retry = { max_retries = 3, base_delay = "20ms", max_delay = "500ms" }
timeout = "1s"
queue = { attempts = 6, base_delay = "100ms", drain_pacing = "1ms" }

[resilience.customer_io]
breaker = { failures = 8, cooldown = "200ms" }
retry = { max_retries = 3, base_delay = "20ms", max_delay = "500ms" }
timeout = "1s"
queue = { attempts = 6, base_delay = "100ms", drain_pacing = "1ms" }
"#;

/// What to kill, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillOptions {
    /// What is killed.
    pub target: Target,
    /// How often.
    pub kills: usize,
    /// The seed of everything random.
    pub seed: Seed,
    /// Where the journals, the database and the service's messages go.
    pub dir: PathBuf,
    /// How long it may take until nothing moves any more.
    pub rest_within: Duration,
    /// How long the vendors of a service that reports nothing must have heard nothing.
    pub quiet: Duration,
    /// Whether each user's operations have to be done in their order.
    pub in_order: bool,
    /// What each lead has to come to.
    pub operations: Vec<OperationKind>,
}

/// One life of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Life {
    /// Its number, from 1.
    pub number: usize,
    /// How it was to end: a failpoint's name and the number of the time it is reached, `after-vendor-commit`, or a time.
    pub death: String,
    /// How it ended, where that was not as planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// Submissions acknowledged until its end, those of earlier lives too.
    pub acknowledged: u64,
}

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct KillReport {
    /// The seed.
    pub seed: Seed,
    /// Each life.
    pub lives: Vec<Life>,
    /// Failpoints at which no life ended.
    pub unreached: Vec<&'static str>,
    /// What else did not go as it must.
    pub problems: Vec<String>,
    /// The audit.
    pub audit: Audit,
}

impl KillReport {
    /// Whether every death was had as planned, everything came to rest, and the audit passed.
    pub fn passed(&self) -> bool {
        self.audit.passed() && self.problems.is_empty() && self.lives.iter().all(|life| life.instead.is_none())
    }
}

struct Harness {
    vendors: Vendors,
    launch: Launch,
    driver: Driver,
    /// What `plimsoll serve` reports; `None` for a service of one's own.
    api: Option<Api>,
    client: HttpClient,
    /// The service must come back at the same port after each death.
    _port: Option<ReservedPort>,
}

/// Kills the service as often as asked, lets it come to rest, and audits it. `tell` is called with each life.
///
/// # Errors
/// When there is no verdict: the service does not come up, a file cannot be written. What is wrong with the service is in the
/// report.
pub async fn kill(options: &KillOptions, tell: &mut dyn FnMut(&Life)) -> Result<KillReport, ChaosError> {
    let journal = written(&options.dir.join(DRIVER), Journal::<DriverEntry>::create)?;
    let harness = Harness::prepare(options, &journal).await?;
    let failpoints = matches!(options.target, Target::Plimsoll { .. });
    let mut lives = Vec::with_capacity(options.kills);
    let mut unreached = Vec::new();
    for (index, death) in deaths(options.seed, options.kills, failpoints).into_iter().enumerate() {
        let life = harness.live(index + 1, death).await?;
        if let (Some(_), Death::At(point, _)) = (&life.instead, death) {
            unreached.push(point.as_str());
        }
        tell(&life);
        lives.push(life);
    }
    let (problems, charged_rows, at_rest) = harness.rest(options, lives.len() + 1, journal).await?;
    let mut audit = judge(options, charged_rows)?;
    let tells_places = !matches!(&options.target, Target::Own(own) if own.places.is_none());
    if !at_rest && !tells_places {
        doubt_losses(&mut audit);
    }
    Ok(KillReport { seed: options.seed, lives, unreached, problems, audit })
}

/// What a service that reports no places had not yet sent to the vendors when the harness gave up waiting looks lost.
fn doubt_losses(audit: &mut Audit) {
    audit.missing.push("the service did not come to rest: what is not at the vendors may have been on its way".to_owned());
    if audit.findings.iter().all(|finding| finding.kind == FindingKind::Lost) {
        audit.verdict = Verdict::NotProven;
    }
}

fn judge(options: &KillOptions, charged_rows: u64) -> Result<Audit, ChaosError> {
    let audit_options = AuditOptions {
        clay_deduplicates: match &options.target {
            Target::Plimsoll { .. } => true,
            Target::Own(own) => own.dedupes,
        },
        in_order: options.in_order,
        operations: options.operations.clone(),
        charged_rows: Some(charged_rows),
        ..AuditOptions::default()
    };
    Ok(audit(&Journals::in_dir(&options.dir), &audit_options)?)
}

impl Harness {
    async fn prepare(options: &KillOptions, journal: &Journal<DriverEntry>) -> Result<Self, ChaosError> {
        let dir = &options.dir;
        let port = match &options.target {
            Target::Plimsoll { .. } => Some(written(dir, |_| ReservedPort::new())?),
            Target::Own(_) => None,
        };
        let base = port.as_ref().map(|port| format!("http://127.0.0.1:{}", port.number));
        let (leads, token, refuses, shares_users) = match (&options.target, &base) {
            // What is refused for good needs a resting state, or it would look like a lost lead.
            (Target::Own(own), _) => (own.leads.clone(), own.token.clone(), own.places.is_some(), false),
            (Target::Plimsoll { .. }, base) => {
                let leads = format!("{}/leads", base.as_deref().unwrap_or_default());
                (leads.parse().expect("an address of this machine makes a URL"), None, true, true)
            }
        };
        let callbacks = base.as_ref().map(|base| format!("{base}{CALLBACKS}"));
        let vendors = Vendors::start(options.seed, &dir.join(VENDORS), callbacks, refuses).await?;
        let config = dir.join("service.toml");
        let environment = match &port {
            Some(port) => write_service_config(&vendors, port.number, &config)?,
            None => vendors.environment(),
        };
        let client = HttpClient::new(leads.scheme_str() == Some("https"), &PoolSettings::default());
        let client = client.map_err(|error| ChaosError::Vendors(error.to_string()))?;
        let authorization = token.and_then(|token| bearer(&token, "the service").ok());
        let api = base.map(|base| Api::new(client.clone(), base, None));
        let log = dir.join("service.log");
        let launch = Launch {
            target: options.target.clone(),
            config,
            environment,
            log,
            said_before: AtomicU64::new(0),
            leads: leads.clone(),
        };
        let driver = Driver::new(client.clone(), leads, authorization, journal.sender(), options.seed, shares_users);
        Ok(Self { vendors, launch, driver, api, client, _port: port.and_then(ReservedPort::shared) })
    }

    /// One life, under load until it ends.
    async fn live(&self, number: usize, death: Death) -> Result<Life, ChaosError> {
        let mut alive = self.launch.start(&self.client, number, Some(death)).await?;
        let redrive = async {
            loop {
                sleep(REDRIVE_EVERY).await;
                if let Some(api) = &self.api {
                    // A service that dies meanwhile is what the harness is for.
                    let _ = api.redrive().await;
                }
            }
        };
        // The clients end by themselves when the service is gone, unless something else takes connections in its place.
        let load = async {
            self.driver.load().await;
            Ok(())
        };
        let lived = async { tokio::try_join!(self.die(&mut alive, number, death), load).map(|(instead, ())| instead) };
        let instead = tokio::select! {
            instead = lived => instead?,
            () = redrive => None,
        };
        Ok(Life { number, death: death.to_string(), instead, acknowledged: self.driver.acknowledged() })
    }

    /// Lets it die as planned; gives how it ended otherwise.
    async fn die(&self, alive: &mut ServiceProcess, life: usize, death: Death) -> Result<Option<String>, ChaosError> {
        let mut instead = None;
        let ended = match death {
            Death::At(..) => match timeout(REACHED_WITHIN, alive.wait()).await {
                Ok(ended) => ended,
                Err(_) => {
                    instead = Some(format!("not reached within {} s", REACHED_WITHIN.as_secs()));
                    alive.kill().await
                }
            },
            Death::AfterVendorCommit => {
                let committed = self.vendors.commit_without_an_answer(REACHED_WITHIN);
                let ended = tokio::select! {
                    committed = committed => {
                        let nothing = || format!("no vendor carried anything out within {} s", REACHED_WITHIN.as_secs());
                        instead = (!committed?).then(nothing);
                        alive.kill().await
                    }
                    ended = alive.wait() => ended,
                };
                self.vendors.answer().await;
                ended
            }
            Death::After(time) => match timeout(time, alive.wait()).await {
                Ok(ended) => ended,
                Err(_) => alive.kill().await,
            },
        };
        match ended {
            Ok(status) if was_killed(status) => Ok(instead),
            Ok(status) => Err(self.launch.ended(alive, life, status).await),
            Err(error) => Ok(Some(format!("it is unknown how it ended: {error}"))),
        }
    }

    /// The last life, which ends in order: everything comes to rest, and the journals are closed.
    async fn rest(
        self,
        options: &KillOptions,
        life: usize,
        journal: Journal<DriverEntry>,
    ) -> Result<(Vec<String>, u64, bool), ChaosError> {
        let mut problems = Vec::new();
        self.vendors.recover().await;
        let mut alive = self.launch.start(&self.client, life, None).await?;
        let moving = tokio::select! {
            moving = rest(self.api.as_ref(), &self.vendors, &self.driver, options.rest_within, options.quiet) => Ok(moving),
            Ok(status) = alive.wait() => Err(status),
        };
        let moving = match moving {
            Ok(moving) => moving,
            Err(status) => return Err(self.launch.ended(&mut alive, life, status).await),
        };
        let at_rest = moving.is_none();
        if let Some(moving) = moving {
            problems.push(format!("it has not come to rest within {} s: {moving}", options.rest_within.as_secs()));
        }
        let (places, token) = match &options.target {
            Target::Plimsoll { .. } => (self.api.as_ref().map(Api::places), None),
            Target::Own(own) => (own.places.clone(), own.token.clone()),
        };
        if let Some(places) = places {
            fetch_places(&self.client, &places, token.as_deref(), &options.dir.join(PLACES)).await?;
        }
        problems.extend(self.launch.end(alive).await);
        let charged_rows = self.vendors.simulated.clay().credits().charged_rows;
        problems.extend(self.vendors.simulated.shutdown().await);
        // The driver holds a sender of the journal.
        drop(self.driver);
        problems.extend(JournalWritten::problem(&journal.finish()));
        Ok((problems, charged_rows, at_rest))
    }
}

/// Writes the configuration of `plimsoll serve`. Gives the environment that it needs.
fn write_service_config(vendors: &Vendors, port: u16, file: &Path) -> Result<Vec<(String, String)>, ChaosError> {
    let access = VendorAccess::simulated(|vendor| vendors.simulated.url(vendor), &vendors.settings);
    let source = ConfigSource {
        vendors: access.map_err(|error| ChaosError::Vendors(error.to_string()))?,
        clay_callback_secret: vendors.settings.clay.callbacks.signing_secret.as_ref(),
        users: CLIENTS,
        workers: Some(WORKERS),
        resilience: RESILIENCE,
    };
    let config = write_config(&source, port).expect("what is written above is TOML");
    written(file, |path| fs::write(path, &config.text))?;
    Ok(config.environment)
}

fn written<T>(path: &Path, write: impl FnOnce(&Path) -> std::io::Result<T>) -> Result<T, ChaosError> {
    write(path).map_err(|source| ChaosError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Finding;

    fn audited(findings: &[FindingKind]) -> Audit {
        let findings = findings.iter().map(|&kind| Finding { kind, count: 1, examples: Vec::new() }).collect();
        Audit {
            verdict: Verdict::Failed,
            missing: Vec::new(),
            leads: Default::default(),
            operations: Default::default(),
            effects: Default::default(),
            charges: Default::default(),
            findings,
            remarks: Vec::new(),
        }
    }

    #[test]
    fn what_may_be_on_its_way_is_not_called_lost_and_a_duplicate_stays_one() {
        let mut slow = audited(&[FindingKind::Lost]);
        doubt_losses(&mut slow);
        assert_eq!((slow.verdict, slow.passed(), slow.missing.len()), (Verdict::NotProven, false, 1));
        let mut wrong = audited(&[FindingKind::Lost, FindingKind::Duplicate]);
        doubt_losses(&mut wrong);
        assert_eq!((wrong.verdict, wrong.missing.len()), (Verdict::Failed, 1));
        // An audit that passed, too, is of what had been done so far.
        let mut early = Audit { verdict: Verdict::Passed, ..audited(&[]) };
        doubt_losses(&mut early);
        assert!(!early.passed());
    }
}
