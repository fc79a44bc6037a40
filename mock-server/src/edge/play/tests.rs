//! Scripts on HTTP/1.1 as a client gets them and as the ledger records them: with paused time, without a socket.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::DuplexStream;
use tokio::time::Instant;

use super::super::Shared;
use super::super::testing::{connect, with};
use super::*;
use crate::exchange::testing::fault;
use crate::fault::FaultKind;
use crate::latency::LatencyModel;
use crate::ledger::{Entry, Sent};
use crate::wire::Script;

const REQUEST: &[u8] = b"POST /x?secret HTTP/1.1\r\nhost: x\r\nidempotency-key: k1\r\ncontent-length: 2\r\n\r\n{}";

/// Answers `0123456789` by a fault, without asking the vendor, whose sockets do not know that time is paused.
async fn ten() -> Arc<Shared> {
    with(vec![fault(FaultKind::Error { status: 500, body: Some("0123456789".to_owned()) })]).await
}

fn cut_to_four(script: &mut Script) -> bool {
    script.content_length = Some(script.said_length());
    script.steps = vec![Step::Head, Step::Body(Bytes::from_static(b"0123"))];
    true
}

fn wait_before_body(script: &mut Script) -> bool {
    script.steps.insert(1, Step::Wait(Duration::from_secs(5)));
    true
}

/// Sends the request and reads until the connection ends.
async fn talk(shared: &Arc<Shared>) -> (String, Duration) {
    let (mut client, serving) = connect(shared);
    let begun = Instant::now();
    client.write_all(REQUEST).await.unwrap();
    let mut text = Vec::new();
    client.read_to_end(&mut text).await.unwrap();
    let time = begun.elapsed();
    drop(client);
    serving.await.unwrap();
    (String::from_utf8(text).unwrap(), time)
}

/// Sends the request, reads until `enough` and leaves.
async fn leave_after(shared: &Arc<Shared>, enough: Duration) -> Vec<u8> {
    let (mut client, serving) = connect(shared);
    client.write_all(REQUEST).await.unwrap();
    let text = read_for(&mut client, enough).await;
    drop(client);
    serving.await.unwrap();
    text
}

async fn read_for(client: &mut DuplexStream, time: Duration) -> Vec<u8> {
    let mut text = Vec::new();
    let reading = async { while client.read_buf(&mut text).await.is_ok_and(|length| length > 0) {} };
    assert!(timeout(time, reading).await.is_err(), "the connection ended: {text:?}");
    text
}

fn names(entry: &Entry) -> (Vec<&str>, Vec<&str>) {
    (entry.intended.iter().map(|name| &**name).collect(), entry.actual.iter().map(|name| &**name).collect())
}

#[tokio::test(start_paused = true)]
async fn a_cut_answer_says_its_whole_length() {
    let shared = ten().await;
    shared.alter("cut", true, cut_to_four);
    let (text, _) = talk(&shared).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-length: 10") && head.contains("\r\nconnection: close"), "{head}");
    assert!(head.contains("\r\ncontent-type: ") && head.contains("\r\ndate: "), "{head}");
    assert_eq!(body, "0123");
    let entry = shared.entry();
    assert_eq!((entry.status, entry.sent), (Some(500), Sent::Partly));
    assert_eq!(names(&entry), (vec!["status", "cut"], vec!["status", "cut"]));
    assert_eq!((entry.path.as_str(), entry.idempotency_key.as_deref()), ("/x", Some("k1")));
    assert_eq!(shared.vendor.counts()[0].status, 0);
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_found_nothing_to_alter_did_not_happen() {
    let shared = ten().await;
    shared.alter("cut", true, |_| false);
    let (mut client, _serving) = connect(&shared);
    // The connection stays: the answer is an ordinary one.
    for _ in 0..2 {
        client.write_all(REQUEST).await.unwrap();
        let text = read_for(&mut client, Duration::from_secs(1)).await;
        assert!(text.ends_with(b"\r\n\r\n0123456789"));
    }
    let entries = shared.ledger().entries();
    assert_eq!(names(&entries[1]), (vec!["status", "cut"], vec!["status"]));
    assert_eq!((entries[1].request, entries[1].sent), (2, Sent::Whole));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_takes_its_time_and_is_whole() {
    let shared = ten().await;
    shared.alter("slow", true, wait_before_body);
    let (text, time) = talk(&shared).await;
    assert!(text.ends_with("\r\n\r\n0123456789"), "{text}");
    assert!(time >= Duration::from_secs(5) && time < Duration::from_secs(6), "{time:?}");
    assert_eq!(shared.entry().sent, Sent::Whole);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_not_waited_for_and_what_comes_later_did_not_happen() {
    let shared = ten().await;
    shared.alter("slow", true, wait_before_body);
    shared.alter("cut", true, cut_to_four_slowly);
    let begun = Instant::now();
    let text = leave_after(&shared, Duration::from_secs(2)).await;
    assert!(text.ends_with(b"\r\n\r\n"), "{text:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let entry = shared.entry();
    assert_eq!(names(&entry), (vec!["status", "slow", "cut"], vec!["status", "slow"]));
    assert_eq!((entry.sent, entry.took_us / 1_000_000), (Sent::Partly, 2));
}

fn cut_to_four_slowly(script: &mut Script) -> bool {
    script.content_length = Some(script.said_length());
    script.steps = vec![Step::Head, Step::Wait(Duration::from_secs(5)), Step::Body(Bytes::from_static(b"0123"))];
    true
}

#[tokio::test(start_paused = true)]
async fn a_hang_lasts_until_the_client_leaves() {
    let shared = with(Vec::new()).await;
    shared.alter("hang", false, |script| {
        (script.steps, script.end) = (Vec::new(), End::Hang);
        true
    });
    let text = leave_after(&shared, Duration::from_secs(100_000)).await;
    assert!(text.is_empty());
    let entry = shared.entry();
    assert_eq!(names(&entry), (vec!["hang"], vec!["hang"]));
    assert_eq!((entry.status, entry.sent, entry.took_us / 1_000_000), (None, Sent::Nothing, 100_000));
    assert!(entry.effects.is_empty());
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_answer_come_as_they_are() {
    let shared = ten().await;
    shared.alter("garbage", true, |script| {
        script.steps = vec![Step::Raw(Bytes::from_static(b"\x07not http\r\n"))];
        true
    });
    let (text, _) = talk(&shared).await;
    assert_eq!(text, "\x07not http\r\n");
    assert_eq!(shared.entry().sent, Sent::Nothing);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_length_is_said() {
    let shared = ten().await;
    shared.alter("length", true, |script| {
        script.content_length = Some(7);
        true
    });
    let (text, _) = talk(&shared).await;
    assert!(text.contains("\r\ncontent-length: 7\r\n") && text.ends_with("\r\n\r\n0123456789"), "{text}");
    // The answer itself was whole, and a fault made it what it was.
    assert_eq!(shared.entry().sent, Sent::Whole);
    let count = shared.vendor.counts().remove(0);
    assert_eq!((count.status, count.by_fault), (500, true));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_during_a_delay_is_not_answered() {
    let latency = FaultKind::Latency { model: LatencyModel::Fixed { delay: Duration::from_secs(60) }, jitter: Duration::ZERO };
    let shared = with(vec![fault(latency), fault(FaultKind::Error { status: 500, body: None })]).await;
    leave_after(&shared, Duration::from_secs(7)).await;
    let entry = shared.entry();
    assert_eq!(names(&entry), (vec!["status", "latency"], vec!["latency"]));
    assert_eq!((entry.status, entry.sent, entry.took_us / 1_000_000), (Some(500), Sent::Nothing, 7));
}

#[tokio::test(start_paused = true)]
async fn what_was_written_before_a_script_is_not_lost() {
    let shared = ten().await;
    let (mut client, _serving) = connect(&shared);
    client.write_all(REQUEST).await.unwrap();
    let first = read_for(&mut client, Duration::from_secs(1)).await;
    assert!(first.ends_with(b"0123456789"));
    shared.alter("garbage", true, |script| {
        script.steps = vec![Step::Raw(Bytes::from_static(b"\x07"))];
        true
    });
    // Two at once: the second is never looked at.
    client.write_all(&REQUEST.repeat(2)).await.unwrap();
    let mut text = Vec::new();
    client.read_to_end(&mut text).await.unwrap();
    assert_eq!(text, b"\x07");
    assert_eq!(shared.ledger().entries().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_without_a_reader_is_sent_in_part() {
    let body = Some("x".repeat(1_000_000));
    let shared = with(vec![fault(FaultKind::Error { status: 500, body })]).await;
    shared.alter("reset", true, |script| {
        script.end = End::Reset;
        true
    });
    let (mut client, serving) = connect(&shared);
    client.write_all(REQUEST).await.unwrap();
    serving.await.unwrap();
    let entry = shared.entry();
    assert_eq!((entry.sent, names(&entry).1), (Sent::Partly, vec!["status"]));
}
