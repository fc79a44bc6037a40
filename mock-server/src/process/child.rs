//! The parent's side: a simulator in a process of its own.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{Bill, Command, Count, FaultChange, Message};
use crate::settings::SimulationSettings;
use crate::simulated::{PerVendor, SimulatedVendor};

/// How long a child may take to listen, and to answer a command.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a child may take to end by itself: it may have to write the rest of a ledger, and gives a disk 5 s for that.
const END_WITHIN: Duration = Duration::from_secs(7);

/// What can go wrong with a simulator's process.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started.
    #[error("cannot start the simulated vendors as `{program}`: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// It said why it cannot run.
    #[error("the simulated vendors cannot run: {reason}")]
    Failed {
        /// In its words.
        reason: String,
    },
    /// It said nothing in time.
    #[error("the simulated vendors did not answer within {} s", ANSWER_WITHIN.as_secs())]
    Silent,
    /// It has ended.
    #[error("the simulated vendors have ended ({how})")]
    Ended {
        /// How: "exit status: 1", "signal: 9 (SIGKILL)".
        how: String,
    },
    /// It is no simulator, or one of another version.
    #[error("the simulated vendors sent an unexpected message: {line}")]
    Unexpected {
        /// What it said.
        line: String,
    },
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Whether its exit status was success.
    pub success: bool,
    /// In words: "exit status: 0", "signal: 9 (SIGKILL)".
    pub how: String,
}

/// When the timetable's clock started, on the parent's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimetableStart {
    /// The best estimate of the clock's zero.
    pub at: Instant,
    /// How far the zero can be from `at`, either way.
    pub skew: Duration,
    /// What the ledger's clock showed at the zero.
    pub ledger: Duration,
}

impl TimetableStart {
    /// What a question and its answer show: the clock started after the question was `asked`, and showed `elapsed` before its answer had
    /// `arrived`. So its zero is between `asked` and `arrived` − `elapsed`. As in NTP (RFC 5905, section 8), the middle is
    /// taken, and what the two are apart, which is the time on the way, is twice the bound of the error.
    fn estimate(asked: Instant, arrived: Instant, elapsed: Duration, ledger: Duration) -> Self {
        let skew = arrived.saturating_duration_since(asked).saturating_sub(elapsed) / 2;
        Self { at: asked + skew, skew, ledger: ledger.saturating_sub(elapsed) }
    }
}

/// Simulated vendors in a process of their own. Dropped, it is killed.
pub struct Child {
    urls: PerVendor<String>,
    admin_url: Option<String>,
    pid: u32,
    talk: Mutex<Talk>,
    faults: Option<mpsc::UnboundedReceiver<FaultChange>>,
    ended: watch::Receiver<Option<Ended>>,
    /// Owns the process, and kills it when it is aborted.
    guard: JoinSet<()>,
}

/// One question at a time.
struct Talk {
    /// Dropping it closes it, which ends the child.
    stdin: Option<ChildStdin>,
    replies: mpsc::UnboundedReceiver<Reply>,
    /// Answers still to come. More than one after a caller has stopped waiting: answers come in order, so those are
    /// skipped.
    owed: usize,
}

/// What it says in answer, or a line that cannot be read.
type Reply = Result<Message, String>;

impl Child {
    /// Starts `command`, which must speak this protocol (`mock-server --stdio`), hands it `settings` and waits until it
    /// listens. It gets a process group of its own, so that a Ctrl-C on the terminal does not take the vendors away from a
    /// load that is being ended properly.
    ///
    /// # Errors
    ///
    /// It cannot be started, says that it cannot run (a port is taken, say), ends, or does not answer within 10 s.
    pub async fn spawn(command: impl Into<tokio::process::Command>, settings: &SimulationSettings) -> Result<Self, ChildError> {
        let mut command = command.into();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut process = command.spawn().map_err(|source| {
            let program = command.as_std().get_program().to_string_lossy().into_owned();
            ChildError::Spawn { program, source }
        })?;
        let pid = process.id().unwrap_or_default();
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            unreachable!("both are piped");
        };
        let (ended_sender, ended) = watch::channel(None);
        let (fault_sender, faults) = mpsc::unbounded_channel();
        let (reply_sender, replies) = mpsc::unbounded_channel();
        let guard = JoinSet::from_iter([async move {
            // First everything that it said, so that its last words are heard before its end.
            listen(BufReader::new(stdout).lines(), &fault_sender, &reply_sender).await;
            ended_sender.send_replace(Some(how_it_ended(process.wait().await)));
        }]);
        let mut child = Self {
            urls: PerVendor::new(),
            admin_url: None,
            pid,
            talk: Mutex::new(Talk { stdin: Some(stdin), replies, owed: 0 }),
            faults: Some(faults),
            ended,
            guard,
        };
        match child.ask(settings).await? {
            Message::Ready { urls, admin } => {
                (child.urls, child.admin_url) = (urls, admin);
                Ok(child)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// A vendor's base URL, without a trailing slash.
    pub fn url(&self, vendor: SimulatedVendor) -> &str {
        self.urls.get(&vendor).map_or("", String::as_str)
    }

    /// The admin API's base URL, without a trailing slash; `None` where the settings have no admin API.
    pub fn admin_url(&self) -> Option<&str> {
        self.admin_url.as_deref()
    }

    /// The process's id, to measure its CPU and memory by.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Starts the timetable's clock.
    ///
    /// # Errors
    ///
    /// The process has ended or does not answer within 10 s.
    pub async fn start(&self) -> Result<TimetableStart, ChildError> {
        let asked = Instant::now();
        match self.ask(&Command::Start).await? {
            Message::Started { elapsed_us, ledger_us } => {
                let [elapsed, ledger] = [elapsed_us, ledger_us].map(Duration::from_micros);
                Ok(TimetableStart::estimate(asked, Instant::now(), elapsed, ledger))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// What it has answered so far.
    ///
    /// # Errors
    ///
    /// The process has ended or does not answer within 10 s.
    pub async fn counts(&self) -> Result<Vec<Count>, ChildError> {
        match self.ask(&Command::Count).await? {
            Message::Counts(counts) => Ok(counts),
            other => Err(unexpected(&other)),
        }
    }

    /// What Clay's rows have cost and will cost.
    ///
    /// # Errors
    ///
    /// The process has ended or does not answer within 10 s.
    pub async fn bill(&self) -> Result<Bill, ChildError> {
        match self.ask(&Command::Bill).await? {
            Message::Bill(bill) => Ok(bill),
            other => Err(unexpected(&other)),
        }
    }

    /// Faults as they begin and end. The first caller gets them, others get `None`.
    pub fn take_faults(&mut self) -> Option<mpsc::UnboundedReceiver<FaultChange>> {
        self.faults.take()
    }

    /// Resolves when the process has ended, for whatever reason. It holds nothing of the child, so it can be waited for
    /// beside everything else.
    pub fn wait(&self) -> impl Future<Output = Ended> + Send + 'static + use<> {
        let mut ended = self.ended.clone();
        async move {
            // The sender goes away without a word only when the child has been dropped, and so killed.
            let killed = || Ended { success: false, how: "killed".to_owned() };
            ended.wait_for(Option::is_some).await.ok().and_then(|ended| (*ended).clone()).unwrap_or_else(killed)
        }
    }

    /// Ends the process: closes its standard input, waits for up to 7 s, then kills it. Returns how it ended.
    pub async fn stop(mut self) -> Ended {
        let ended = self.wait();
        self.talk.lock().await.stdin = None;
        match timeout(END_WITHIN, ended).await {
            Ok(ended) => ended,
            Err(_) => {
                self.guard.abort_all();
                self.wait().await
            }
        }
    }

    async fn ask(&self, question: &impl Serialize) -> Result<Message, ChildError> {
        let mut line = serde_json::to_vec(question).map_err(|error| ChildError::Unexpected { line: error.to_string() })?;
        line.push(b'\n');
        let mut talk = self.talk.lock().await;
        match timeout(ANSWER_WITHIN, talk.exchange(&line)).await {
            Err(_) => Err(ChildError::Silent),
            Ok(Some(Ok(Message::Failed { reason }))) => Err(ChildError::Failed { reason }),
            Ok(Some(Ok(message))) => Ok(message),
            Ok(Some(Err(line))) => Err(ChildError::Unexpected { line }),
            Ok(None) => Err(ChildError::Ended { how: self.wait().await.how }),
        }
    }
}

impl Talk {
    /// The answer to one line, or `None` when there will be no more.
    async fn exchange(&mut self, line: &[u8]) -> Option<Reply> {
        if let Some(stdin) = &mut self.stdin {
            self.owed += 1;
            // An error means that the process has ended, or is about to; its last words may say why.
            let _ = stdin.write_all(line).await;
        }
        loop {
            let reply = self.replies.recv().await?;
            self.owed = self.owed.saturating_sub(1);
            // A failure is the last that it says, whatever was asked.
            if self.owed == 0 || matches!(reply, Ok(Message::Failed { .. })) {
                return Some(reply);
            }
        }
    }
}

/// Hands on what the child says until it says no more.
async fn listen(
    mut lines: Lines<BufReader<ChildStdout>>,
    faults: &mpsc::UnboundedSender<FaultChange>,
    replies: &mpsc::UnboundedSender<Reply>,
) {
    // A line that is no text ends the conversation too: this is no simulator.
    while let Ok(Some(line)) = lines.next_line().await {
        // Reading goes on without a receiver, or the child would block on a full pipe.
        match serde_json::from_str(&line) {
            Ok(Message::Fault(change)) => drop(faults.send(change)),
            Ok(message) => drop(replies.send(Ok(message))),
            Err(_) => drop(replies.send(Err(line))),
        }
    }
}

fn how_it_ended(status: io::Result<std::process::ExitStatus>) -> Ended {
    match status {
        Ok(status) => Ended { success: status.success(), how: status.to_string() },
        Err(error) => Ended { success: false, how: error.to_string() },
    }
}

fn unexpected(message: &Message) -> ChildError {
    ChildError::Unexpected { line: format!("{message:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_zero_is_within_the_skew_of_the_estimate() {
        let asked = Instant::now();
        // There in 0 to 8 ms, 5 ms until it answers, and back in what is left of 8 ms.
        for there in 0..=8 {
            let zero = asked + ms(there);
            let start = TimetableStart::estimate(asked, asked + ms(13), ms(5), ms(105));
            assert_eq!(start.ledger, ms(100));
            assert_eq!(start.skew, ms(4));
            let apart = zero.saturating_duration_since(start.at).max(start.at.saturating_duration_since(zero));
            assert!(apart <= start.skew, "{apart:?}");
        }
    }

    #[test]
    fn a_clock_that_shows_more_than_the_round_trip_is_not_believed_further_than_that() {
        let asked = Instant::now();
        let start = TimetableStart::estimate(asked, asked + ms(3), ms(10), ms(10));
        assert_eq!(start, TimetableStart { at: asked, skew: ms(0), ledger: ms(0) });
    }
}
