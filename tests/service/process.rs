//! The service as a process: its start, its end, and what it refuses.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Ended, plimsoll, text};

const TOKEN: &str = "token-of-the-test";

/// The longest wait between the first attempts: 1 s, 2 s, 4 s and up to 30 % more.
const LONGEST_BACK_OFF_MS: u64 = 5_200;

/// A vendor that takes every request and never answers.
fn silent_vendor() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
    url
}

/// Writes a configuration with both vendors at `vendor`.
fn config(dir: &Path, vendor: &str, more: &str) -> PathBuf {
    let file = dir.join("service.toml");
    let body = format!(
        "listen = \"127.0.0.1:0\"\n{more}\n[store]\npath = \"leads.sqlite\"\n[vendors]\nclay = \"{vendor}\"\n\
         clay_webhook_path = \"/v3/sources/webhook/x\"\ncustomer_io = \"{vendor}\"\n\
         customer_io_site_id = {{ env = \"SITE\" }}\ncustomer_io_api_key = {{ env = \"KEY\" }}\n"
    );
    fs::write(&file, body).unwrap();
    file
}

fn serve(config: &Path) -> Command {
    let mut command = plimsoll();
    command.args(["serve", "--config", text(config)]);
    with_secrets(&mut command);
    command
}

fn with_secrets(command: &mut Command) {
    command.env("SITE", "site-of-the-test").env("KEY", "key-of-the-test").env("TOKEN", TOKEN);
}

/// A service that listens.
struct Serving {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Serving {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut said = String::new();
            BufReader::new(stderr).read_to_string(&mut said).unwrap();
            panic!("it did not start: {said}");
        }
        let listening: Value = serde_json::from_str(&line).unwrap();
        let address = listening["listening"].as_str().unwrap().trim_start_matches("http://").to_owned();
        Self { child, stderr, address }
    }

    /// One request on a connection of its own: the whole answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The body of an answer.
    fn read(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, "");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    fn lead(&self, user: &str) -> String {
        self.ask("POST", "/leads", &json!({"user": user, "data": {"email": user}}).to_string())
    }

    /// Asks until the answer is as it should be.
    fn until(&self, path: &str, is_right: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        // Each asking takes a connection: half a minute or more in all, and never for ever.
        for _ in 0..100_000 {
            last = self.read(path);
            if is_right(&last) {
                return last;
            }
            std::thread::yield_now();
        }
        panic!("it never came to be: {last}");
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Reads what it says to people until a line holds `word`.
    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while self.stderr.read_line(&mut line).unwrap() > 0 {
            if line.contains(word) {
                return;
            }
            line.clear();
        }
        panic!("it ended without saying {word:?}");
    }

    fn end(mut self) -> Ended {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        Ended { stderr, ..Ended::of(self.child.wait_with_output().unwrap()) }
    }
}

#[test]
fn on_sigterm_intake_stops_and_what_was_under_way_is_in_the_queue_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), &silent_vendor(), "shutdown = \"3s\"");
    let mut serving = Serving::start(&mut serve(&file));
    assert!(serving.lead("ada").starts_with("HTTP/1.1 202"));
    serving.until("/stats", |stats| stats["clay"]["in_flight"] == 1 && stats["customer_io"]["in_flight"] == 1);
    serving.signal(Signal::SIGTERM);
    serving.wait_for("ending");
    let refused = serving.lead("bob");
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("connection: close"), "{refused}");
    assert!(refused.contains("retry-after"), "{refused}");
    let ready = serving.ask("GET", "/health/ready", "");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("shutting down"), "{ready}");
    serving.end().says(0, &["what was not answered in time is in the queue"]);

    let again = Serving::start(&mut serve(&file));
    let stats = again.read("/stats");
    assert_eq!((&stats["clay"]["queue_depth"], &stats["customer_io"]["queue_depth"]), (&json!(1), &json!(2)));
    again.until("/stats", |stats| stats["clay"]["in_flight"] == 1);
    again.signal(Signal::SIGTERM);
    again.end().says(0, &[]);
}

#[test]
fn an_end_without_anything_under_way_does_not_wait() {
    let dir = TempDir::new().unwrap();
    // Far beyond what the test would be given.
    let file = config(dir.path(), "http://127.0.0.1:9", "shutdown = \"1h\"");
    let serving = Serving::start(&mut serve(&file));
    assert!(serving.lead("ada").starts_with("HTTP/1.1 202"));
    // A connection that idles, and a follower.
    let _idle = TcpStream::connect(&serving.address).unwrap();
    let mut follower = TcpStream::connect(&serving.address).unwrap();
    follower.write_all(format!("GET /events?follow=1 HTTP/1.1\r\nhost: {}\r\n\r\n", serving.address).as_bytes()).unwrap();
    serving.signal(Signal::SIGINT);
    serving.end().says(0, &["ended: everything under way was finished"]);
}

#[test]
fn a_second_signal_cuts_off_and_nothing_acknowledged_is_lost() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), &silent_vendor(), "shutdown = \"1h\"");
    let mut serving = Serving::start(&mut serve(&file));
    assert!(serving.lead("ada").starts_with("HTTP/1.1 202"));
    serving.until("/stats", |stats| stats["clay"]["in_flight"] == 1);
    serving.signal(Signal::SIGTERM);
    serving.wait_for("ending");
    serving.signal(Signal::SIGTERM);
    serving.end().says(105, &["cut off"]);
    let again = Serving::start(&mut serve(&file));
    assert_eq!(again.read("/stats")["clay"]["queue_depth"], 1);
    again.signal(Signal::SIGKILL);
    assert_eq!(again.end().code, None);
}

#[test]
fn two_services_do_not_share_a_file() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    let first = Serving::start(&mut serve(&file));
    let pid = first.child.id().to_string();
    Ended::of(serve(&file).output().unwrap()).says(1, &["leads.sqlite is in use by", &pid]);
    assert!(first.lead("ada").starts_with("HTTP/1.1 202"), "the first goes on");
    first.signal(Signal::SIGTERM);
    first.end().says(0, &[]);
}

#[test]
fn a_file_that_is_not_its_own_is_refused_untouched() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    let database = dir.path().join("leads.sqlite");
    let foreign = b"SQLite format 3\0 and then nothing that a database holds".to_vec();
    for (bytes, says) in [(b"a letter to my aunt".to_vec(), "is not a store of leads"), (foreign, "leads.sqlite is")] {
        fs::write(&database, &bytes).unwrap();
        Ended::of(serve(&file).output().unwrap()).says(1, &[says]);
        assert_eq!(fs::read(&database).unwrap(), bytes);
    }
}

#[test]
fn beyond_loopback_it_needs_a_token() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    Ended::of(serve(&file).args(["--listen", "0.0.0.0:0"]).output().unwrap()).says(1, &["has no token"]);
    let open = fs::read_to_string(&file).unwrap().replace("127.0.0.1:0", "0.0.0.0:0");
    fs::write(&file, &open).unwrap();
    Ended::of(serve(&file).output().unwrap()).says(104, &["has no token", "service.toml:1:10"]);
    fs::write(&file, format!("token = {{ env = \"TOKEN\" }}\n{open}")).unwrap();
    let serving = Serving::start(&mut serve(&file));
    let port = serving.address.rsplit_once(':').unwrap().1.to_owned();
    let here = Serving { address: format!("127.0.0.1:{port}"), ..serving };
    assert!(here.lead("ada").starts_with("HTTP/1.1 401"));
    here.signal(Signal::SIGTERM);
    let ended = here.end();
    ended.says(0, &[]);
    for secret in [TOKEN, "key-of-the-test", "site-of-the-test"] {
        assert!(!ended.stderr.contains(secret) && !ended.stdout.contains(secret), "{ended:?}");
    }
}

#[test]
fn every_mistake_of_a_configuration_is_named_with_its_place() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("service.toml");
    let wrong = "listn = \"127.0.0.1:1\"\nworkers = 0\nretention = \"5s\"\n[store]\npath = \"a\"\nredis = { env = \"SITE\" }\n\
                 [vendors]\nclay = \"ftp://a\"\nclay_webhook_path = \"x\"\ncustomer_io = \"http://127.0.0.1:9\"\n\
                 customer_io_site_id = { env = \"NOT_SET_ANYWHERE\" }\ncustomer_io_api_key = \"secret-in-the-file\"\n\
                 [resilience.clay.retry]\nmax_retrys = 2\n";
    fs::write(&file, wrong).unwrap();
    let ended = Ended::of(serve(&file).arg("--check").output().unwrap());
    ended.says(
        104,
        &[
            "did you mean `listen`?",
            "did you mean `max_retries`?",
            "leave out either `path` or `redis`",
            "`workers` is too small",
        ],
    );
    assert!(!ended.stderr.contains("secret-in-the-file"), "{}", ended.stderr);
    let hasty = config(dir.path(), "http://127.0.0.1:9", "[limits]\nheader_timeout = \"0s\"\nbody_timeout = \"0s\"");
    let ended = Ended::of(serve(&hasty).arg("--check").output().unwrap());
    ended.says(104, &["the timeout must be greater than"]);
    assert_eq!(ended.stderr.matches("the timeout must be greater than").count(), 2, "{}", ended.stderr);
    // A file that is missing is not told to be named like itself, even where a link of that name leads nowhere.
    std::os::unix::fs::symlink("nowhere", dir.path().join("missing.toml")).unwrap();
    let missing = Ended::of(plimsoll().args(["serve", "--config", text(&dir.path().join("missing.toml"))]).output().unwrap());
    missing.says(104, &["the configuration cannot be read", "`plimsoll serve --example > service.toml` writes one"]);
    assert!(!missing.stderr.contains("did you mean"), "{}", missing.stderr);
    Ended::of(plimsoll().arg("serve").output().unwrap()).says(2, &["--config"]);
}

#[test]
fn one_mistake_gives_one_message() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    let right = fs::read_to_string(&file).unwrap();
    for (from, to, says) in [
        ("clay_webhook_path", "clay_webhok_path", "did you mean `clay_webhook_path`?"),
        ("[store]", "[stroe]", "did you mean `store`?"),
        ("[vendors]", "[vendor]", "did you mean `vendors`?"),
        ("{ env = \"KEY\" }", "{ env = \"UNSET\" }", "the environment variable UNSET is not set"),
        ("path = \"leads.sqlite\"", "pth = \"leads.sqlite\"", "did you mean `path`?"),
        ("clay = \"http://127.0.0.1:9\"", "clay = \"127.0.0.1:9\"", "URL"),
        ("listen = \"127.0.0.1:0\"", "listen = \"0.0.0.0:0\"\ntokn = { env = \"KEY\" }", "did you mean `token`?"),
        ("listen = \"127.0.0.1:0\"", "listen = \"localhost\"", "is not an address with a port"),
    ] {
        assert!(right.contains(from), "{from}");
        fs::write(&file, right.replace(from, to)).unwrap();
        let ended = Ended::of(serve(&file).arg("--check").output().unwrap());
        ended.says(104, &[says]);
        assert_eq!(ended.stderr.matches("error: ").count(), 1, "{to}: {}", ended.stderr);
    }
    // A variable that two keys name is set once.
    fs::write(&file, right.replace("SITE", "UNSET").replace("KEY", "UNSET")).unwrap();
    let ended = Ended::of(serve(&file).arg("--check").output().unwrap());
    assert_eq!(ended.stderr.matches("error: ").count(), 1, "{}", ended.stderr);
}

#[test]
fn a_port_that_is_taken_names_the_key_that_changes_it() {
    let dir = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    let address = taken.local_addr().unwrap().to_string();
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("127.0.0.1:0", &address)).unwrap();
    let ended = Ended::of(serve(&file).output().unwrap());
    ended.says(1, &[&address, "`listen` in the configuration, or --listen"]);
    assert_eq!(ended.stderr.matches("error: ").count(), 1, "{}", ended.stderr);
}

#[test]
fn the_example_is_a_configuration() {
    let dir = TempDir::new().unwrap();
    let example = Ended::of(plimsoll().args(["serve", "--example"]).output().unwrap());
    example.says(0, &["[vendors]"]);
    // As it is printed, and with everything in it that is commented out but the second store.
    let file = dir.path().join("service.toml");
    let whole: String = example
        .stdout
        .lines()
        .filter(|line| !line.contains("REDIS_URL"))
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") || setting.starts_with('[') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    // In front of the real vendors.
    let lines = example.stdout.lines();
    let simulated = |line: &&str| line.contains("127.0.0.1:808") || line.contains("simulated-") || line.contains("webhook/7f2c");
    let real: String = lines.filter(|line| !simulated(line)).map(|line| line.replacen("## ", "", 1) + "\n").collect();
    assert!(real.contains("\nclay = \"https://api.clay.com\"\n"), "{real}");
    for text_of in [example.stdout.clone(), whole, real] {
        fs::write(&file, &text_of).unwrap();
        let mut command = plimsoll();
        command.args(["serve", "--check", "--config", text(&file)]);
        for name in ["PLIMSOLL_TOKEN", "CLAY_WEBHOOK_TOKEN", "CLAY_CALLBACK_SECRET", "CUSTOMER_IO_SITE_ID", "CUSTOMER_IO_API_KEY"]
        {
            command.env(name, "x");
        }
        Ended::of(command.output().unwrap()).says(0, &["is valid"]);
    }
}

#[test]
fn a_credential_in_the_file_is_one_of_the_simulated_vendors_or_refused_unseen() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    let written = |key: &str| fs::read_to_string(&file).unwrap().replace("{ env = \"KEY\" }", &format!("\"{key}\""));
    let check = |key: &str| {
        let other = dir.path().join("other.toml");
        fs::write(&other, written(key)).unwrap();
        Ended::of(serve(&other).arg("--check").output().unwrap())
    };
    check("simulated-customer-io-key").says(0, &["is valid"]);
    let refused = check("hush-hush");
    refused.says(104, &["a credential does not belong in this file", "{ env = \"NAME\" }"]);
    assert!(!refused.stderr.contains("hush"), "{}", refused.stderr);
    assert_eq!(refused.stderr.matches("error").count(), 1, "{}", refused.stderr);
}

/// A run of `plimsoll mock` and `plimsoll serve` as the README has it. Where a port is taken, another takes its place.
#[test]
fn the_example_works_as_it_stands_in_front_of_the_simulated_vendors() {
    let dir = TempDir::new().unwrap();
    let example = Ended::of(plimsoll().args(["serve", "--example"]).output().unwrap()).stdout;
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let ports = if [8081, 8082, 8083].into_iter().all(free) { [8081, 8082, 8083] } else { [0; 3] };
    let mut mock = plimsoll();
    mock.arg("mock").stdout(Stdio::piped()).stderr(Stdio::null());
    for (option, port) in ["--clay-port", "--customer-io-port", "--admin-port"].into_iter().zip(ports) {
        mock.args([option, &port.to_string()]);
    }
    let mut mock = Killed(mock.spawn().unwrap());
    let mut said = BufReader::new(mock.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = |line: String| {
        let url = line.split("http://").nth(1).unwrap_or_else(|| panic!("no address in {line}"));
        url.split(|c: char| c == '/' || c.is_whitespace()).next().unwrap().to_owned()
    };
    let [clay, customer_io, admin] = said.by_ref().take(3).map(address).collect::<Vec<_>>().try_into().unwrap();

    let file = dir.path().join("service.toml");
    fs::write(&file, example.replace("127.0.0.1:8081", &clay).replace("127.0.0.1:8082", &customer_io)).unwrap();
    let mut command = plimsoll();
    let service = Serving::start(command.args(["serve", "--config", text(&file)]).args(
        // Only its port is another, where it is taken.
        if free(8090) { &[][..] } else { &["--listen", "127.0.0.1:0"] },
    ));
    let lead = service.ask("POST", "/leads", r#"{"user":"ada@acme.test","data":{"email":"ada@acme.test"}}"#);
    assert!(lead.starts_with("HTTP/1.1 202"), "{lead}");
    service.until("/stats", |stats| stats["clay"]["leads"]["delivered"] == 1 && stats["customer_io"]["leads"]["delivered"] == 2);
    // What the vendors wrote down themselves.
    let vendors = Serving { address: admin, ..service };
    let ledger = vendors.ask("GET", "/ledger", "");
    for effect in ["row.added", "customer.identified", "event.recorded"] {
        assert!(ledger.contains(&format!("\"what\":\"{effect}\",\"subject\":\"ada@acme.test\"")), "{ledger}");
    }
    vendors.signal(Signal::SIGTERM);
    vendors.end().says(0, &["ended"]);
}

/// A process that ends with its value.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_orderly_end_leaves_one_whole_file_and_says_so() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    let serving = Serving::start(&mut serve(&file));
    for number in 0..50 {
        assert!(serving.lead(&number.to_string()).starts_with("HTTP/1.1 202"));
    }
    let store = dir.path().join("leads.sqlite");
    // By another name it is the same file.
    let other = TempDir::new().unwrap();
    fs::hard_link(&store, other.path().join("leads.sqlite")).unwrap();
    let refused = serve(&config(other.path(), "http://127.0.0.1:9", "")).output().unwrap();
    Ended::of(refused).says(1, &["is in use by another process"]);
    assert!(serving.lead("more").starts_with("HTTP/1.1 202"), "the first goes on");
    serving.signal(Signal::SIGTERM);
    serving.end().says(0, &["leads.sqlite is whole by itself: its log was written back"]);
    assert!(!dir.path().join("leads.sqlite-wal").exists());
    let alone = TempDir::new().unwrap();
    fs::copy(&store, alone.path().join("leads.sqlite")).unwrap();
    let again = Serving::start(&mut serve(&config(alone.path(), "http://127.0.0.1:9", "")));
    assert!((0..50).all(|number| again.lead(&number.to_string()).starts_with("HTTP/1.1 200")), "each is known");
    again.signal(Signal::SIGTERM);
    again.end().says(0, &[]);
}

#[test]
fn a_full_disk_is_answered_503_and_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    // No file may grow beyond 512 KiB, as on a disk that is full; an ignored signal turns the kill into an error.
    let mut limited = Command::new("bash");
    limited.args([
        "-c",
        "trap '' XFSZ; ulimit -f 512; exec \"$0\" serve --config \"$1\"",
        env!("CARGO_BIN_EXE_plimsoll"),
        text(&file),
    ]);
    with_secrets(&mut limited);
    let serving = Serving::start(limited.stdin(Stdio::null()));
    let mut acknowledged = Vec::new();
    let full = loop {
        let user = format!("{}@{}.test", acknowledged.len(), "x".repeat(100));
        let answer = serving.lead(&user);
        if !answer.starts_with("HTTP/1.1 202") {
            break answer;
        }
        acknowledged.push(user);
        assert!(acknowledged.len() < 10_000, "512 KiB hold no more");
    };
    assert!(full.starts_with("HTTP/1.1 503") && full.contains("retry-after"), "{full}");
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    assert!(serving.ask("GET", "/health/live", "").starts_with("HTTP/1.1 200"));
    serving.signal(Signal::SIGKILL);
    let said = serving.end().stderr;
    assert!(said.contains("the queue's store failed: "), "the operator sees it: {said}");
    let again = Serving::start(&mut serve(&file));
    let known = |user: &String| again.lead(user).starts_with("HTTP/1.1 200");
    assert_eq!(acknowledged.iter().filter(|user| !known(user)).count(), 0, "acknowledged and lost");
    assert!(again.lead("new").starts_with("HTTP/1.1 202"), "there is room again");
    again.signal(Signal::SIGTERM);
    again.end().says(0, &[]);
}

#[test]
fn a_failpoint_that_is_armed_kills_it_between_the_commit_and_the_answer() {
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    let serving = Serving::start(serve(&file).args(["--die-at", "after-enqueue-commit:2"]));
    assert!(serving.lead("a").starts_with("HTTP/1.1 202"));
    assert_eq!(serving.lead("b"), "", "it died without an answer");
    assert_eq!(serving.end().code, None);
    let again = Serving::start(&mut serve(&file));
    assert!(again.lead("b").starts_with("HTTP/1.1 200"), "durable though it was never acknowledged");
    again.signal(Signal::SIGTERM);
    again.end().says(0, &[]);
    Ended::of(serve(&file).args(["--die-at", "noon"]).output().unwrap()).says(2, &["there is no failpoint `noon`"]);
}

/// The id in the answer to a lead.
fn id_of(answer: &str) -> String {
    answer.split('"').skip_while(|text| *text != "id").nth(2).unwrap().to_owned()
}

/// Where libfaketime is; `None`, after saying so loudly, where it is not installed.
fn faketime() -> Option<String> {
    let library = ["x86_64", "aarch64"].map(|arch| format!("/usr/lib/{arch}-linux-gnu/faketime/libfaketime.so.1"));
    let found = library.into_iter().find(|path| Path::new(path).exists());
    if found.is_none() {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE_FAKETIME").is_none(), "libfaketime is required and not installed");
        std::io::stderr().write_all(b"\nSKIPPED: libfaketime is not installed (Debian: faketime); nothing was tested\n").unwrap();
    }
    found
}

/// A service whose wall clock is `offset` from the machine's.
fn at(file: &Path, library: &str, offset: &str) -> Command {
    let mut command = serve(file);
    command.env("LD_PRELOAD", library).env("FAKETIME", offset).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command
}

#[test]
fn a_start_with_a_clock_a_month_ahead_forgets_nothing_and_lets_nothing_wait() {
    let Some(library) = faketime() else { return };
    let dir = TempDir::new().unwrap();
    // No vendor answers, and what fails is dropped: each lead is settled at once.
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    let dropping = |vendor: &str| format!("[resilience.{vendor}]\nretry = false\nfallback = [\"drop\"]\n");
    let text = fs::read_to_string(&file).unwrap() + &dropping("clay") + &dropping("customer_io");
    fs::write(&file, text).unwrap();
    let settled = |serving: &Serving, user: &str| {
        let path = format!("/leads/{}", id_of(&serving.lead(user)));
        serving.until(&path, |lead| lead["status"] == "rejected");
        path
    };
    let mut paths = Vec::new();
    for (offset, user) in [("+0", "ada"), ("+30d", "bob"), ("+0", "eve"), ("+60d", "joe")] {
        let serving = Serving::start(&mut at(&file, &library, offset));
        // What is forgotten is forgotten at the start, before this lead is through.
        paths.push(settled(&serving, user));
        for path in &paths {
            assert_eq!(serving.read(path)["status"], "rejected", "{path} is forgotten at {offset}");
        }
        serving.signal(Signal::SIGTERM);
        serving.end().says(0, &[]);
    }
}

#[test]
fn a_clock_that_was_set_back_while_it_was_down_delays_nothing() {
    let Some(library) = faketime() else { return };
    let dir = TempDir::new().unwrap();
    let file = config(dir.path(), "http://127.0.0.1:9", "");
    let at = |offset: &str| at(&file, &library, offset);
    let first = Serving::start(&mut at("+0"));
    let accepted = first.lead("ada");
    assert!(accepted.starts_with("HTTP/1.1 202"), "{accepted}");
    let id = id_of(&accepted);
    let path = format!("/leads/{id}");
    // It has failed once, and waits for its next attempt: due by a clock that is an hour ahead of the next life's.
    let failed = first.until(&path, |lead| !lead["operations"][0]["attempts"].as_array().unwrap().is_empty());
    let attempts = failed["operations"][0]["attempts"].as_array().unwrap().len();
    first.signal(Signal::SIGKILL);
    first.end();
    let second = Serving::start(&mut at("-1h"));
    // By an hour earlier it would be due in an hour and its back-off; the service's clock goes on instead.
    let lead = second.read(&path);
    let due = lead["operations"][0]["due"].as_u64().unwrap();
    second.lead("bob");
    let id = id_of(&second.lead("bob"));
    let now = second.read(&format!("/leads/{id}"))["accepted_at"].as_u64().unwrap();
    assert!(due.saturating_sub(now) <= LONGEST_BACK_OFF_MS, "due {due}, and now is {now}");
    second.until(&path, |lead| lead["operations"][0]["attempts"].as_array().unwrap().len() > attempts);
    second.signal(Signal::SIGTERM);
    second.end().says(0, &[]);
}
