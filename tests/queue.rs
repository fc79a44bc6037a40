//! `plimsoll queue` as a person uses it: on the file of a service that was stopped, or runs, and on a Redis server.

mod common;
#[cfg(feature = "redis")]
#[path = "stores/redis/server.rs"]
#[allow(dead_code, reason = "the stores' tests also kill it")]
mod redis_server;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use plimsoll::outcome::{FailureKind, RestingState, Vendor};
use plimsoll::resilience::{Attempt, Backlog, FallbackQueue, Operation, OperationKind, Settled, UnixMillis, idempotency_key};
use plimsoll::store::sqlite::SqliteStore;
use plimsoll::store::{Bounds, Enrichment, LeadRecord, LeadStore, NewLead};
use serde_json::{Value, json};
use tempfile::TempDir;

use common::{plimsoll, run, text};

/// A date in the past: 2026-01-02T03:04:05Z.
const THEN: UnixMillis = 1_767_323_045_000;

fn lead(number: u64, user: &str, name: &str) -> NewLead {
    let key = format!("{number:064x}");
    let data = mock_server::json::Json::from(json!({ "email": user, "name": name }));
    let operations = [OperationKind::Enrich, OperationKind::Identify, OperationKind::Track].map(|kind| Operation {
        kind,
        user: user.to_owned(),
        data: data.clone(),
        key: idempotency_key(kind, &key, &json!({}).into()),
        lead: Some(key.clone()),
        caller: 0,
        due: None,
    });
    NewLead { key, user: user.to_owned(), data, operations: operations.to_vec() }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Bounds::default().into()).expect("a file to write")
}

/// Three leads: the first settled, the second with a dead letter at each vendor, the third queued. All users are their own.
async fn fill<S: LeadStore>(store: &S) {
    let leads = vec![lead(1, "ada@acme.test", "Ada"), lead(2, "=bob@acme.test", "Bob, \"the\" second"), lead(3, "eve", "Eve")];
    store.accept(leads, THEN).await.expect("a working store");
    let (clay, customer_io) = (store.backlog(Vendor::Clay), store.backlog(Vendor::CustomerIo));
    let take = async |backlog: &S::Backlog| backlog.lease(THEN, THEN + 1_000).await.expect("a working store").expect("due").id;
    clay.ack(take(&clay).await, Settled::delivered(THEN + 1_000, Some(200))).await.expect("a working store");
    let why = Attempt { at: THEN + 2_000, cause: FailureKind::ClientError, status: Some(422) };
    assert_eq!(clay.bury(take(&clay).await, why).await, Ok(true));
    let rate_limited = Attempt { cause: FailureKind::RateLimited, status: Some(429), ..why };
    let timeout = Attempt { at: THEN + 3_000, cause: FailureKind::Timeout, status: None };
    loop {
        let leased = customer_io.lease(THEN, THEN + 1_000).await.expect("a working store").expect("due");
        let queue = &customer_io;
        match (leased.entry.operation.user.as_str(), leased.entry.retry_count) {
            ("eve", _) => queue.release(leased.id, THEN + 86_400_000).await.expect("a working store"),
            ("=bob@acme.test", 0) => queue.fail(leased.id, rate_limited, THEN).await.expect("a working store"),
            ("=bob@acme.test", _) => {
                assert_eq!(customer_io.bury(leased.id, timeout).await, Ok(true));
                break;
            }
            _ => queue.ack(leased.id, Settled::delivered(THEN + 1_000, Some(200))).await.expect("a working store"),
        }
    }
    // Ada's rest.
    while let Some(leased) = customer_io.lease(THEN, THEN + 1_000).await.expect("a working store") {
        if leased.entry.operation.user.starts_with("ada") {
            customer_io.ack(leased.id, Settled::delivered(THEN + 1_000, Some(200))).await.expect("a working store");
        }
    }
    let found = Enrichment { at: THEN, source: plimsoll::resilience::Source::Vendor, data: json!({ "company": "Acme" }).into() };
    store.enrich(&lead(1, "", "").key, found, Vec::new()).await.expect("a working store");
}

/// A file of a service that was stopped.
async fn stopped() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("leads.db");
    let store = open(&path);
    fill(&store).await;
    store.close().await.expect("a working store");
    // A program that another test is just starting has the lock too, until it is its own program.
    let lock = format!(":{} ", fs::metadata(dir.path().join("leads.db.lock")).expect("it stays").ino());
    while fs::read_to_string("/proc/locks").is_ok_and(|locks| locks.contains(&lock)) {
        std::thread::yield_now();
    }
    (dir, path)
}

fn json_of(arguments: &[&str]) -> Value {
    let ended = run(arguments);
    ended.says(0, &[]);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:#?}"))
}

#[tokio::test]
async fn ls_counts_by_vendor_and_place_and_says_why_letters_are_dead() {
    let (_dir, path) = stopped().await;
    run(&["queue", "ls", "--db", text(&path)])
        .says(0, &["3 leads, 2 of them", "oldest queued", "dead letters by cause", "1  client_error", "1  timeout"]);
    let answered = json_of(&["queue", "ls", "--db", text(&path), "--json"]);
    assert_eq!((&answered["leads"], &answered["open_leads"]), (&json!(3), &json!(2)));
    let clay = &answered["vendors"][0];
    assert_eq!(clay["vendor"], "clay");
    assert_eq!(clay["places"], json!({ "queued": 1, "delivered": 1, "dead_lettered": 1 }));
    assert_eq!(clay["dead_letters"], json!({ "client_error": 1 }));
    assert_eq!((&clay["oldest_queued"], &clay["next_due"]), (&json!(THEN), &json!(THEN)));
    let customer_io = &answered["vendors"][1];
    assert_eq!(customer_io["places"], json!({ "queued": 3, "delivered": 2, "dead_lettered": 1 }));
}

#[tokio::test]
async fn show_tells_when_and_why_every_attempt_failed() {
    let (_dir, path) = stopped().await;
    let second = lead(2, "", "").key;
    run(&["queue", "show", &second, "--db", text(&path)]).says(
        0,
        &["=bob@acme.test", "identify at Customer.io: dead_lettered", "rate_limited 429", "2026-01-02T03:04:08Z", "timeout"],
    );
    let answered: LeadRecord =
        serde_json::from_value(json_of(&["queue", "show", &second, "--db", text(&path), "--json"])).expect("a lead");
    assert_eq!(answered.operations.iter().map(|operation| operation.attempts.len()).collect::<Vec<_>>(), [1, 2, 0]);

    // An operation, by its key and by its number.
    let key = &answered.operations[1].key;
    let by_key = json_of(&["queue", "show", key, "--db", text(&path), "--json"]);
    assert_eq!((by_key["cause"].as_str(), by_key["place"].as_str()), (Some("timeout"), Some("dead_lettered")));
    let by_number = json_of(&["queue", "show", &by_key["id"].to_string(), "--db", text(&path), "--json"]);
    assert_eq!(by_key, by_number);
    run(&["queue", "show", key, "--db", text(&path)]).says(0, &["given up", "lead      0000", "number"]);

    let keyed = tempfile::tempdir().expect("a writable directory");
    let file = keyed.path().join("leads.sqlite");
    // "order 17", as the service keeps it.
    let key = "0bcc920e3938c1b86e3483fc9888c6d6d130615fa7544c6b414515d1ba8159bb".to_owned();
    let store = open(&file);
    store.accept(vec![NewLead { key: key.clone(), ..lead(1, "ada@acme.test", "") }], 0).await.expect("room");
    drop(store);
    run(&["queue", "show", "order 17", "--db", text(&file)]).says(0, &["ada@acme.test", &key]);

    run(&["queue", "show", "cafe", "--db", text(&path)]).says(1, &["no lead and no operation", "\"cafe\"", "64 hex digits"]);
}

#[tokio::test]
async fn redrive_puts_back_what_was_chosen() {
    let (_dir, path) = stopped().await;
    run(&["queue", "redrive", "--db", text(&path), "--cause", "sunspots"]).says(2, &["no such cause", "client_error"]);
    run(&["queue", "redrive", "--db", text(&path), "--vendor", "clay", "--cause", "timeout"]).says(0, &["clay: 0 dead letters"]);
    run(&["queue", "redrive", "--db", text(&path), "--cause", "timeout"]).says(0, &["clay: 0", "customer_io: 1 dead letters"]);
    let answered = json_of(&["queue", "redrive", "--db", text(&path), "--json"]);
    assert_eq!(answered, json!({ "redriven": { "clay": 1, "customer_io": 0 } }));

    let store = open(&path);
    let record = store.lead(&lead(2, "", "").key).await.expect("a working store").expect("a lead");
    let places: Vec<_> = record.operations.iter().map(|operation| (operation.place, operation.redrives)).collect();
    assert_eq!(places, [(RestingState::Queued, 1), (RestingState::Queued, 1), (RestingState::Queued, 0)]);
    assert_eq!(store.backlog(Vendor::Clay).counts(), (2, 0));
    let leased = store.backlog(Vendor::Clay).lease(u64::MAX / 4, u64::MAX / 2).await.expect("a working store");
    assert!(leased.is_some(), "it is due");
}

#[tokio::test]
async fn export_loses_nothing_as_json_and_runs_nothing_as_csv() {
    let (dir, path) = stopped().await;
    let ended = run(&["queue", "export", "--db", text(&path), "--format", "json"]);
    ended.says(0, &[]);
    let rows: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 9);
    let store = open(&path);
    for record in store.leads(None, 10).await.expect("a working store") {
        for operation in &record.operations {
            let row = rows.iter().find(|row| row["key"] == operation.key.as_str()).expect("every operation is there");
            assert_eq!((&row["data"], &row["user"]), (&json!(record.data), &json!(record.user)));
            assert_eq!(row["attempts"], json!(operation.attempts));
            assert_eq!(row["place"], json!(operation.place));
        }
    }
    drop(store);

    let out = dir.path().join("dead.csv");
    let arguments = ["queue", "export", "--db", text(&path), "--format", "csv", "--place", "dead", "--out", text(&out)];
    run(&arguments).says(0, &["2 operations are in"]);
    let mut reader = csv::Reader::from_path(&out).expect("a file");
    let columns = reader.headers().expect("a header").clone();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows of one length");
    assert_eq!(rows.len(), 2);
    let cell =
        |row: &csv::StringRecord, name: &str| row[columns.iter().position(|column| column == name).expect("a column")].to_owned();
    assert_eq!(cell(&rows[0], "user"), "'=bob@acme.test", "a spreadsheet would run it");
    let data: Value = serde_json::from_str(&cell(&rows[0], "data")).expect("JSON");
    assert_eq!(data["name"], "Bob, \"the\" second");
    assert_eq!(cell(&rows[0], "dead_at"), "2026-01-02T03:04:07Z");
    // What is there is not written over.
    let before = fs::read(&out).expect("a file");
    run(&arguments).says(1, &["dead.csv", "exists"]);
    assert_eq!(fs::read(&out).expect("a file"), before);

    let queued = run(&["queue", "export", "--db", text(&path), "--format", "json", "--place", "queued", "--vendor", "clay"]);
    assert_eq!(queued.stdout.lines().count(), 1);
}

#[tokio::test]
async fn purge_removes_what_was_named_and_only_with_a_yes() {
    let (_dir, path) = stopped().await;
    run(&["queue", "purge", "--db", text(&path), "--place", "dead"]).says(2, &["2 dead letters", "--yes", "nothing was removed"]);
    run(&["queue", "purge", "--db", text(&path), "--place", "settled"]).says(2, &["1 settled leads", "nothing was removed"]);
    run(&["queue", "purge", "--db", text(&path), "--place", "queued"]).says(2, &["invalid value"]);
    run(&["queue", "purge", "--db", text(&path), "--place", "settled", "--vendor", "clay"]).says(2, &["--place dead"]);
    // Everything is younger than 91 years.
    run(&["queue", "purge", "--db", text(&path), "--place", "dead", "--before", "800000h", "--yes"]).says(0, &["0 dead letters"]);
    let answered = json_of(&["queue", "purge", "--db", text(&path), "--place", "dead", "--vendor", "clay", "--yes", "--json"]);
    assert_eq!(answered, json!({ "removed": 1 }));
    run(&["queue", "purge", "--db", text(&path), "--place", "settled", "--before", "1s", "--yes"]).says(0, &["1 settled leads"]);

    let store = open(&path);
    assert_eq!(store.lead(&lead(1, "", "").key).await, Ok(None));
    let second = store.lead(&lead(2, "", "").key).await.expect("a working store").expect("it is not settled");
    let places: Vec<_> = second.operations.iter().map(|operation| operation.place).collect();
    assert_eq!(places, [RestingState::Rejected, RestingState::DeadLettered, RestingState::Queued]);
    assert!(store.lead(&lead(3, "", "").key).await.expect("a working store").is_some());
}

#[tokio::test]
async fn beside_a_running_service_it_reads_and_changes_nothing() {
    let (_dir, path) = stopped().await;
    let service = open(&path);
    service.accept(vec![lead(4, "kim", "Kim")], THEN).await.expect("a working store");
    let pid = std::process::id().to_string();
    run(&["queue", "ls", "--db", text(&path)]).says(0, &["4 leads"]);
    run(&["queue", "show", &lead(4, "", "").key, "--db", text(&path)]).says(0, &["kim"]);
    run(&["queue", "export", "--db", text(&path), "--format", "csv"]).says(0, &["kim"]);
    run(&["queue", "redrive", "--db", text(&path)]).says(1, &["in use by process", &pid, "stop it"]);
    run(&["queue", "purge", "--db", text(&path), "--place", "dead", "--yes"]).says(1, &["in use by process", &pid]);
    assert_eq!(service.backlog(Vendor::Clay).counts(), (2, 1));
    service.accept(vec![lead(5, "joe", "Joe")], THEN).await.expect("the service goes on");
}

#[test]
fn a_file_that_is_none_of_ours_is_refused_and_none_is_made() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let missing = dir.path().join("missing.db");
    for arguments in [["queue", "ls", "--db"], ["queue", "redrive", "--db"]] {
        let ended = common::Ended::of(plimsoll().args(arguments).arg(&missing).output().expect("it starts"));
        ended.says(1, &["missing.db", "no such store of leads"]);
    }
    let notes = dir.path().join("notes.txt");
    fs::write(&notes, "not a database").expect("a writable directory");
    run(&["queue", "ls", "--db", text(&notes)]).says(1, &["notes.txt", "not a SQLite database"]);
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1, "nothing is made beside it");
}

#[cfg(feature = "redis")]
mod on_redis {
    use plimsoll::store::redis::RedisStore;

    use super::common::Ended;
    use super::redis_server::Server;
    use super::*;

    /// A server with the leads of [`fill`], and the store as the service has it open.
    async fn serving() -> Option<(Server, RedisStore)> {
        let server = Server::start()?;
        let store = RedisStore::open(&server.settings()).await.expect("a server that keeps its promises");
        fill(&store).await;
        Some((server, store))
    }

    fn queue(server: &Server, arguments: &[&str]) -> Ended {
        let mut command = plimsoll();
        command.env("QUEUE_TEST_REDIS", server.settings().url.expose()).arg("queue").args(arguments);
        Ended::of(command.args(["--redis-env", "QUEUE_TEST_REDIS", "--name", "test"]).output().expect("it starts"))
    }

    fn json_of(server: &Server, arguments: &[&str]) -> Value {
        let ended = queue(server, arguments);
        ended.says(0, &[]);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:#?}"))
    }

    /// Without what stores may differ in: numbers, and whether a lease outlives its process.
    fn alike(mut answered: Value) -> Value {
        for field in ["id", "due_at", "next_due"] {
            answered.as_object_mut().expect("an object").remove(field);
        }
        answered
    }

    #[tokio::test]
    async fn it_tells_the_same_of_the_same_leads_as_on_a_file() {
        let Some((server, _store)) = serving().await else { return };
        let (_dir, path) = stopped().await;
        let summary = |mut answered: Value| {
            let vendors: Vec<Value> = answered["vendors"].as_array().expect("a list").iter().cloned().map(alike).collect();
            answered["vendors"] = vendors.into();
            answered
        };
        let answered = json_of(&server, &["ls", "--json"]);
        assert_eq!((&answered["leads"], &answered["vendors"][0]["next_due"]), (&json!(3), &json!(THEN)));
        assert_eq!(summary(answered), summary(super::json_of(&["queue", "ls", "--db", text(&path), "--json"])));

        let rows = |ended: Ended| {
            ended.says(0, &[]);
            let row = |line: &str| alike(serde_json::from_str(line).expect("JSON"));
            let mut rows: Vec<Value> = ended.stdout.lines().map(row).collect();
            rows.sort_by_key(|row| row["key"].as_str().expect("a key").to_owned());
            rows
        };
        for (more, count) in [(&[][..], 9), (&["--place", "dead", "--vendor", "clay"], 1), (&["--place", "queued,delivered"], 7)]
        {
            let exported = rows(queue(&server, &[&["export", "--format", "json"], more].concat()));
            assert_eq!(exported.len(), count);
            assert_eq!(exported, rows(run(&[&["queue", "export", "--format", "json", "--db", text(&path)], more].concat())));
        }
        let csv = queue(&server, &["export", "--format", "csv"]);
        csv.says(0, &["'=bob@acme.test"]);
    }

    #[tokio::test]
    async fn show_finds_a_lead_and_an_operation_by_key_and_number() {
        let Some((server, store)) = serving().await else { return };
        let second = lead(2, "", "").key;
        queue(&server, &["show", &second]).says(0, &["identify at Customer.io: dead_lettered", "rate_limited 429", "timeout"]);
        let answered: LeadRecord = serde_json::from_value(json_of(&server, &["show", &second, "--json"])).expect("a lead");
        assert_eq!(Some(&answered), store.lead(&second).await.expect("a working store").as_ref());
        let by_key = json_of(&server, &["show", &answered.operations[1].key, "--json"]);
        assert_eq!((&by_key["cause"], &by_key["dead_at"]), (&json!("timeout"), &json!(THEN + 3_000)));
        assert_eq!(json_of(&server, &["show", &by_key["id"].to_string(), "--json"]), by_key);
        let unknown = ["no lead and no operation", "\"cafe\"", "store \"test\"", "$QUEUE_TEST_REDIS"];
        queue(&server, &["show", "cafe"]).says(1, &unknown);
        queue(&server, &["show", "4000000"]).says(1, &["no lead and no operation"]);
    }

    #[tokio::test]
    async fn redrive_and_purge_work_beside_a_running_service() {
        let Some((server, store)) = serving().await else { return };
        let key = lead(2, "", "").key;
        let places = async || {
            let record = store.lead(&key).await.expect("a working store").expect("it is not settled");
            record.operations.iter().map(|operation| (operation.place, operation.redrives)).collect::<Vec<_>>()
        };
        queue(&server, &["redrive", "--vendor", "clay", "--cause", "timeout"]).says(0, &["clay: 0 dead letters"]);
        let answered = json_of(&server, &["redrive", "--cause", "client_error", "--json"]);
        assert_eq!(answered, json!({ "redriven": { "clay": 1, "customer_io": 0 } }));
        assert_eq!(places().await, [(RestingState::Queued, 1), (RestingState::DeadLettered, 0), (RestingState::Queued, 0)]);
        // The service, which was open all the while, is given it.
        let clay = store.backlog(Vendor::Clay);
        let taken = async || clay.lease(u64::MAX >> 12, u64::MAX >> 11).await.expect("a working store");
        let (third, second) = (taken().await.expect("due"), taken().await.expect("due"));
        assert_eq!((third.entry.operation.user.as_str(), second.entry.operation.user.as_str()), ("eve", "=bob@acme.test"));
        assert_eq!((second.entry.retry_count, second.entry.attempts.len()), (0, 1), "with its history");

        queue(&server, &["purge", "--place", "dead"]).says(2, &["1 dead letters", "--yes", "nothing was removed"]);
        queue(&server, &["purge", "--place", "settled"]).says(2, &["1 settled leads", "nothing was removed"]);
        queue(&server, &["purge", "--place", "dead", "--before", "800000h", "--yes"]).says(0, &["0 dead letters"]);
        assert_eq!(json_of(&server, &["purge", "--place", "dead", "--yes", "--json"]), json!({ "removed": 1 }));
        assert_eq!(places().await[1], (RestingState::Rejected, 0));
        let rejected = queue(&server, &["export", "--format", "json", "--place", "rejected"]);
        let rejected: Value = serde_json::from_str(rejected.stdout.trim()).expect("one row");
        assert_eq!((&rejected["cause"], &rejected["settled"]["cause"]), (&Value::Null, &json!("timeout")));
        queue(&server, &["purge", "--place", "settled", "--yes"]).says(0, &["1 settled leads"]);
        assert_eq!(store.lead(&lead(1, "", "").key).await, Ok(None));
        store.accept(vec![lead(4, "kim", "Kim")], THEN).await.expect("the service goes on");
    }

    #[tokio::test]
    async fn a_user_s_letters_go_back_in_their_order() {
        let Some(server) = Server::start() else { return };
        let store = RedisStore::open(&server.settings()).await.expect("a server that keeps its promises");
        let leads: Vec<_> = (0..120).map(|number| lead(number, if number % 2 == 0 { "ada" } else { "eve" }, "")).collect();
        store.accept(leads, THEN).await.expect("a working store");
        let clay = store.backlog(Vendor::Clay);
        let lease = async |at| clay.lease(at, at + 1).await.expect("a working store");
        let mut died = Vec::new();
        while let Some(leased) = lease(THEN).await {
            let why = Attempt { at: THEN, cause: FailureKind::ClientError, status: None };
            assert_eq!(clay.bury(leased.id, why).await, Ok(true));
            died.push(leased.entry.operation);
        }
        assert_eq!(died.len(), 120);
        queue(&server, &["redrive"]).says(0, &["clay: 120", "customer_io: 0"]);
        let mut back = Vec::new();
        while let Some(leased) = lease(u64::MAX >> 12).await {
            clay.ack(leased.id, Settled::delivered(THEN, None)).await.expect("a working store");
            back.push(leased.entry.operation);
        }
        for user in ["ada", "eve"] {
            let of = |all: &[Operation]| all.iter().filter(|one| one.user == user).map(|one| one.key.clone()).collect::<Vec<_>>();
            assert_eq!(of(&back), of(&died));
        }
    }

    #[tokio::test]
    async fn a_server_without_a_store_is_refused_and_none_is_made() {
        let Some(mut server) = Server::start() else { return };
        for arguments in [&["ls"][..], &["redrive"], &["purge", "--place", "dead", "--yes"]] {
            queue(&server, arguments).says(1, &["no store of leads", "\"test\"", "redis.sock", "another server"]);
        }
        assert_eq!(server.by_hand(&[&["DBSIZE"]]).await, redis::Value::Int(0), "nothing was made");
        server.by_hand(&[&["SET", "{test}:layout", "7"]]).await;
        queue(&server, &["ls"]).says(1, &["layout 7"]);
        server.kill();
        queue(&server, &["ls"]).says(1, &["redis.sock", "can't be used"]);
    }

    #[test]
    fn which_store_is_said_once_and_never_with_its_password() {
        run(&["queue", "ls"]).says(2, &["--db <FILE>|--redis-env <VARIABLE>"]);
        run(&["queue", "ls", "--db", "leads.db", "--redis-env", "X"]).says(2, &["--redis-env", "cannot be used with"]);
        run(&["queue", "ls", "--db", "leads.db", "--name", "x"]).says(2, &["cannot be used"]);
        run(&["queue", "ls", "--redis-env", "QUEUE_TEST_UNSET"]).says(1, &["QUEUE_TEST_UNSET is not set"]);
        let url = run(&["queue", "ls", "--redis-env", "redis://:sesame@127.0.0.1:1/"]);
        url.says(1, &["not the URL itself"]);
        let mut away = plimsoll();
        away.env("QUEUE_TEST_REDIS", "redis://:sesame@127.0.0.1:1/").args(["queue", "ls", "--redis-env", "QUEUE_TEST_REDIS"]);
        let away = Ended::of(away.output().expect("it starts"));
        away.says(1, &["127.0.0.1:1", "can't be used"]);
        for ended in [url, away] {
            assert!(!ended.stderr.contains("sesame"), "{ended:#?}");
        }
    }
}
