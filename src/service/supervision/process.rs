//! `plimsoll serve` as a process of the run: started with everything that it needs, and ended as an operator would, by SIGTERM.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpSocket;
use tokio::process::{Child, ChildStdin, Command};

/// How long it may take until it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(30);
/// Lines of its log that are shown when it does not start.
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
pub(super) struct ReservedPort {
    _socket: TcpSocket,
    pub(super) number: u16,
}

impl ReservedPort {
    pub(super) fn new() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let number = socket.local_addr()?.port();
        Ok(Self { _socket: socket, number })
    }
}

/// A service that listens.
pub(super) struct Process {
    pub(super) child: Child,
    /// Open as long as this process lives: the service ends when it is gone, whatever happened to it.
    _stdin: Option<ChildStdin>,
    pub(super) pid: u32,
    /// Its base URL.
    pub(super) url: String,
}

#[derive(Deserialize)]
struct Listening {
    listening: String,
}

impl Process {
    /// Starts `command` with standard error to the file `log`, and waits until it says where it listens. It gets a process group
    /// of its own, so that a Ctrl-C on the terminal does not take the service away from a load that is being ended properly.
    pub(super) async fn start(mut command: Command, log: &Path) -> Result<Self, ProcessError> {
        let file = File::create(log).map_err(|source| ProcessError::Write { path: log.to_owned(), source })?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(ProcessError::Spawn)?;
        let pid = child.id().unwrap_or_default();
        // Kept apart: waiting for a child closes what is left of it.
        let stdin = child.stdin.take();
        let Some(stdout) = child.stdout.take() else { unreachable!("it is piped") };
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::select! {
            line = lines.next_line() => line.ok().flatten(),
            () = tokio::time::sleep(LISTENS_WITHIN) => {
                let how = format!("it did not say where it listens within {} s", LISTENS_WITHIN.as_secs());
                return Err(not_started(how, log));
            }
        };
        let Some(first) = first else {
            let how = child.wait().await.map_or_else(|error| error.to_string(), describe);
            return Err(not_started(how, log));
        };
        let Ok(Listening { listening }) = serde_json::from_str(&first) else {
            return Err(not_started(format!("it said `{first}` instead of where it listens"), log));
        };
        // A pipe that nobody reads would hold it up, and one that is closed end it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, _stdin: stdin, pid, url: listening.trim_end_matches('/').to_owned() })
    }

    /// SIGTERM, as an operator would.
    pub(super) fn terminate(&self) {
        #[cfg(unix)]
        if let Some(pid) = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed())) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

fn not_started(how: String, log: &Path) -> ProcessError {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let last_words = lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n");
    ProcessError::NotStarted { how, last_words }
}

/// How a process ended, in words: "exit status: 0", "signal: 9 (SIGKILL)".
pub(super) fn describe(status: ExitStatus) -> String {
    status.to_string()
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
        let mut process = Process::start(shell(script), &dir.path().join("log")).await.expect("it starts");
        assert_eq!(process.url, "http://127.0.0.1:1");
        process.terminate();
        let status = process.child.wait().await.expect("it ends");
        assert!(describe(status).contains("SIGTERM"), "{}", describe(status));
    }

    #[tokio::test]
    async fn one_that_does_not_start_says_why() {
        let dir = tempfile::tempdir().expect("a directory");
        let error = Process::start(shell("echo 'the disk is full' >&2; exit 3"), &dir.path().join("log")).await.err();
        let error = error.expect("it does not start").to_string();
        assert!(error.contains("exit status: 3") && error.contains("the disk is full"), "{error}");
        let error = Process::start(shell("echo hello"), &dir.path().join("log")).await.err();
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
