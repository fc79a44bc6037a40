//! A reader who types command lines into a shell, in a copy of what they need of the repository.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::blocks::CommandLine;
use crate::common;

/// What the reader builds and tests by, which is what runs this test: not run again.
const BUILDS: [&str; 2] = ["cargo test --workspace", "cargo install --path ."];

/// What stands for the program: its build is the one under test, and `plimsoll mock` is the program of mock-server.
const THE_PROGRAM: [(&str, &str); 2] =
    [("cargo run --release -- ", "plimsoll "), ("cargo run --release -p mock-server", "plimsoll mock")];

/// How a command line is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It is not: the reader builds or tests.
    Build,
    /// To its end, with these options behind its own, which shorten it. It ends with one of these codes.
    ToItsEnd(&'static str, &'static [i32]),
    /// Until the README ends, and it listens before the next line is typed.
    Server,
}

/// By how they begin, the longest first.
const KNOWN: [(&str, How); 8] = [
    // A tenth of the time in a debug build is not what the thresholds are about: they may fail.
    ("plimsoll run ", How::ToItsEnd("--time-scale 0.1", &[0, 99])),
    ("plimsoll serve --example", How::ToItsEnd("", &[0])),
    ("plimsoll serve --config", How::Server),
    ("plimsoll mock", How::Server),
    ("plimsoll audit ", How::ToItsEnd("", &[0])),
    ("plimsoll chaos kill --start ", How::ToItsEnd("--kills 2 --quiet 1", &[0])),
    ("plimsoll chaos kill", How::ToItsEnd("--kills 2", &[0])),
    ("curl ", How::ToItsEnd("--fail --silent --show-error", &[0])),
];

/// How this is run, and as what; `None` for a command that this test does not know.
pub(crate) fn how(command: &str) -> Option<(How, String)> {
    if BUILDS.contains(&command) {
        return Some((How::Build, command.to_owned()));
    }
    let ours = THE_PROGRAM.iter().find_map(|(build, program)| Some(format!("{program}{}", command.strip_prefix(build)?)));
    let command = ours.unwrap_or_else(|| command.to_owned());
    let (_, how) = KNOWN.iter().find(|(start, _)| command.starts_with(start))?;
    Some((*how, command))
}

/// A service of the reader's own: `plimsoll serve`, with the vendors' addresses from its environment.
fn my_service() -> String {
    let config = common::own_service_config("$2", "mine.sqlite");
    format!("#!/bin/sh\ncat > mine.toml <<END\n{config}END\nexec plimsoll serve --config mine.toml\n")
}

/// The reader.
pub(crate) struct Reader {
    directory: tempfile::TempDir,
    servers: Vec<(String, Child)>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a writable directory");
        let reader = Self { directory, servers: Vec::new() };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for directory in ["scenarios", "bin", "reports"] {
            fs::create_dir(reader.path(directory)).expect("a writable directory");
        }
        for file in fs::read_dir(root.join("scenarios")).expect("the scenarios").flatten() {
            fs::copy(file.path(), reader.path("scenarios").join(file.file_name())).expect("a writable directory");
        }
        symlink(env!("CARGO_BIN_EXE_plimsoll"), reader.path("bin/plimsoll")).expect("a writable directory");
        let service = reader.path("my-service");
        fs::write(&service, my_service()).expect("a writable directory");
        fs::set_permissions(&service, fs::Permissions::from_mode(0o755)).expect("a file of this test");
        reader
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn shell(&self, line: &str) -> Command {
        let path = std::env::var("PATH").expect("a search path");
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        // Tests share their cores: a generator that waited for one is not what they are about.
        command.env("PLIMSOLL_MAX_LATENESS", "1m");
        // The README says that credentials come from the environment.
        command.env("CUSTOMER_IO_SITE_ID", "simulated-site").env("CUSTOMER_IO_API_KEY", "simulated-customer-io-key");
        command
    }

    /// Types a command line.
    pub(crate) fn types(&mut self, CommandLine { place, text }: &CommandLine) {
        let Some((how, line)) = how(text) else {
            panic!("{place}: `{text}` is a command line that no test runs: say in tests/readme/reader.rs how")
        };
        let line = self.filled_in(place, &line);
        match how {
            How::Build => {}
            How::ToItsEnd(more, codes) => {
                let output = self.shell(&format!("{line} {more}")).output().expect("a shell");
                let [stdout, stderr] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
                let ended = output.status.code().is_some_and(|code| codes.contains(&code));
                assert!(ended, "{place}: `{line} {more}` ended with {}\n{stdout}\n{stderr}", output.status);
            }
            How::Server => self.serves(format!("{place}: `{line}`"), &line),
        }
    }

    /// Starts a server, and waits until it has said where it listens.
    fn serves(&mut self, name: String, line: &str) {
        let mut server = self.shell(&format!("exec {line}")).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut said = BufReader::new(server.stdout.take().expect("piped")).lines();
        self.servers.push((name.clone(), server));
        let url = said.find_map(|line| line.expect("UTF-8").split_once("http://").map(|(_, url)| url.to_owned()));
        let url = url.unwrap_or_else(|| panic!("{name} ended without saying where it listens"));
        let address = url.split(|end: char| !(end.is_ascii_alphanumeric() || ".:".contains(end))).next().unwrap_or_default();
        TcpStream::connect(address).unwrap_or_else(|error| panic!("{name}: nothing listens at {address}: {error}"));
        // A full pipe would hold it up.
        std::thread::spawn(move || said.for_each(drop));
    }

    /// With what the commands before it have made in place of what the reader fills in: the latest run, and its journals as if
    /// they were the reader's own.
    fn filled_in(&self, place: &str, line: &str) -> String {
        let runs = fs::read_dir(self.path("reports/runs")).into_iter().flatten().flatten().map(|run| run.path());
        let latest = runs.filter(|run| run.is_dir()).max();
        if let (Some(run), true) = (&latest, line.contains("mine.ndjson")) {
            for (journal, name) in [("submitted", "mine"), ("vendors", "vendors"), ("places", "places")] {
                let [from, to] = [run.join(journal), self.path(name)].map(|path| path.with_extension("ndjson"));
                fs::copy(&from, to).unwrap_or_else(|error| panic!("{place}: {}: {error}", from.display()));
            }
        }
        let run = latest.and_then(|run| run.file_name().map(|name| name.to_string_lossy().into_owned()));
        let line = run.map_or_else(|| line.to_owned(), |run| line.replace("<run>", &run));
        assert!(!line.contains(" <") && !line.contains("/<"), "{place}: nothing fills in `{line}`");
        line
    }

    /// The README is read: its servers are ended as an operator does.
    pub(crate) fn ends_servers(&mut self) {
        for (server, mut child) in self.servers.drain(..) {
            kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("it runs");
            let status = child.wait().expect("it ends");
            assert!(status.success(), "{server} ended with {status}");
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for (_, server) in &mut self.servers {
            // After a failure: nothing is left behind.
            let _ = server.kill();
        }
    }
}
