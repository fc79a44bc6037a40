//! Starting the program as a user does.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The program under test.
pub(crate) fn plimsoll() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    // Tests share their cores with each other: a generator that waited for one is not what they are about.
    command.stdin(Stdio::null()).env("PLIMSOLL_MAX_LATENESS", "1m");
    command
}

/// The configuration of `plimsoll serve` as a user's own service, which a shell writes: the vendors' addresses come from its
/// environment, and no guard keeps a lead.
pub(crate) fn own_service_config(port: &str, database: &str) -> String {
    const CONFIG: &str = r#"listen = "127.0.0.1:PORT"
[store]
path = "DATABASE"
[vendors]
clay = "$CLAY_URL"
clay_webhook_path = "$CLAY_WEBHOOK_PATH"
customer_io = "$CUSTOMER_IO_URL"
customer_io_site_id = { env = "CUSTOMER_IO_SITE_ID" }
customer_io_api_key = { env = "CUSTOMER_IO_API_KEY" }
[resilience.clay]
credits = false
breaker = false
retry = { base_delay = "20ms" }
queue = { base_delay = "100ms", drain_pacing = "1ms" }
[resilience.customer_io]
breaker = false
retry = { base_delay = "20ms" }
queue = { base_delay = "100ms", drain_pacing = "1ms" }
"#;
    CONFIG.replace("PORT", port).replace("DATABASE", database)
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    Ended::of(plimsoll().args(arguments).output().expect("the program starts"))
}

/// What a program said, and its exit code.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Asserts the exit code and that the messages hold each of `words`; no panic may have been printed.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word) || self.stdout.contains(word), "no {word:?} in {self:#?}");
        }
        assert!(!self.stderr.contains("panicked at"), "{self:#?}");
        self
    }
}

/// A program that runs beside the test.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    /// With this as its standard output.
    pub(crate) fn start_with(command: &mut Command, stdout: Stdio) -> Self {
        let mut child = command.stdout(stdout).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        Self { child, stderr, said: String::new() }
    }

    /// Reads its messages until one holds `word`; gives it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, word: &str) -> String {
        let mut line = String::new();
        while self.stderr.read_line(&mut line).expect("UTF-8") > 0 {
            self.said.push_str(&line);
            if line.contains(word) {
                return line;
            }
            line.clear();
        }
        panic!("it ended without saying {word:?}: {}", self.said);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it runs");
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }

    /// Waits until it has a handler of its own for `signal`.
    pub(crate) fn wait_until_it_handles(&self, signal: Signal) {
        let status = format!("/proc/{}/status", self.child.id());
        loop {
            let status = std::fs::read_to_string(&status).expect("it runs");
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a line of signals");
            if u64::from_str_radix(mask.trim(), 16).expect("hexadecimal") >> (signal as i32 - 1) & 1 == 1 {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// The processes that it started.
    pub(crate) fn children(&self) -> Vec<Pid> {
        let mut children = Vec::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs") {
            let list = std::fs::read_to_string(task.expect("a task").path().join("children")).unwrap_or_default();
            children.extend(list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw));
        }
        children
    }

    /// Waits for its end, and for the end of every process that holds its standard error: its children inherit it.
    pub(crate) fn end(mut self) -> Ended {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("UTF-8");
        let stderr = self.said + &rest;
        let output = self.child.wait_with_output().expect("it ends");
        Ended { stderr, ..Ended::of(output) }
    }
}

/// Writes a scenario into `dir`.
pub(crate) fn scenario(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("test.toml");
    std::fs::write(&path, text).expect("a writable directory");
    path
}

/// A scenario with journey `http` to `url`; `more` is put before its journeys.
pub(crate) fn http_scenario(dir: &Path, url: &str, more: &str) -> PathBuf {
    let text = format!(
        "name = \"test\"\nquestion = \"Does it hold?\"\n{more}\n\
         journeys = [{{ journey = \"http\", name = \"own\", method = \"GET\", url = \"{url}\" }}]\n"
    );
    scenario(dir, &text)
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

/// The summary of a run.
pub(crate) fn summary(dir: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(dir.join("summary.json")).expect("a summary");
    serde_json::from_str(&text).expect("JSON")
}
