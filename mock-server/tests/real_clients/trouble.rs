//! What each client does about trouble: how often it tries, for how long it waits, and what it reports to its user.
//!
//! These are facts about the clients, in the versions that the install script names. A simulated vendor that made a client
//! behave otherwise than here would not be taken for the real one.

use mock_server::fault::{Fault, FaultKind, ResetPoint, RetryAfterStyle, SimulatedVendor};
use mock_server::ledger::Entry;
use mock_server::simulation::SimulatedVendors;
use serde_json::{Value, json};

use crate::harness::{Client, Outcome, are_installed, vendors};

const TRACK_KEY: &str = "simulated-site:simulated-customer-io-key";
const APP_KEY: &str = "simulated-customer-io-app-key";

/// How long a client waits for an answer that never comes, in milliseconds. Its own default of ten seconds, which it has in all
/// other cases, would make this test long.
const TIMEOUT: u64 = 2_000;

/// A kind of trouble, of which every case has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    Invalid,
    Unauthorized,
    LimitedWithRetryAfter,
    Limited,
    ServerError,
    Unavailable,
    UnavailableInPlainText,
    Hang,
    Reset,
}

const TROUBLES: [Trouble; 10] = [
    Trouble::None,
    Trouble::Invalid,
    Trouble::Unauthorized,
    Trouble::LimitedWithRetryAfter,
    Trouble::Limited,
    Trouble::ServerError,
    Trouble::Unavailable,
    Trouble::UnavailableInPlainText,
    Trouble::Hang,
    Trouble::Reset,
];

impl Trouble {
    fn fault(self) -> Option<FaultKind> {
        let error = |status, body: Option<&str>| FaultKind::Error { status, body: body.map(str::to_owned) };
        Some(match self {
            Self::None | Self::Invalid | Self::Unauthorized => return None,
            Self::LimitedWithRetryAfter => FaultKind::RateLimit { rate: 1.0, burst: 1, retry_after: RetryAfterStyle::Seconds },
            Self::Limited => error(429, None),
            Self::ServerError => error(500, None),
            Self::Unavailable => error(503, None),
            Self::UnavailableInPlainText => error(503, Some("down for maintenance")),
            Self::Hang => FaultKind::Hang,
            Self::Reset => FaultKind::Reset { when: ResetPoint::Before },
        })
    }
}

/// One client in one kind of trouble. Its name is the customer's, too.
#[derive(Debug, Clone, Copy)]
struct Case {
    client: Client,
    tls: bool,
    trouble: Trouble,
}

impl Case {
    fn name(&self) -> String {
        format!("{:?}-{}-{:?}", self.client, if self.tls { "tls" } else { "plain" }, self.trouble).to_lowercase()
    }

    fn fault(&self) -> Option<Fault> {
        let fault = |kind| Fault {
            vendor: Some(SimulatedVendor::CustomerIo),
            customers: vec![self.name().to_owned()],
            ..Fault::new(self.name(), kind)
        };
        self.trouble.fault().map(fault)
    }

    /// The input of the client's script. Two calls where the first uses up what is allowed.
    fn input(&self, vendors: &SimulatedVendors) -> Value {
        let calls = if self.trouble == Trouble::LimitedWithRetryAfter { 2 } else { 1 };
        let base = vendors.customer_io_url();
        let base = if self.tls { base.replace("http://", "https://") } else { base };
        // Python's Track client speaks TLS alone, so over plain HTTP it is the App client.
        let app = self.client == Client::Python && !self.tls;
        let key = match (self.trouble, app) {
            (Trouble::Unauthorized, false) => "simulated-site:wrong",
            (Trouble::Unauthorized, true) => "wrong",
            (_, false) => TRACK_KEY,
            (_, true) => APP_KEY,
        };
        let value = if self.trouble == Trouble::Invalid { "v".repeat(1_001) } else { "pro".to_owned() };
        let message = if self.trouble == Trouble::Invalid { Value::Null } else { json!(1) };
        let call = match self.client {
            Client::Node => json!(["identify", self.name(), { "plan": value }]),
            Client::Python if app => {
                let fields = json!({ "identifiers": { "id": self.name() }, "transactional_message_id": message });
                json!(["send_push", [{ "$Push": fields }], {}])
            }
            Client::Python => json!(["identify", [self.name()], { "plan": value }]),
        };
        let url = if self.client == Client::Node { format!("{base}/api/v1") } else { base };
        let client = if app { "app" } else { "track" };
        let mut asked = json!({ "case": self.name(), "client": client, "url": url, "key": key, "calls": vec![call; calls] });
        if self.trouble == Trouble::Hang {
            asked["timeout"] = TIMEOUT.into();
        }
        asked
    }

    /// The requests that the vendor saw of it.
    fn attempts<'a>(&self, entries: &'a [std::sync::Arc<Entry>]) -> Vec<&'a Entry> {
        let name = self.name();
        let path = format!("/api/v1/customers/{name}");
        // A message's path does not tell whose it is; its effect does, or else its fault.
        let is_its = |entry: &&Entry| {
            entry.path == path
                || entry.intended.iter().any(|fault| **fault == *name)
                || entry.effects.iter().any(|effect| effect.subject == name)
        };
        entries.iter().map(AsRef::as_ref).filter(is_its).collect()
    }
}

/// What a case comes to.
struct Expected {
    /// The statuses that the vendor gave, `None` for no answer.
    statuses: Vec<Option<u16>>,
    /// A part of the error's message or name; `None` for success.
    error: Option<&'static str>,
}

fn expected(case: Case) -> Expected {
    let comes_to = |statuses: &[Option<u16>], error| Expected { statuses: statuses.to_vec(), error };
    let four = |status| vec![status; 4];
    // The Node client retries alike whatever the scheme, Python's over TLS only: its retries are mounted on https://.
    let retries = case.client == Client::Node || case.tls;
    match (case.client, case.trouble) {
        (_, Trouble::None) => comes_to(&[Some(200)], None),
        (Client::Node, Trouble::Invalid) => comes_to(&[Some(400)], Some("the limit is 1000")),
        (Client::Node, Trouble::Unauthorized) => comes_to(&[Some(401)], Some("Unauthorized")),
        (Client::Python, Trouble::Invalid) => comes_to(&[Some(400)], Some("400: ")),
        (Client::Python, Trouble::Unauthorized) => comes_to(&[Some(401)], Some("401: ")),
        (_, Trouble::LimitedWithRetryAfter) if retries => comes_to(&[Some(200), Some(429), Some(200)], None),
        (_, Trouble::LimitedWithRetryAfter) => comes_to(&[Some(200), Some(429)], Some("429: ")),
        (Client::Node, Trouble::Limited) => Expected { statuses: four(Some(429)), error: Some("429") },
        // Without Retry-After, Python's client takes 429 for final.
        (Client::Python, Trouble::Limited) => comes_to(&[Some(429)], Some("429: ")),
        (Client::Node, Trouble::ServerError) => Expected { statuses: four(Some(500)), error: Some("500") },
        (Client::Node, Trouble::Unavailable) => Expected { statuses: four(Some(503)), error: Some("503") },
        (Client::Python, Trouble::ServerError) if retries => {
            Expected { statuses: four(Some(500)), error: Some("too many 500 error responses") }
        }
        (Client::Python, Trouble::ServerError) => comes_to(&[Some(500)], Some("500: ")),
        // A body that is no JSON makes the Node client give up at once; Python's does not look at it.
        (Client::Node, Trouble::UnavailableInPlainText) => comes_to(&[Some(503)], Some("Unable to parse JSON")),
        (Client::Python, Trouble::Unavailable | Trouble::UnavailableInPlainText) if retries => {
            Expected { statuses: four(Some(503)), error: Some("too many 503 error responses") }
        }
        (Client::Python, Trouble::Unavailable | Trouble::UnavailableInPlainText) => comes_to(&[Some(503)], Some("503: ")),
        (Client::Node, Trouble::Hang) => Expected { statuses: four(None), error: Some("TimeoutError") },
        // Over TLS, Node reads a reset now and then as the end of the stream; its client calls either this.
        (Client::Node, Trouble::Reset) if case.tls => Expected { statuses: four(None), error: Some("fetch failed") },
        (Client::Node, Trouble::Reset) => Expected { statuses: four(None), error: Some("ECONNRESET") },
        (Client::Python, Trouble::Hang) if retries => Expected { statuses: four(None), error: Some("Read timed out") },
        (Client::Python, Trouble::Hang) => comes_to(&[None], Some("Read timed out")),
        // Over TLS, some builds of Python read a reset as the end of the stream; urllib3 calls either this.
        (Client::Python, Trouble::Reset) if retries => Expected { statuses: four(None), error: Some("Connection aborted") },
        (Client::Python, Trouble::Reset) => comes_to(&[None], Some("Connection aborted")),
    }
}

fn cases() -> Vec<Case> {
    let ways = [(Client::Node, true), (Client::Node, false), (Client::Python, true), (Client::Python, false)];
    ways.iter().flat_map(|&(client, tls)| TROUBLES.map(|trouble| Case { client, tls, trouble })).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_client_does_about_trouble_what_is_known_of_it() {
    if !are_installed() {
        return;
    }
    let cases = cases();
    let vendors = vendors(cases.iter().filter_map(Case::fault).collect()).await;
    let asked = |client: Client| -> Vec<Value> {
        cases.iter().filter(|case| case.client == client).map(|case| case.input(&vendors)).collect()
    };
    let (node, python) = (asked(Client::Node), asked(Client::Python));
    let (node, python) = tokio::join!(Client::Node.run(&vendors, &node), Client::Python.run(&vendors, &python));
    // What hung goes into the ledger when its connection is closed, at the latest now.
    let ledger = vendors.ledger().clone();
    vendors.shutdown().await;
    let entries = ledger.entries();
    for case in cases {
        let outcome = &if case.client == Client::Node { &node } else { &python }[&case.name()];
        check(case, outcome, &case.attempts(&entries));
    }
}

fn check(case: Case, outcome: &Outcome, attempts: &[&Entry]) {
    let expected = expected(case);
    let name = case.name();
    let leaves_no_trace =
        case.client == Client::Python && !case.tls && matches!(case.trouble, Trouble::Invalid | Trouble::Unauthorized);
    if !leaves_no_trace {
        let statuses: Vec<Option<u16>> = attempts.iter().map(|entry| entry.status).collect();
        assert_eq!(statuses, expected.statuses, "{name}: {outcome:?}");
    }
    match (&outcome.error, expected.error) {
        (None, None) => {}
        (Some(problem), Some(part)) => {
            let asked = format!("{} {} {:?} {:?} {}", problem.kind, problem.name, problem.status, problem.code, problem.message);
            assert!(asked.contains(part), "{name}: {asked}");
        }
        (error, part) => panic!("{name}: {error:?} where {part:?} was expected"),
    }
    if case.client == Client::Node {
        assert_eq!(outcome.retries, counts(case.trouble, attempts.len()), "{name}: X-Retry-Count");
    }
    if let (Trouble::LimitedWithRetryAfter, [_, refused, obeyed]) = (case.trouble, attempts) {
        // It was given whole seconds, at least one.
        let waited = obeyed.at_us - (refused.at_us + refused.took_us);
        assert!(waited >= 990_000, "{name} came back after {waited} µs");
    }
    let effects = attempts.iter().map(|entry| entry.effects.len()).sum::<usize>();
    assert_eq!(effects, attempts.iter().filter(|entry| entry.status == Some(200)).count(), "{name}");
}

/// What the Node client counts: nothing on a first attempt, then 1, 2, 3.
fn counts(trouble: Trouble, attempts: usize) -> Vec<Option<u64>> {
    let first = if trouble == Trouble::LimitedWithRetryAfter { 1 } else { 0 };
    let retry = |attempt: usize| if attempt <= first { None } else { Some((attempt - first) as u64) };
    (0..attempts).map(retry).collect()
}
