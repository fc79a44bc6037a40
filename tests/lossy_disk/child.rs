//! The process that is killed: it takes leads and settles operations as fast as it can, and says what is durable.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use plimsoll::outcome::{FailureKind, Vendor};
use plimsoll::resilience::{Attempt, Backlog, FallbackQueue, Operation, OperationKind, Settled, idempotency_key};
use plimsoll::store::sqlite::{SqliteSettings, SqliteStore};
use plimsoll::store::{Acceptance, Bounds, LeadStore, NewLead};
use serde_json::json;

/// The directory of the file; without it the process is no child.
const DATA: &str = "LOSSY_DIR";
const LOG: &str = "LOSSY_LOG";
const GENERATION: &str = "PLIMSOLL_LOSSY_GENERATION";
const UNSYNCED: &str = "PLIMSOLL_LOSSY_UNSYNCED";
const WORKERS: u64 = 4;
const ROOMY: Bounds = Bounds { queue: 1_000_000, dead_letters: 1_000_000 };

/// What was durable by the child's word: keys of leads, and of operations.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) acknowledged: HashSet<String>,
    pub(crate) delivered: HashSet<String>,
    pub(crate) buried: HashSet<String>,
}

/// Starts the child on the disk that loses, kills it when it has said `lines` things, and adds all that it said.
pub(crate) fn run_and_kill(
    library: &Path,
    data: &Path,
    log: &Path,
    synced: bool,
    generation: u64,
    lines: usize,
    said: &mut Said,
) {
    let mut command = Command::new(std::env::current_exe().expect("this test has a file"));
    command
        .args(["--exact", "child::leads_are_taken_until_the_end", "--ignored", "--nocapture", "--test-threads=1"])
        .env("LD_PRELOAD", library)
        .env(DATA, data)
        .env(LOG, log)
        .env(GENERATION, generation.to_string());
    if !synced {
        command.env(UNSYNCED, "1");
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("this test starts itself");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let (mut line, mut heard) = (String::new(), 0);
    // What it said before the kill may still be in the pipe; a line without its end was cut off by it.
    while out.read_line(&mut line).expect("UTF-8") > 0 && line.ends_with('\n') {
        let set = match line.split_once(' ').map(|(word, _)| word) {
            Some("acknowledged") => Some(&mut said.acknowledged),
            Some("delivered") => Some(&mut said.delivered),
            Some("buried") => Some(&mut said.buried),
            _ => None,
        };
        if let Some(set) = set {
            set.insert(line.trim_end().split(' ').nth(1).unwrap_or_default().to_owned());
            heard += 1;
        }
        if heard == lines {
            child.kill().expect("it runs");
        }
        line.clear();
    }
    let ended = child.wait().expect("it was started here");
    assert!(heard >= lines && ended.code().is_none(), "the child ended by itself ({ended}) after {heard} lines");
}

fn say(word: &str, key: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("{word} {key}\n").as_bytes());
    let _ = out.flush();
}

fn lead(number: u64) -> NewLead {
    let (key, user) = (format!("{number:064x}"), format!("user-{}", number % 50));
    // A few pages of the file each, so that the log is copied into it again and again.
    let data = mock_server::json::Json::from(json!({ "number": number, "text": "lossy ".repeat(1_000) }));
    let operation = |kind: OperationKind| {
        let own = idempotency_key(kind, &key, &json!({}).into());
        Operation { kind, user: user.clone(), data: data.clone(), key: own, lead: Some(key.clone()), caller: 0, due: None }
    };
    let operations = [OperationKind::Enrich, OperationKind::Identify, OperationKind::Track].map(operation).to_vec();
    NewLead { key, user, data, operations }
}

async fn work(store: SqliteStore, first: u64) {
    const FAR: u64 = 1 << 40;
    for number in first.. {
        let accepted = store.accept(vec![lead(number)], number).await.expect("a working disk");
        assert_eq!(accepted, [Acceptance::New]);
        say("acknowledged", &format!("{number:064x}"));
        for vendor in [Vendor::Clay, Vendor::CustomerIo] {
            let backlog = store.backlog(vendor);
            let Some(leased) = backlog.lease(FAR, FAR * 2).await.expect("a working disk") else { continue };
            if number % 5 == 0 {
                let attempt = Attempt { at: FAR, cause: FailureKind::ClientError, status: Some(422) };
                assert!(backlog.bury(leased.id, attempt).await.expect("a working disk"));
                say("buried", &leased.entry.operation.key);
            } else {
                backlog.ack(leased.id, Settled::delivered(FAR, Some(200))).await.expect("a working disk");
                say("delivered", &leased.entry.operation.key);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the tests beside it start and kill"]
async fn leads_are_taken_until_the_end() {
    let Some(data) = std::env::var_os(DATA) else { return };
    let generation: u64 = std::env::var(GENERATION).expect("set with it").parse().expect("a number");
    let settings = SqliteSettings::from(ROOMY);
    let settings = if std::env::var_os(UNSYNCED).is_some() { settings.unsynced() } else { settings };
    let store = SqliteStore::open(&Path::new(&data).join("leads.db"), settings).expect("a file to write");
    let workers = (0..WORKERS).map(|worker| tokio::spawn(work(store.clone(), (generation * WORKERS + worker) << 32)));
    for worker in workers.collect::<Vec<_>>() {
        worker.await.expect("a working disk");
    }
}
