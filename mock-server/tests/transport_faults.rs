//! Faults of the connection as clients see them, through real sockets: plain HTTP/1.1, HTTP/1.1 over TLS, and HTTP/2.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;
#[path = "common/connect.rs"]
mod connect;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::{WEBHOOK, in_time, settings};
use connect::{Stream, exchange, http2, plain, read_to_end, tls};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use mock_server::fault::{Fault, FaultKind, LostAnswer, Malformed, Outage, ResetPoint, SimulatedVendor};
use mock_server::ledger::{Entry, Sent};
use mock_server::simulation::SimulatedVendors;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What Clay answers.
const BODY: &str = r#"{"success":true}"#;

async fn failing(kind: FaultKind) -> SimulatedVendors {
    let vendors = SimulatedVendors::start(settings(Vec::new())).await.unwrap();
    vendors.add_fault(Fault { vendor: Some(SimulatedVendor::Clay), ..Fault::new("fault", kind) }).await.unwrap();
    vendors
}

/// A connection of HTTP/1.1, plain and over TLS.
async fn both(vendors: &SimulatedVendors) -> [Box<dyn Stream>; 2] {
    let url = vendors.clay_url();
    [Box::new(plain(&url).await), Box::new(tls(vendors, &url, &[b"http/1.1"]).await)]
}

async fn http2_to(vendors: &SimulatedVendors) -> (SendRequest<Full<Bytes>>, tokio::task::JoinHandle<hyper::Result<()>>) {
    http2(tls(vendors, &vendors.clay_url(), &[b"h2"]).await).await
}

fn submission() -> Vec<u8> {
    format!("POST {WEBHOOK} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes()
}

/// One after which the server closes the connection.
fn closing_submission() -> Vec<u8> {
    format!("POST {WEBHOOK} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes()
}

fn http2_submission() -> Request<Full<Bytes>> {
    Request::post(format!("https://localhost{WEBHOOK}")).body(Full::new(Bytes::from_static(b"{}"))).unwrap()
}

/// Submits on a connection of HTTP/1.1 and reads to its end: the body, or `None` without a head, and how it ended.
async fn submit(stream: &mut (impl Stream + ?Sized)) -> (Option<String>, io::Result<()>) {
    let (text, end) = exchange(stream, &submission()).await;
    let text = String::from_utf8(text).unwrap();
    if text.is_empty() {
        return (None, end);
    }
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    (Some(body.to_owned()), end)
}

/// Submits over HTTP/2: the body, as far as it came, and whether the stream ended in order.
async fn submit_http2(sender: &mut SendRequest<Full<Bytes>>) -> (Option<String>, hyper::Result<()>) {
    let mut response = match in_time(sender.send_request(http2_submission())).await {
        Ok(response) => response,
        Err(error) => return (None, Err(error)),
    };
    assert_eq!(response.status(), 200);
    let mut text = Vec::new();
    while let Some(frame) = in_time(response.frame()).await {
        match frame {
            Ok(frame) => text.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(error) => return (Some(String::from_utf8(text).unwrap()), Err(error)),
        }
    }
    (Some(String::from_utf8(text).unwrap()), Ok(()))
}

/// The next entry of the ledger, when it is written.
async fn entry(vendors: &SimulatedVendors, number: usize) -> Arc<Entry> {
    let of_clay = |entry: &Entry| entry.vendor == SimulatedVendor::Clay;
    in_time(vendors.ledger().wait_for(number, of_clay)).await[number - 1].clone()
}

/// What the ledger has to say of a request that the fault hit.
async fn assert_entry(vendors: &SimulatedVendors, number: usize, committed: bool, sent: Sent) {
    let entry = entry(vendors, number).await;
    assert_eq!((entry.committed(), entry.sent), (committed, sent), "{entry:?}");
    assert_eq!((&entry.intended[..], &entry.actual[..]), (&["fault".into()][..], &["fault".into()][..]), "{entry:?}");
}

/// A true RST: where it were a FIN, there would be no error, or over TLS another one.
fn assert_reset(end: io::Result<()>) {
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// The connection is gone, with all its streams.
async fn assert_gone(connection: tokio::task::JoinHandle<hyper::Result<()>>) -> hyper::Result<()> {
    in_time(connection).await.unwrap()
}

#[tokio::test]
async fn dropped_connections_are_accepted_and_closed_unread() {
    let vendors = SimulatedVendors::start(settings(Vec::new())).await.unwrap();
    let mut open = plain(&vendors.clay_url()).await;
    open.write_all(&submission()).await.unwrap();
    open.read_exact(&mut [0; 12]).await.unwrap();
    vendors.add_fault(Fault::new("fault", FaultKind::Outage { how: Outage::Drop })).await.unwrap();
    // What was open is closed.
    let _ = read_to_end(&mut open).await;
    for _ in 0..3 {
        // Nothing has to be sent for it.
        let (text, end) = read_to_end(&mut plain(&vendors.clay_url()).await).await;
        assert!(text.is_empty() && end.is_ok(), "{text:?} {end:?}");
    }
    assert_eq!((vendors.ledger().arrived(), vendors.faults()[0].hits), (1, 3));
    assert!(vendors.remove_fault("fault").await);
    assert_eq!(common::Client::new().submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_reset_before_the_answer_keeps_the_vendor_out_of_it() {
    let vendors = failing(FaultKind::Reset { when: ResetPoint::Before }).await;
    for (number, mut stream) in (1..).zip(both(&vendors).await) {
        let (body, end) = submit(&mut stream).await;
        assert_eq!(body, None);
        assert_reset(end);
        assert_entry(&vendors, number, false, Sent::Nothing).await;
    }
    let (mut sender, connection) = http2_to(&vendors).await;
    assert!(submit_http2(&mut sender).await.1.is_err());
    assert!(assert_gone(connection).await.is_err());
    assert_entry(&vendors, 3, false, Sent::Nothing).await;
}

#[tokio::test]
async fn a_reset_within_the_answer_comes_after_the_vendor_has_done_its_work() {
    let vendors = failing(FaultKind::Reset { when: ResetPoint::Within { bytes: Some(5) } }).await;
    for (number, mut stream) in (1..).zip(both(&vendors).await) {
        let (body, end) = submit(&mut stream).await;
        assert_eq!(body.as_deref(), Some(&BODY[..5]));
        assert_reset(end);
        assert_entry(&vendors, number, true, Sent::Partly).await;
    }
    let (mut sender, connection) = http2_to(&vendors).await;
    let (body, end) = submit_http2(&mut sender).await;
    assert!(end.is_err() && body.is_none_or(|body| body == BODY[..5]));
    assert!(assert_gone(connection).await.is_err());
    assert_entry(&vendors, 3, true, Sent::Partly).await;
}

#[tokio::test]
async fn a_reset_after_the_answer_leaves_it_whole() {
    let vendors = failing(FaultKind::Reset { when: ResetPoint::After }).await;
    for (number, mut stream) in (1..).zip(both(&vendors).await) {
        let (body, end) = submit(&mut stream).await;
        assert_eq!(body.as_deref(), Some(BODY));
        assert_reset(end);
        assert_entry(&vendors, number, true, Sent::Whole).await;
    }
}

#[tokio::test]
async fn a_hang_answers_nothing_and_ends_with_its_client() {
    let vendors = failing(FaultKind::Hang).await;
    for (number, mut stream) in (1..).zip(both(&vendors).await) {
        in_time(stream.write_all(&submission())).await.unwrap();
        in_time(stream.flush()).await.unwrap();
        assert_silent(&vendors, number, stream.read_u8()).await;
        drop(stream);
        assert_entry(&vendors, number as usize, false, Sent::Nothing).await;
    }
    let (mut sender, connection) = http2_to(&vendors).await;
    assert_silent(&vendors, 3, sender.send_request(http2_submission())).await;
    drop(sender);
    connection.abort();
    assert_entry(&vendors, 3, false, Sent::Nothing).await;
}

/// The request has arrived, and nothing comes. That it never will is tested under paused time.
async fn assert_silent<T: std::fmt::Debug>(vendors: &SimulatedVendors, number: u64, answer: impl Future<Output = T>) {
    let arrived = async {
        // Each of those before was followed by one to the other vendor.
        while vendors.ledger().arrived() < 2 * number - 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Time enough for an answer, were there one.
        assert_eq!(common::Client::new().identify(&vendors.customer_io_url(), "ada").await.unwrap().status, 200);
    };
    tokio::select! {
        biased;
        answer = answer => panic!("{answer:?}"),
        () = in_time(arrived) => {}
    }
}

#[tokio::test]
async fn a_cut_answer_ends_in_order_before_its_time() {
    let vendors = failing(FaultKind::Truncate { bytes: 7 }).await;
    for (number, mut stream) in (1..).zip(both(&vendors).await) {
        let (text, end) = exchange(&mut stream, &submission()).await;
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(&format!("\r\ncontent-length: {}\r\n", BODY.len())) && text.ends_with(&BODY[..7]), "{text}");
        end.unwrap();
        assert_entry(&vendors, number, true, Sent::Partly).await;
    }
    let (mut sender, _connection) = http2_to(&vendors).await;
    let (body, end) = submit_http2(&mut sender).await;
    assert!(end.is_err() && body.is_some());
    assert_entry(&vendors, 3, true, Sent::Partly).await;
    // The stream broke off, and not its connection.
    assert!(vendors.remove_fault("fault").await);
    assert_eq!(submit_http2(&mut sender).await.0.as_deref(), Some(BODY));
}

#[tokio::test]
async fn a_slow_body_comes_whole_and_late() {
    let slow = FaultKind::SlowBody { chunk: 5, pause: Duration::from_millis(20) };
    // 16 bytes at 400 bytes a second.
    for kind in [slow, FaultKind::Bandwidth { bytes_per_second: 400 }] {
        let vendors = failing(kind).await;
        for (number, mut stream) in (1..).zip(both(&vendors).await) {
            let (body, end) = submit(&mut stream).await;
            end.unwrap();
            assert_eq!(body.as_deref(), Some(BODY));
            assert_entry(&vendors, number, true, Sent::Whole).await;
        }
        let (mut sender, _connection) = http2_to(&vendors).await;
        assert_eq!(submit_http2(&mut sender).await.0.as_deref(), Some(BODY));
        assert_entry(&vendors, 3, true, Sent::Whole).await;
        for entry in vendors.ledger().entries() {
            assert!(entry.took_us >= 38_000, "{entry:?}");
        }
        // A slow answer is the vendor's all the same.
        assert!(vendors.counts().iter().all(|count| count.status == 200 && !count.by_fault), "{:?}", vendors.counts());
    }
}

#[tokio::test]
async fn garbage_comes_instead_of_http() {
    let vendors = failing(FaultKind::Malformed { how: Malformed::Head }).await;
    for (number, mut stream) in (1..).zip(both(&vendors).await) {
        let (text, end) = exchange(&mut stream, &submission()).await;
        assert!(!text.is_empty() && !text.starts_with(b"HTTP/"), "{text:?}");
        end.unwrap();
        assert_entry(&vendors, number, true, Sent::Nothing).await;
    }
    // There is no such thing over HTTP/2: the connection is closed.
    let (mut sender, connection) = http2_to(&vendors).await;
    assert!(submit_http2(&mut sender).await.1.is_err());
    let _ = assert_gone(connection).await;
    assert_entry(&vendors, 3, true, Sent::Nothing).await;
}

#[tokio::test]
async fn lengths_are_wrong_in_both_directions() {
    for (how, said) in [(Malformed::ContentLengthTooLong, BODY.len() + 100), (Malformed::ContentLengthTooShort, BODY.len() / 2)] {
        let vendors = failing(FaultKind::Malformed { how }).await;
        for (number, mut stream) in (1..).zip(both(&vendors).await) {
            let (text, end) = exchange(&mut stream, &submission()).await;
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains(&format!("\r\ncontent-length: {said}\r\n")) && text.ends_with(BODY), "{text}");
            end.unwrap();
            assert_entry(&vendors, number, true, Sent::Whole).await;
        }
        let (mut sender, _connection) = http2_to(&vendors).await;
        assert!(submit_http2(&mut sender).await.1.is_err());
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_comes_in_a_correct_answer() {
    let vendors = failing(FaultKind::Malformed { how: Malformed::Json }).await;
    for mut stream in both(&vendors).await {
        let (text, end) = exchange(&mut stream, &submission()).await;
        end.unwrap();
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{head}");
        assert!(serde_json::from_str::<serde_json::Value>(body).is_err(), "{body}");
    }
    let (mut sender, _connection) = http2_to(&vendors).await;
    let (body, end) = submit_http2(&mut sender).await;
    end.unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&body.unwrap()).is_err());
}

#[tokio::test]
async fn a_lost_answer_leaves_its_effect() {
    for how in [LostAnswer::Close, LostAnswer::Reset] {
        let vendors = failing(FaultKind::LostAnswer { how }).await;
        for (number, mut stream) in (1..).zip(both(&vendors).await) {
            let (body, end) = submit(&mut stream).await;
            assert_eq!(body, None);
            match how {
                LostAnswer::Reset => assert_reset(end),
                _ => end.unwrap(),
            }
            assert_entry(&vendors, number, true, Sent::Nothing).await;
        }
        let (mut sender, connection) = http2_to(&vendors).await;
        assert!(submit_http2(&mut sender).await.1.is_err());
        assert_entry(&vendors, 3, true, Sent::Nothing).await;
        if how == LostAnswer::Reset {
            assert!(assert_gone(connection).await.is_err());
        }
    }
}

#[tokio::test]
async fn faults_compose_on_one_answer() {
    let vendors = failing(FaultKind::Truncate { bytes: 10 }).await;
    let reset = FaultKind::Reset { when: ResetPoint::Within { bytes: Some(4) } };
    vendors.add_fault(Fault::new("reset", reset)).await.unwrap();
    let slow = FaultKind::SlowBody { chunk: 1, pause: Duration::from_millis(2) };
    vendors.add_fault(Fault::new("slow", slow)).await.unwrap();
    for mut stream in both(&vendors).await {
        let (body, end) = submit(&mut stream).await;
        assert_eq!(body.as_deref(), Some(&BODY[..4]));
        assert_reset(end);
    }
    let entry = entry(&vendors, 1).await;
    assert!(entry.was_hit_by("reset") && entry.was_hit_by("slow") && entry.sent == Sent::Partly, "{entry:?}");
}

#[tokio::test]
async fn a_fault_answers_with_any_status_and_any_body() {
    const PAGE: &str = "<html>Sign in to the network</html>";
    for (status, body, expected, kind) in [
        (100, None, "", None),
        (199, None, "", None),
        (200, Some(PAGE), PAGE, Some("text/html; charset=utf-8")),
        (200, None, "", Some("text/plain; charset=utf-8")),
        (202, Some("{}"), "{}", Some("application/json; charset=utf-8")),
        (204, None, "", None),
        (302, None, "", None),
        (304, None, "", None),
        (599, Some("gone"), "gone", Some("text/plain; charset=utf-8")),
    ] {
        let vendors = failing(FaultKind::Error { status, body: body.map(str::to_owned) }).await;
        let mut stream = plain(&vendors.clay_url()).await;
        stream.write_all(&closing_submission()).await.unwrap();
        let (text, end) = read_to_end(&mut stream).await;
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && end.is_ok(), "{head} {end:?}");
        assert_eq!(body, expected, "{status}");
        assert!(kind.is_none_or(|kind| head.contains(&format!("content-type: {kind}"))), "{head}");
        let entry = entry(&vendors, 1).await;
        assert_eq!((entry.status, entry.sent, entry.effects.len()), (Some(status), Sent::Whole, 0), "{entry:?}");
        // Over HTTP/2 an answer that is none cannot be given; all others are.
        let (mut sender, _connection) = http2_to(&vendors).await;
        let answer = in_time(sender.send_request(http2_submission())).await;
        assert_eq!(answer.map(|answer| answer.status().as_u16()).ok(), (status >= 200).then_some(status));
    }
}

#[tokio::test]
async fn the_answer_to_a_head_request_has_no_body_whatever_a_fault_does() {
    let vendors = failing(FaultKind::Error { status: 503, body: Some("down".to_owned()) }).await;
    let (mut sender, _connection) = http2_to(&vendors).await;
    let request = || Request::head(format!("https://localhost{WEBHOOK}")).body(Full::new(Bytes::new())).unwrap();
    let answer = in_time(sender.send_request(request())).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-length"]), (503, &"4".parse().unwrap()));
    assert!(in_time(answer.into_body().collect()).await.unwrap().to_bytes().is_empty());
    let slow = FaultKind::SlowBody { chunk: 1, pause: Duration::from_millis(2) };
    vendors.add_fault(Fault::new("slow", slow)).await.unwrap();
    vendors.add_fault(Fault::new("reset", FaultKind::Reset { when: ResetPoint::After })).await.unwrap();
    for mut stream in both(&vendors).await {
        let head = format!("HEAD {WEBHOOK} HTTP/1.1\r\nhost: x\r\n\r\n");
        let (text, end) = exchange(&mut stream, head.as_bytes()).await;
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("HTTP/1.1 503") && text.ends_with("\r\n\r\n"), "{text}");
        assert_reset(end);
    }
    let answer = in_time(sender.send_request(request())).await.unwrap();
    assert_eq!(answer.status().as_u16(), 503);
}
