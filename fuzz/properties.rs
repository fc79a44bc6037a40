//! What must hold for any input. Each function is a fuzz target of its own, and `tests/fuzz_corpus.rs` puts the corpus
//! through them in every test run.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use mock_server::clock::DayClock;
use mock_server::fault::form::FaultForm;
use mock_server::seed::Seed;
use mock_server::settings::{ClaySettings, CustomerIoSettings};
use mock_server::simulated::clay::Clay;
use mock_server::simulated::customer_io::CustomerIo;
use mock_server::simulated::{Answer, Request, Vendor};
use plimsoll::resilience::{RetryAfter, parse_retry_after};

/// Requests to the simulated Clay, with credentials that are right.
pub fn clay(input: &[u8]) {
    let settings = ClaySettings::default();
    let credentials = [("authorization", format!("Bearer {}", settings.api_key))];
    vendor(input, || Clay::new(settings.clone(), Seed(1), DayClock::machine()), &credentials);
}

/// Requests to the simulated Customer.io, with the credentials of each of its three APIs in turn.
pub fn customer_io(input: &[u8]) {
    let settings = CustomerIoSettings::default();
    let credentials = [
        ("authorization", basic(&settings.site_id, &settings.api_key)),
        ("authorization", format!("Bearer {}", settings.app_api_key)),
        ("authorization", basic(&settings.write_key, "")),
    ];
    vendor(input, || CustomerIo::new(settings.clone(), Seed(1), DayClock::machine()), &credentials);
}

/// A fault as it is written, in JSON: what is accepted can be described, is valid, and is written the same way again.
pub fn fault(input: &[u8]) {
    let Ok(form) = serde_json::from_slice::<FaultForm>(input) else { return };
    match form.check() {
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.problem.is_empty()));
        }
        Ok(fault) => {
            assert_eq!(fault.validate(), Ok(()));
            assert!(!fault.describe().is_empty());
            let written = serde_json::to_vec(&fault).expect("a form is JSON");
            let again: FaultForm = serde_json::from_slice(&written).expect("and can be read");
            assert_eq!(again.check().expect("and is as right as before"), fault);
        }
    }
}

/// The header Retry-After: digits are seconds, dates survive being written again, anything else is nothing.
pub fn retry_after(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match parse_retry_after(text) {
        RetryAfter::Delay(delay) => {
            assert!(text.trim().bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(delay, Duration::from_secs(text.trim().parse().unwrap_or(u64::MAX)));
        }
        RetryAfter::Until(date) => {
            assert!(date >= SystemTime::UNIX_EPOCH);
            assert_eq!(parse_retry_after(&httpdate::fmt_http_date(date)), RetryAfter::Until(date));
        }
        RetryAfter::Unreadable => assert!(text.trim().is_empty() || !text.trim().bytes().all(|byte| byte.is_ascii_digit())),
    }
}

/// The first line of the input is a method and a path, the rest is the body.
fn vendor<V: Vendor>(input: &[u8], fresh: impl Fn() -> V, credentials: &[(&'static str, String)]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (line, body) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Ok(line) = std::str::from_utf8(line) else { return };
    let (method, target) = line.split_once(' ').unwrap_or(("POST", line));
    let Ok(method) = Method::from_bytes(method.as_bytes()) else { return };
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    for (name, value) in credentials {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("credentials are ASCII"));
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let request = Request { method: &method, path, query, headers: &headers, body };
        let (first, second) = (fresh(), fresh());
        let answer = answer(&first, &request);
        // A fresh vendor of the same seed gives the same answer.
        let again = self::answer(&second, &request);
        assert_eq!((again.status, again.effects.len()), (answer.status, answer.effects.len()));
        // And it takes the same request again, whatever it has made of it.
        self::answer(&first, &request);
    }
}

fn answer(vendor: &impl Vendor, request: &Request<'_>) -> Answer {
    let answer = vendor.answer(request, tokio::time::Instant::now());
    assert!(!answer.status.is_server_error(), "{}", answer.status);
    assert!(answer.effects.is_empty() || answer.status.is_success(), "{} and {:?}", answer.status, answer.effects);
    if !answer.body.is_empty() {
        let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("every body is JSON");
        assert!(body.is_object(), "{body}");
    }
    for section in vendor.sections() {
        assert!(vendor.section(section).is_some(), "{section}");
    }
    answer
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}
