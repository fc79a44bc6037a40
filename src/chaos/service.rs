//! The service that is killed: as a process of its own, started again and again on the same database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Uri;
use mock_server::private_file;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::{ChaosError, Death};
use crate::service::supervision::{ServiceProcess, last_words};
use crate::transport::HttpClient;

/// How long it may take to come up.
const UP_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to end after SIGTERM.
const END_WITHIN: Duration = Duration::from_secs(20);
/// How often the harness looks whether it is up.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What is killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `plimsoll serve`, by this program.
    Plimsoll {
        /// The program.
        program: PathBuf,
    },
    /// A service of one's own.
    Own(OwnService),
}

impl Target {
    /// What is wrong with an end after SIGTERM. `plimsoll serve` says by 0 that it flushed and closed its store; others have
    /// other customs, a shell's being 143.
    fn wrong_end(&self, status: ExitStatus) -> Option<String> {
        let wrong = matches!(self, Self::Plimsoll { .. }) && !status.success();
        wrong.then(|| format!("it did not end in order on SIGTERM: {status}"))
    }
}

/// A service of one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnService {
    /// A shell command that starts it, in the foreground. What it must know of the vendors is in environment variables.
    pub start: String,
    /// Where it takes leads.
    pub leads: Uri,
    /// Where it reports its places at rest, if it does.
    pub places: Option<String>,
    /// The bearer token that it wants.
    pub token: Option<String>,
    /// Its rows carry the operation's key in the field `idempotency_key`, by which the simulated Clay knows a repetition.
    pub dedupes: bool,
}

/// How to start the service.
pub(super) struct Launch {
    pub(super) target: Target,
    /// The configuration and the address, for `plimsoll serve`.
    pub(super) config: PathBuf,
    pub(super) environment: Vec<(String, String)>,
    /// Where its messages go.
    pub(super) log: PathBuf,
    /// Bytes of it that are of earlier lives.
    pub(super) said_before: AtomicU64,
    /// Where leads are submitted.
    pub(super) leads: Uri,
}

impl Launch {
    /// Starts the service, and waits until it takes connections. One that dies before by a failpoint that it was given is
    /// alive for as long.
    pub(super) async fn start(
        &self,
        client: &HttpClient,
        life: usize,
        death: Option<Death>,
    ) -> Result<ServiceProcess, ChaosError> {
        self.wait_for_the_port(client, life).await?;
        self.said_before.store(fs::metadata(&self.log).map_or(0, |log| log.len()), Ordering::Relaxed);
        let mut command = self.command(death);
        // Its name alone: the environment holds secrets.
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let spawned = ServiceProcess::spawn(&mut command);
        let mut alive = spawned.map_err(|source| ChaosError::Spawn { command: program, source })?;
        let until = Instant::now() + UP_WITHIN;
        loop {
            if client.reach(&self.leads).await.is_ok() {
                return Ok(alive);
            }
            if let Some(status) = alive.ended() {
                if matches!(death, Some(Death::At(..))) && was_killed(status) {
                    return Ok(alive);
                }
                return Err(self.ended(&mut alive, life, status).await);
            }
            if Instant::now() >= until {
                let _ = alive.kill().await;
                let how = format!("the service takes no connections at {} within {} s", self.leads, UP_WITHIN.as_secs());
                return Err(self.not_up(life, how));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the service in order. Gives what is wrong with its end.
    pub(super) async fn end(&self, mut alive: ServiceProcess) -> Option<String> {
        match alive.end(END_WITHIN).await {
            Ok(status) => self.target.wrong_end(status),
            Err(how) => Some(how),
        }
    }

    /// It ended by itself. What it left behind is killed.
    pub(super) async fn ended(&self, alive: &mut ServiceProcess, life: usize, status: ExitStatus) -> ChaosError {
        let _ = alive.kill().await;
        let foreground = if status.success() { " (it has to stay in the foreground)" } else { "" };
        self.not_up(life, format!("the service ended by itself with {status}{foreground}"))
    }

    fn not_up(&self, life: usize, how: String) -> ChaosError {
        let last_words = last_words(&self.log, self.said_before.load(Ordering::Relaxed));
        ChaosError::NotUp { life, how, log: self.log.clone(), last_words }
    }

    /// Waits until nothing takes connections where it is to take leads: in its first life nothing may, and after that it takes
    /// a moment until the processes of the one before are gone.
    async fn wait_for_the_port(&self, client: &HttpClient, life: usize) -> Result<(), ChaosError> {
        let (within, when) = match life {
            1 => (Duration::ZERO, "already, before the service was started; end it, or choose another port"),
            _ => (END_WITHIN, "still, after the start command and its process group were killed"),
        };
        let until = Instant::now() + within;
        while client.reach(&self.leads).await.is_ok() {
            if Instant::now() >= until {
                return Err(ChaosError::Taken { leads: self.leads.clone(), when });
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn command(&self, death: Option<Death>) -> Command {
        let mut command = match &self.target {
            Target::Plimsoll { program } => {
                let mut command = Command::new(program);
                command.args(["serve", "--config"]).arg(&self.config);
                if let Some(death @ Death::At(..)) = death {
                    command.args(["--die-at", &death.to_string()]);
                }
                command
            }
            Target::Own(own) => {
                let mut command = Command::new("sh");
                command.args(["-c", &own.start]);
                command
            }
        };
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        let log = |path: &Path| private_file::append(path).map_or_else(|_| Stdio::null(), Stdio::from);
        command.stdout(log(&self.log)).stderr(log(&self.log));
        command
    }
}

/// Whether it died by SIGKILL.
pub(super) fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(9)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn only_zero_is_an_end_in_order_and_only_of_our_own_service() {
        let ours = Target::Plimsoll { program: PathBuf::from("plimsoll") };
        let own = Target::Own(OwnService {
            start: "exec node .".to_owned(),
            leads: Uri::from_static("http://127.0.0.1:3000/leads"),
            places: None,
            token: None,
            dedupes: false,
        });
        let exited = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!(ours.wrong_end(exited(0)), None);
        for status in [exited(1), exited(101), ExitStatus::from_raw(15)] {
            assert!(ours.wrong_end(status).is_some_and(|wrong| wrong.contains("not end in order")), "{status}");
            assert_eq!(own.wrong_end(status), None);
        }
    }
}
