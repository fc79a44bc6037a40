//! `plimsoll audit` as a user meets it: exit codes, invalid journals by file and line, a service that lists its resting states over HTTP.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use common::text;

const SUBMITTED: &str = r#"{"book":"submitted","key":"k1","user":"ada@acme.test","what":"lead","at_us":1000}
{"book":"answered","key":"k1","at_us":9000,"answer":{"answer":"acknowledged"}}
"#;
const VENDORS: &str = r#"{"at_us":2000,"effects":[{"what":"row.added","subject":"ada@acme.test","credits":6}]}
{"at_us":3000,"effects":[{"what":"customer.identified","subject":"ada@acme.test"}]}
{"at_us":4000,"effects":[{"what":"event.recorded","subject":"ada@acme.test"}]}
"#;
const PLACES: &str = r#"{"key":"a","lead":"k1","user":"ada@acme.test","operation":"enrich","place":"delivered","attempts":1}
{"key":"b","lead":"k1","user":"ada@acme.test","operation":"identify","place":"delivered","attempts":1}
{"key":"c","lead":"k1","user":"ada@acme.test","operation":"track","place":"delivered","attempts":1}
"#;

/// The lines of a journal, and their count.
fn counted(lines: &str) -> String {
    let missed = lines.lines().filter_map(|line| line.strip_prefix("{\"missed\":")?.strip_suffix('}')?.parse::<usize>().ok());
    let missed: usize = missed.map(|missed| missed - 1).sum();
    format!("{lines}{{\"entries\":{}}}\n", lines.lines().count() + missed)
}

fn journals(dir: &Path, submitted: &str, vendors: &str, places: Option<&str>) {
    fs::write(dir.join("submitted.ndjson"), counted(submitted)).expect("a writable directory");
    fs::write(dir.join("vendors.ndjson"), counted(vendors)).expect("a writable directory");
    match places {
        Some(places) => fs::write(dir.join("places.ndjson"), counted(places)).expect("a writable directory"),
        None => drop(fs::remove_file(dir.join("places.ndjson"))),
    }
}

#[test]
fn journals_of_any_service_are_audited() {
    let dir = tempfile::tempdir().expect("a writable directory");
    let path = text(dir.path());
    journals(dir.path(), SUBMITTED, VENDORS, None);
    common::run(&["audit", path]).says(0, &["PASSED", "1 acknowledged", "3 delivered", "no resting states were given"]);
    journals(dir.path(), SUBMITTED, VENDORS, Some(PLACES));
    let json = common::run(&["audit", path, "--json"]);
    let audit: plimsoll::audit::Audit = serde_json::from_str(&json.says(0, &[]).stdout).expect("an audit");
    assert!(audit.passed() && audit.charges.credits == 6);

    let unsent = VENDORS.lines().take(2).map(|line| format!("{line}\n")).collect::<String>();
    journals(dir.path(), SUBMITTED, &unsent, None);
    common::run(&["audit", path]).says(99, &["FAILED: 1 operation acknowledged and lost", "track for ada@acme.test, lead k1"]);
    common::run(&["audit", path, "--operations", "enrich,identify"]).says(0, &["PASSED"]);
    journals(dir.path(), "", "", None);
    common::run(&["audit", path]).says(99, &["NOT PROVEN", "has no submission"]);
    journals(dir.path(), &format!("{SUBMITTED}{{\"missed\":2}}\n"), VENDORS, None);
    common::run(&["audit", path]).says(99, &["NOT PROVEN: 2 entries are missing from the driver's journal"]);
    journals(dir.path(), SUBMITTED, VENDORS, None);
    common::run(&["audit", path, "--charged-rows", "2"]).says(99, &["credits charged beyond the distinct effects"]);
}

#[test]
fn a_run_that_kept_no_journals_is_told_how_to_keep_them() {
    let dir = tempfile::tempdir().expect("a writable directory");
    fs::write(dir.path().join("summary.json"), "{}").expect("a writable directory");
    common::run(&["audit", text(dir.path())]).says(2, &["submitted.ndjson", "kept no journals: run it again with --journals"]);
}

#[test]
fn invalid_journals_are_named_by_file_line_and_column() {
    let dir = tempfile::tempdir().expect("a writable directory");
    let path = text(dir.path());
    let (submitted, vendors) = (dir.path().join("submitted.ndjson"), dir.path().join("vendors.ndjson"));
    common::run(&["audit", path]).says(2, &["cannot read", "submitted.ndjson"]);
    common::run(&["audit"]).says(2, &["--submitted"]);
    common::run(&["audit", "--submitted", text(&submitted)]).says(2, &["--vendors"]);
    journals(dir.path(), SUBMITTED, &VENDORS.replace("\"at_us\":3000", "\"at_us\":\"late\""), None);
    let files = ["audit", "--submitted", text(&submitted), "--vendors", text(&vendors)];
    common::run(&files).says(104, &["vendors.ndjson:2:15: invalid type: string \"late\", expected u64"]);
    journals(dir.path(), SUBMITTED, VENDORS, Some(&PLACES.replace("\"identify\"", "\"fax\"")));
    common::run(&["audit", path]).says(104, &["places.ndjson:2:1: `fax` is not an operation: use enrich, identify or track"]);
    fs::write(&submitted, &SUBMITTED[..40]).expect("a writable directory");
    common::run(&["audit", path]).says(104, &["submitted.ndjson:1:40", "cut off"]);
    // Of a writer that neither numbers nor counts, and of one that numbers.
    journals(dir.path(), SUBMITTED, VENDORS, None);
    fs::write(&submitted, SUBMITTED).expect("a writable directory");
    let uncounted = common::run(&["audit", path]);
    uncounted.says(0, &["PASSED", "the driver's journal has neither numbers nor a count, so nothing shows whether it was cut"]);
    let numbered = SUBMITTED.lines().zip(1..).map(|(line, number)| format!("{{\"line\":{number},{}\n", &line[1..]));
    fs::write(&submitted, numbered.collect::<String>()).expect("a writable directory");
    let without_count = common::run(&["audit", path]);
    without_count.says(99, &["NOT PROVEN: the driver's journal does not end with the count of its entries: it was cut"]);
}

/// Answers each request with the next of `pages`, and gives the request lines.
fn serve(pages: Vec<(u16, String)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/places", listener.local_addr().expect("an address"));
    let served = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for (status, page) in pages {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let read = stream.read(&mut buffer).expect("a request");
                request.extend_from_slice(&buffer[..read]);
            }
            let request = String::from_utf8(request).expect("UTF-8");
            let token = if request.to_ascii_lowercase().contains("authorization: bearer hush") { " with token" } else { "" };
            asked.push(format!("{}{token}", request.lines().next().expect("a request line")));
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", page.len());
            stream.write_all((head + &page).as_bytes()).expect("an open connection");
        }
        asked
    });
    (url, served)
}

#[test]
fn the_places_are_asked_of_a_service_page_by_page() {
    let dir = tempfile::tempdir().expect("a writable directory");
    journals(dir.path(), SUBMITTED, VENDORS, None);
    let (url, served) = serve(vec![(200, PLACES.to_owned()), (200, String::new())]);
    let mut command = common::plimsoll();
    command
        .args(["audit", text(dir.path()), "--places", &url, "--token-env", "AUDIT_TEST_TOKEN"])
        .env("AUDIT_TEST_TOKEN", "hush");
    common::Ended::of(command.output().expect("the program starts")).says(0, &["PASSED", "3 delivered"]);
    let asked = served.join().expect("the server did not panic");
    let page = |after: &str| format!("GET /places?after={after}&limit=1000 HTTP/1.1 with token");
    assert_eq!(asked, [page(""), page("k1")]);

    let (url, served) = serve(vec![(401, String::new())]);
    common::run(&["audit", text(dir.path()), "--places", &url]).says(1, &["answered 401", "--token-env"]);
    served.join().expect("the server did not panic");
    let (url, served) = serve(vec![(200, "<html>".to_owned())]);
    common::run(&["audit", text(dir.path()), "--places", &url]).says(1, &["a line is not a resting state"]);
    served.join().expect("the server did not panic");
}
