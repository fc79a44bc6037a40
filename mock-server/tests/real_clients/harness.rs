//! Runs a client's cases in one process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mock_server::latency::LatencyModel;
use mock_server::settings::{CustomerIoSettings, SimulationSettings};
use mock_server::simulation::SimulatedVendors;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How long a client may take for all of its cases: far more than its retries need.
const LONGEST: Duration = Duration::from_secs(60);

/// A client in its language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Node,
    Python,
}

/// What a client made of a case.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) case: String,
    /// The answers of the calls that succeeded.
    pub(crate) answers: Vec<Value>,
    /// The error of the first that did not.
    pub(crate) error: Option<Problem>,
    /// The X-Retry-Count of every attempt; of the Node client only.
    #[serde(default)]
    pub(crate) retries: Vec<Option<u64>>,
}

/// An error as a client's user sees it.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) code: Option<String>,
    pub(crate) message: String,
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients")
}

/// Whether the clients are there.
///
/// # Panics
///
/// They are not, and have to be.
#[allow(clippy::print_stderr, reason = "a test that proves nothing must not look like one that does")]
pub(crate) fn are_installed() -> bool {
    let wanted = [
        "node/node_modules/customerio-node",
        "node/node_modules/@customerio/cdp-analytics-node",
        "node/node_modules/.bin/node",
        "python/customerio",
        "python-pipelines/customerio",
    ];
    if wanted.iter().all(|path| clients().join(path).exists()) {
        return true;
    }
    let printed = "the vendors' real clients are not installed: run mock-server/tests/clients/install";
    assert_ne!(std::env::var("PLIMSOLL_REQUIRE_REAL_CLIENTS").as_deref(), Ok("1"), "{printed}");
    eprintln!("\n*** NOT TESTED: {printed} ***\n");
    false
}

/// Simulated vendors that answer at once, with these faults in force.
pub(crate) async fn vendors(faults: Vec<mock_server::fault::Fault>) -> SimulatedVendors {
    let latency = LatencyModel::Fixed { delay: Duration::ZERO };
    let customer_io = CustomerIoSettings { latency, ..CustomerIoSettings::default() };
    let count = faults.len();
    let settings = SimulationSettings { customer_io, faults, ..SimulationSettings::default() };
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    let mut changes = vendors.subscribe();
    vendors.start_timetable();
    for _ in 0..count {
        let change = tokio::time::timeout(LONGEST, changes.recv()).await.expect("the faults begin").unwrap();
        assert!(change.active, "{} is over already", change.name);
    }
    vendors
}

impl Client {
    /// Runs all cases in one process, and returns what became of each, by its name.
    pub(crate) async fn run(self, vendors: &SimulatedVendors, cases: &[Value]) -> HashMap<String, Outcome> {
        run(self.command(), vendors, cases).await
    }

    fn command(self) -> Command {
        match self {
            Self::Node => {
                let mut command = Command::new(clients().join("node/node_modules/.bin/node"));
                command.arg(script("node_client.mjs")).env("CLIENTS", clients());
                command
            }
            Self::Python => python("python_client.py", "python"),
        }
    }
}

/// As [`Client::run`], with the Python client of the Pipelines API.
pub(crate) async fn run_python_pipelines(vendors: &SimulatedVendors, cases: &[Value]) -> HashMap<String, Outcome> {
    run(python("python_pipelines_client.py", "python-pipelines"), vendors, cases).await
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// A script with the packages in a directory of the clients.
fn python(name: &str, packages: &str) -> Command {
    let mut command = Command::new(std::env::var_os("PLIMSOLL_PYTHON").unwrap_or_else(|| "python3".into()));
    command.arg(script(name)).env("PYTHONPATH", clients().join(packages));
    command
}

async fn run(mut command: Command, vendors: &SimulatedVendors, cases: &[Value]) -> HashMap<String, Outcome> {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, vendors.ca_pem()).unwrap();
    let mut process = command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NODE_EXTRA_CA_CERTS", &ca)
        .env("REQUESTS_CA_BUNDLE", &ca)
        // The client talks to this machine, so it must not use a proxy that the environment names.
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let mut input = process.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).await.unwrap();
    drop(input);
    let output = tokio::time::timeout(LONGEST, process.wait_with_output()).await;
    let output = output.expect("the client ends").unwrap();
    let (printed, complaints) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{command:?}: {complaints}");
    let outcomes: HashMap<String, Outcome> = printed
        .lines()
        .map(|line| serde_json::from_str::<Outcome>(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .map(|outcome| (outcome.case.clone(), outcome))
        .collect();
    assert_eq!(outcomes.len(), cases.len(), "{command:?}: {printed}\n{complaints}");
    outcomes
}
