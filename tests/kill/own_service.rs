//! A small service of a user's own, in a process of its own: it takes leads by POST and sends them to the vendors without
//! idempotency keys, from a journal of its own or without one.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Without it the process is no service.
const PORT: &str = "OWN_SERVICE_PORT";
const JOURNAL: &str = "OWN_SERVICE_JOURNAL";
const FLAW: &str = "OWN_SERVICE_FLAW";

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    /// It keeps leads in its memory only.
    Forgets,
    /// Its rows and events have nothing by which a vendor knows a repetition.
    Doubles,
}

/// A shell command that starts it at `port`, with its journal in `dir`.
pub(crate) fn start_command(dir: &Path, port: u16, flaw: Flaw) -> String {
    let program = std::env::current_exe().expect("this test has a file");
    let (program, journal) = (program.display(), dir.join("journal").display().to_string());
    format!(
        "export {PORT}={port} {JOURNAL}='{journal}' {FLAW}={flaw:?}\n\
         exec '{program}' --exact own_service::leads_are_taken_until_the_end --ignored --nocapture --test-threads=1"
    )
}

#[test]
#[ignore = "not a test: the process that the tests of this file start and kill"]
fn leads_are_taken_until_the_end() {
    let Ok(port) = std::env::var(PORT) else { return };
    let service = Arc::new(Service::open());
    for lead in service.unfinished() {
        service.clone().deliver(lead);
    }
    let listener = TcpListener::bind(("127.0.0.1", port.parse().expect("a port"))).expect("a free port");
    for connection in listener.incoming().flatten() {
        let service = service.clone();
        // A client that goes away ends its connection with an error.
        thread::spawn(move || service.serve(connection));
    }
}

struct Lead {
    key: String,
    body: Value,
}

struct Service {
    flaw: String,
    journal: Option<Mutex<File>>,
    known: Mutex<HashSet<String>>,
    authorization: String,
}

const OPERATIONS: [&str; 3] = ["enrich", "identify", "track"];

impl Service {
    fn open() -> Self {
        let flaw = variable(FLAW);
        let journal = OpenOptions::new().create(true).append(true).open(variable(JOURNAL)).expect("a writable directory");
        let credentials = format!("{}:{}", variable("CUSTOMER_IO_SITE_ID"), variable("CUSTOMER_IO_API_KEY"));
        let authorization = format!("Basic {}", STANDARD.encode(credentials));
        let keeps = flaw != format!("{:?}", Flaw::Forgets);
        Self { flaw, journal: keeps.then_some(Mutex::new(journal)), known: Mutex::default(), authorization }
    }

    /// Leads in the journal, each without the operations that are done.
    fn unfinished(&self) -> Vec<(Lead, Vec<&'static str>)> {
        let text = std::fs::read_to_string(variable(JOURNAL)).expect("UTF-8");
        // The last line may have been cut off by a kill: it was never acknowledged.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let (mut leads, mut done) = (HashMap::new(), HashSet::new());
        for line in lines {
            let key = line["key"].as_str().expect("a key").to_owned();
            match line["done"].as_str() {
                Some(operation) => drop(done.insert((key, operation.to_owned()))),
                None => drop(leads.insert(key, line["lead"].clone())),
            }
        }
        self.known.lock().expect("no thread has panicked with it").extend(leads.keys().cloned());
        let undone = |key: &String| OPERATIONS.into_iter().filter(|&of| !done.contains(&(key.clone(), of.to_owned()))).collect();
        leads.into_iter().map(|(key, body)| (undone(&key), Lead { key, body })).map(|(undone, lead)| (lead, undone)).collect()
    }

    fn write(&self, line: &Value) {
        if let Some(journal) = &self.journal {
            let mut journal = journal.lock().expect("no thread has panicked with it");
            // Behind what a kill cut off, a line begins anew.
            journal.write_all(format!("\n{line}\n").as_bytes()).expect("room on the disk");
        }
    }

    fn serve(self: Arc<Self>, connection: TcpStream) -> io::Result<()> {
        let mut input = BufReader::new(connection.try_clone()?);
        let mut output = connection;
        loop {
            let (head, body) = message(&mut input)?;
            let key = header(&head, "idempotency-key").unwrap_or_default().to_owned();
            let is_new = self.known.lock().expect("no thread has panicked with it").insert(key.clone());
            if is_new {
                let lead = Lead { key, body: serde_json::from_slice(&body)? };
                self.write(&json!({ "key": lead.key, "lead": lead.body }));
                self.clone().deliver((lead, OPERATIONS.to_vec()));
            }
            let status = if is_new { "202 Accepted" } else { "200 OK" };
            output.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes())?;
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a service that pauses between its attempts, not a test that waits")]
    fn deliver(self: Arc<Self>, (lead, operations): (Lead, Vec<&'static str>)) {
        thread::spawn(move || {
            for operation in operations {
                while !self.send(operation, &lead).is_ok_and(|status| status == 200) {
                    thread::sleep(Duration::from_millis(20));
                }
                self.write(&json!({ "key": lead.key, "done": operation }));
            }
        });
    }

    /// Customers have an id of the service's own, rows the user's and a domain that many have: only the identification has
    /// both the id and the lead's address.
    fn send(&self, operation: &str, lead: &Lead) -> io::Result<u16> {
        let (data, knows) = (&lead.body["data"], self.flaw != format!("{:?}", Flaw::Doubles));
        let customer = format!("/api/v1/customers/c{}", data["number"]);
        let (vendor, method, path, mut body) = match operation {
            "enrich" => {
                let row = json!({ "domain": "acme.test", "contact": { "address": lead.body["user"] } });
                ("CLAY_URL", "POST", variable("CLAY_WEBHOOK_PATH"), row)
            }
            "identify" => ("CUSTOMER_IO_URL", "PUT", customer, json!({ "email": data["email"], "company": data["company"] })),
            _ => ("CUSTOMER_IO_URL", "POST", format!("{customer}/events"), json!({ "name": "lead" })),
        };
        if knows && operation != "identify" {
            // A ULID in letters that hexadecimal digits are, too.
            let name = if operation == "enrich" { "idempotency_key" } else { "id" };
            body[name] = format!("0{}", &lead.key[..25]).to_uppercase().into();
        }
        post(&variable(vendor), method, &path, &self.authorization, &body)
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("no {name} in the environment"))
}

fn post(vendor: &str, method: &str, path: &str, authorization: &str, body: &Value) -> io::Result<u16> {
    let host = vendor.trim_start_matches("http://");
    let mut connection = TcpStream::connect(host)?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: {authorization}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all((head + &body).as_bytes())?;
    let (head, _) = message(&mut BufReader::new(connection))?;
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| io::Error::other("no status"))
}

/// The head and the body of a request or an answer.
fn message(input: &mut impl BufRead) -> io::Result<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if input.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok((head, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
