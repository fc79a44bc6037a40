//! Every connection ends, however a client behaves: with paused time, without a socket.

use tokio::io::DuplexStream;

use super::super::service::BODY_DEADLINE;
use super::super::testing::{connect, with};
use super::*;
use crate::exchange::testing::fault;
use crate::fault::FaultKind;
use crate::latency::LatencyModel;
use crate::ledger::Sent;

const REQUEST: &[u8] = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";

/// Answers without asking the vendor, whose sockets do not know that time is paused.
async fn failing() -> Arc<Shared> {
    with(vec![fault(FaultKind::Error { status: 500, body: Some("no".to_owned()) })]).await
}

/// What comes, and how long after `since` the connection ended.
async fn rest(mut client: DuplexStream, since: Instant) -> (String, Duration) {
    let mut text = Vec::new();
    client.read_to_end(&mut text).await.unwrap();
    (String::from_utf8(text).unwrap(), since.elapsed())
}

/// Reads an answer with a body of two bytes.
async fn answer(client: &mut DuplexStream) -> String {
    let mut text = Vec::new();
    while !text.windows(4).any(|window| window == b"\r\n\r\n") {
        text.push(client.read_u8().await.unwrap());
    }
    text.extend([client.read_u8().await.unwrap(), client.read_u8().await.unwrap()]);
    String::from_utf8(text).unwrap()
}

/// Timers are as fine as a millisecond.
fn is_about(time: Duration, expected: Duration) -> bool {
    time + Duration::from_millis(1) >= expected && time <= expected + Duration::from_millis(2)
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed() {
    let (client, serving) = connect(&failing().await);
    let (text, time) = rest(client, Instant::now()).await;
    assert!(text.is_empty() && is_about(time, IDLE), "{text:?} {time:?}");
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_head_has_its_time_from_its_first_byte() {
    let shared = failing().await;
    let (mut client, serving) = connect(&shared);
    tokio::time::sleep(Duration::from_secs(50)).await;
    client.write_all(b"POST /x HT").await.unwrap();
    let begun = Instant::now();
    let dribbling = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if client.write_all(b"x").await.is_err() {
                return begun.elapsed();
            }
        }
    };
    let time = dribbling.await;
    assert!(is_about(time, HEAD_DEADLINE + Duration::from_secs(1)) || is_about(time, HEAD_DEADLINE), "{time:?}");
    serving.await.unwrap();
    // It was no request.
    assert!(shared.ledger().entries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_preface_that_stops_half_way_is_a_head_that_does() {
    let (mut client, serving) = connect(&failing().await);
    client.write_all(b"PR").await.unwrap();
    let (text, time) = rest(client, Instant::now()).await;
    assert!(text.is_empty() && is_about(time, HEAD_DEADLINE), "{text:?} {time:?}");
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_head_of_one_byte_has_its_time_too() {
    let (mut client, serving) = connect(&failing().await);
    client.write_all(b"G").await.unwrap();
    let (text, time) = rest(client, Instant::now()).await;
    assert!(text.is_empty() && is_about(time, HEAD_DEADLINE), "{text:?} {time:?}");
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_dribbles_is_408() {
    let shared = failing().await;
    let (mut client, serving) = connect(&shared);
    let begun = Instant::now();
    client.write_all(b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(client);
    let dribbling = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut status = [0; 12];
    reader.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 408");
    assert!(is_about(begun.elapsed(), BODY_DEADLINE), "{:?}", begun.elapsed());
    serving.await.unwrap();
    dribbling.await.unwrap();
    assert!(begun.elapsed() <= BODY_DEADLINE + FAREWELL + Duration::from_secs(1), "{:?}", begun.elapsed());
    let entry = shared.entry();
    assert_eq!((entry.status, entry.sent, entry.took_us / 1_000_000), (Some(408), Sent::Whole, BODY_DEADLINE.as_secs()));
}

#[tokio::test(start_paused = true)]
async fn between_requests_a_connection_may_idle_again() {
    let (mut client, serving) = connect(&failing().await);
    for _ in 0..3 {
        client.write_all(REQUEST).await.unwrap();
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 500"));
        tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
    }
    client.write_all(REQUEST).await.unwrap();
    answer(&mut client).await;
    let (text, time) = rest(client, Instant::now()).await;
    assert!(text.is_empty() && is_about(time, IDLE), "{text:?} {time:?}");
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_head_has_its_time_too() {
    let (mut client, serving) = connect(&failing().await);
    client.write_all(REQUEST).await.unwrap();
    answer(&mut client).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    client.write_all(b"P").await.unwrap();
    let (text, time) = rest(client, Instant::now()).await;
    assert!(text.is_empty() && is_about(time, HEAD_DEADLINE), "{text:?} {time:?}");
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_vendor_may_think_longer_than_a_client_may_idle() {
    let delay = Duration::from_secs(600);
    let slow = fault(FaultKind::Latency { model: LatencyModel::Fixed { delay }, jitter: Duration::ZERO });
    let shared = with(vec![slow, fault(FaultKind::Error { status: 503, body: None })]).await;
    let (mut client, _serving) = connect(&shared);
    let begun = Instant::now();
    client.write_all(REQUEST).await.unwrap();
    let mut status = [0; 12];
    client.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 503");
    assert!(is_about(begun.elapsed(), delay), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_reader_is_given_up() {
    let shared = with(vec![fault(FaultKind::Error { status: 500, body: Some("x".repeat(1_000_000)) })]).await;
    let (mut client, serving) = connect(&shared);
    let begun = Instant::now();
    client.write_all(REQUEST).await.unwrap();
    serving.await.unwrap();
    assert!(is_about(begun.elapsed(), IDLE), "{:?}", begun.elapsed());
    assert_eq!(shared.entry().sent, Sent::Partly);
}

#[tokio::test(start_paused = true)]
async fn http2_connections_may_idle_as_long() {
    let (mut client, serving) = connect(&failing().await);
    let begun = Instant::now();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frames = Vec::new();
    client.read_to_end(&mut frames).await.unwrap();
    // Its settings came.
    assert_eq!(frames[3], 4, "{frames:?}");
    assert!(is_about(begun.elapsed(), IDLE), "{:?}", begun.elapsed());
    serving.await.unwrap();
}

/// As TLS does, bytes are taken that the peer has not taken yet, and only flushing shows it.
#[tokio::test(start_paused = true)]
async fn a_fault_comes_when_the_peer_has_taken_the_answer_before_it() {
    let close = fault(FaultKind::Outage { how: crate::fault::Outage::Close }).every(2);
    let shared = with(vec![close, fault(FaultKind::Error { status: 500, body: Some("no".to_owned()) })]).await;
    let (mut client, server) = tokio::io::duplex(64);
    let serving = tokio::spawn(async move { serve(tokio::io::BufWriter::new(server), &Reset::default(), shared).await });
    client.write_all(REQUEST).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (text, time) = rest(client, Instant::now()).await;
    assert!(text.starts_with("HTTP/1.1 500") && text.ends_with("no"), "{text}");
    assert!(time < Duration::from_secs(1), "{time:?}");
    serving.await.unwrap();
}
