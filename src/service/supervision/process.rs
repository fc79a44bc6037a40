//! A service as a process: started with everything that it needs, and ended as an operator would, by SIGTERM, or by SIGKILL.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mock_server::private_file;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpSocket;
use tokio::process::{Child, ChildStdin, Command};

use crate::text::shown;

/// How long it may take until it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(30);
/// Lines of its log that are shown when it does not start, or ends by itself.
const LAST_WORDS: usize = 10;

/// The service could not be started.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// A file of it cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No port is free.
    #[error("no free port for the service: {0}")]
    Port(#[source] io::Error),
    /// The system did not start it.
    #[error("cannot start the service: {0}")]
    Spawn(#[source] io::Error),
    /// It ended, or said something else than where it listens.
    #[error("the service did not start ({how}); its last words:\n{last_words}")]
    NotStarted {
        /// What it did instead.
        how: String,
        /// The end of its log.
        last_words: String,
    },
}

/// A port of loopback that no other process gets. The vendors must know where to call the service back before it is there, and it
/// must know where they listen before it starts, so its port is chosen first.
///
/// The socket is bound and does not listen. The service binds the same port, which Linux allows as long as no socket listens on
/// it and both may reuse addresses (socket(7), SO_REUSEADDR); the system gives it to no process that asks for any free port.
pub struct ReservedPort {
    _socket: TcpSocket,
    /// Its number.
    pub number: u16,
}

impl ReservedPort {
    /// Chooses it.
    ///
    /// # Errors
    /// When none is free.
    pub fn new() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let number = socket.local_addr()?.port();
        Ok(Self { _socket: socket, number })
    }

    /// The port, where a service can listen on it all the same; `None` on systems that let no two sockets have one port. There it
    /// is given back, and seldom taken before the service has it.
    pub fn shared(self) -> Option<Self> {
        cfg!(target_os = "linux").then_some(self)
    }
}

/// A service's process, in a process group of its own: a Ctrl-C on the terminal does not take the service away from a load that
/// is being ended properly, and a signal reaches whatever the service has started. It is killed with this value.
pub struct ServiceProcess {
    child: Child,
    group: Option<Pid>,
    /// Kept apart and open, for a service that ends when it is closed: waiting for a child closes what is left of it.
    _stdin: Option<ChildStdin>,
}

impl ServiceProcess {
    /// Starts it.
    ///
    /// # Errors
    /// When the system does not.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let stdin = child.stdin.take();
        let group = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        Ok(Self { child, group, _stdin: stdin })
    }

    /// Starts `command` with standard error to the file `log`, and waits until it says where it listens. Gives that URL, too.
    pub(super) async fn listening(mut command: Command, log: &Path) -> Result<(Self, String), ProcessError> {
        let file = private_file::create(log).map_err(|source| ProcessError::Write { path: log.to_owned(), source })?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut process = Self::spawn(&mut command).map_err(ProcessError::Spawn)?;
        let Some(stdout) = process.child.stdout.take() else { unreachable!("it is piped") };
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::select! {
            line = lines.next_line() => line.ok().flatten(),
            () = tokio::time::sleep(LISTENS_WITHIN) => {
                let how = format!("it did not say where it listens within {} s", LISTENS_WITHIN.as_secs());
                return Err(not_started(how, log));
            }
        };
        let Some(first) = first else {
            let how = process.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
            return Err(not_started(how, log));
        };
        let Ok(Listening { listening }) = serde_json::from_str(&first) else {
            return Err(not_started(format!("it said `{first}` instead of where it listens"), log));
        };
        // A pipe that is full would hold it up, and one that is closed end it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok((process, listening.trim_end_matches('/').to_owned()))
    }

    /// Its process id; 0 when it has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// SIGKILL to it and whatever it has started and left behind, where it has just ended by itself.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal_group(Signal::KILL);
        self.wait().await
    }

    /// SIGTERM, as an operator would, and SIGKILL where its end takes longer than `within`.
    ///
    /// # Errors
    /// When it had to be killed, or the system does not say how it ended.
    pub async fn end(&mut self, within: Duration) -> Result<ExitStatus, String> {
        self.signal(Signal::TERM);
        match tokio::time::timeout(within, self.wait()).await {
            Ok(ended) => ended.map_err(|error| error.to_string()),
            Err(_) => {
                let _ = self.kill().await;
                Err(format!("it did not end within {} s of SIGTERM and was killed", within.as_secs()))
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if self.child.id().is_some() {
            self.signal_group(signal);
        }
    }

    fn signal_group(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may have ended just now.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[derive(Deserialize)]
struct Listening {
    listening: String,
}

fn not_started(how: String, log: &Path) -> ProcessError {
    ProcessError::NotStarted { how, last_words: last_words(log, 0) }
}

/// The last lines of a log, of those behind its first `skip` bytes, indented: they are another program's words.
pub fn last_words(log: &Path, skip: u64) -> String {
    let log = std::fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(log.get(skip as usize..).unwrap_or_default());
    let lines: Vec<&str> = log.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_WORDS)..].iter();
    last.map(|line| format!("  {}", shown(line))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn it_is_ready_when_it_says_where_it_listens_and_ends_by_sigterm() {
        let dir = tempfile::tempdir().expect("a directory");
        let script = r#"echo '{"listening":"http://127.0.0.1:1/"}'; exec cat /dev/zero > /dev/null"#;
        let started = ServiceProcess::listening(shell(script), &dir.path().join("log")).await;
        let Ok((mut process, url)) = started else { panic!("it starts") };
        assert_eq!(url, "http://127.0.0.1:1");
        let status = process.end(Duration::from_secs(60)).await.expect("it ends").to_string();
        assert!(status.contains("SIGTERM"), "{status}");
    }

    #[tokio::test]
    async fn one_that_does_not_start_says_why() {
        let dir = tempfile::tempdir().expect("a directory");
        let error = ServiceProcess::listening(shell("echo 'the disk is full' >&2; exit 3"), &dir.path().join("log")).await.err();
        let error = error.expect("it does not start").to_string();
        assert!(error.contains("exit status: 3") && error.contains("the disk is full"), "{error}");
        let error = ServiceProcess::listening(shell("echo hello"), &dir.path().join("log")).await.err();
        assert!(error.expect("it is no service").to_string().contains("`hello`"));
    }

    #[tokio::test]
    async fn a_reserved_port_can_be_listened_on_by_whoever_knows_it() {
        let reserved = ReservedPort::new().expect("a port");
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, reserved.number)).await.expect("it is free for us");
        assert_eq!(listener.local_addr().expect("an address").port(), reserved.number);
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, reserved.number)).await.expect("the listener is reached");
    }
}
