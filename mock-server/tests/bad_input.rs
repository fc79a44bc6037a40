//! Whatever a client sends is answered or closed, in bounded time and memory, and others are served as before.
//!
//! How long is what a connection that stops half-way is tested with under paused time, beside the code. Here everything ends
//! at once.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;
#[path = "common/connect.rs"]
mod connect;

use common::{Client, WEBHOOK, in_time, settings};
use connect::{exchange, plain, read_to_end, tls};
use mock_server::simulation::SimulatedVendors;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than everything between a client and the simulator holds: socket buffers and what is read after a refusal.
const BUFFERS: u64 = 24 * 1024 * 1024;

async fn vendors() -> SimulatedVendors {
    SimulatedVendors::start(settings(Vec::new())).await.unwrap()
}

/// They still answer.
async fn assert_well(vendors: &SimulatedVendors) {
    let client = Client::new();
    assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
    assert_eq!(client.identify(&vendors.customer_io_url(), "ada").await.unwrap().status, 200);
}

/// What a client gets that sends this and then nothing more: the status, or `None` where the connection was closed without.
/// Closing its side, the client asks for the end of what it has not said completely.
async fn status(vendors: &SimulatedVendors, bytes: &[u8]) -> Option<u16> {
    let mut stream = plain(&vendors.clay_url()).await;
    // What is refused may be refused while it is still being sent.
    let _ = in_time(stream.write_all(bytes)).await;
    let _ = stream.shutdown().await;
    let (text, _) = read_to_end(&mut stream).await;
    let text = String::from_utf8_lossy(&text);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 "), "{text}");
    text.split(' ').nth(1).map(|status| status.parse().unwrap())
}

fn request(headers: &str, body: &str) -> Vec<u8> {
    format!("POST {WEBHOOK} HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}").into_bytes()
}

#[tokio::test]
async fn bytes_that_are_not_http_are_answered_with_400_or_closed() {
    let vendors = vendors().await;
    let no_http: [&[u8]; 11] = [
        b"\0",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
        b"GET / FTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nna\0me: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nname: a\0b\r\n\r\n",
    ];
    for bytes in no_http {
        let status = status(&vendors, bytes).await;
        assert!(matches!(status, None | Some(400)), "{:?}: {status:?}", String::from_utf8_lossy(bytes));
    }
    assert!(vendors.ledger().entries().is_empty(), "{:?}", vendors.ledger().entries());
    assert_well(&vendors).await;
}

/// Two servers in a row that read one of these differently let a second request pass for a part of the first.
#[tokio::test]
async fn requests_whose_length_is_ambiguous_are_refused() {
    let vendors = vendors().await;
    let chunked = "2\r\n{}\r\n0\r\n\r\n";
    let ambiguous = [
        ("content-length: 2\r\ncontent-length: 3\r\n", "{}x"),
        ("content-length: 2, 3\r\n", "{}x"),
        ("content-length: -2\r\n", "{}"),
        ("content-length: +2\r\n", "{}"),
        ("content-length: 0x2\r\n", "{}"),
        ("content-length: 2 2\r\n", "{}"),
        ("content-length: \r\n", "{}"),
        ("content-length: 99999999999999999999999\r\n", "{}"),
        ("content-length : 2\r\n", "{}"),
        ("transfer-encoding : chunked\r\n", chunked),
        ("transfer-encoding: xchunked\r\n", chunked),
        ("transfer-encoding: chunked, identity\r\n", chunked),
        ("transfer-encoding: \x0bchunked\r\n", chunked),
        ("transfer-encoding:\r\n chunked\r\n", chunked),
        (" transfer-encoding: chunked\r\n", chunked),
        ("transfer-encoding: chunked\r\n", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "2\r\n{}0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "2\n{}\n0\n\n"),
        ("transfer-encoding: chunked\r\n", "\r\n"),
    ];
    for (headers, body) in ambiguous {
        let status = status(&vendors, &request(headers, body)).await;
        assert!(matches!(status, None | Some(400)), "{headers:?} {body:?}: {status:?}");
    }
    // Nothing of them reached the vendor.
    assert!(vendors.ledger().entries().iter().all(|entry| entry.effects.is_empty() && entry.status.is_none()));
    assert_well(&vendors).await;
}

/// RFC 9112, 6.1: the encoding overrides the length, and nothing that follows is a request any more.
#[tokio::test]
async fn an_encoding_overrides_a_length_and_ends_the_connection() {
    let vendors = vendors().await;
    for headers in ["content-length: 5\r\ntransfer-encoding: chunked\r\n", "transfer-encoding: chunked\r\ncontent-length: 5\r\n"]
    {
        let mut bytes = request(headers, "2\r\n{}\r\n0\r\n\r\n");
        bytes.extend_from_slice(b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n");
        let (text, _) = exchange(&mut plain(&vendors.clay_url()).await, &bytes).await;
        let text = String::from_utf8(text).unwrap();
        let statuses: Vec<_> = text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
        assert!(statuses == ["200"] && text.contains("\r\nconnection: close\r\n"), "{text}");
    }
}

#[tokio::test]
async fn huge_heads_are_refused() {
    let vendors = vendors().await;
    let long = "x".repeat(100_000);
    let many: String = (0..20_000).map(|number| format!("h{number}: x\r\n")).collect();
    for bytes in [
        request(&format!("long: {long}\r\n"), ""),
        request(&format!("{long}: long\r\n"), ""),
        request(&many, ""),
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes(),
        format!("{long} / HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes(),
    ] {
        let status = status(&vendors, &bytes).await;
        assert!(matches!(status, None | Some(400 | 414 | 431)), "{status:?}");
    }
    assert!(vendors.ledger().entries().is_empty());
    assert_well(&vendors).await;
}

#[tokio::test]
async fn strange_paths_are_answered() {
    let vendors = vendors().await;
    let paths: [&[u8]; 9] = [
        b"/%ff%fe",
        b"/%",
        b"/%zz",
        b"/%00",
        b"/api/v1/customers/%00%ff",
        b"/../../etc/passwd",
        b"//",
        b"/\xc3\xa9",
        b"/\xff\xfe",
    ];
    for path in paths {
        let bytes = [b"GET ", path, b" HTTP/1.1\r\nhost: x\r\n\r\n"].concat();
        let status = status(&vendors, &bytes).await;
        assert!(matches!(status, None | Some(400..=499)), "{:?}: {status:?}", String::from_utf8_lossy(path));
    }
    assert_well(&vendors).await;
}

#[tokio::test]
async fn strange_bodies_are_answered() {
    let vendors = vendors().await;
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 5] = [b"\xff\xfe", b"\0", b"{\"a\":\"\xff\"}", b"", deep.as_bytes()];
    for body in bodies {
        let answer = Client::new().submit(&vendors.clay_url(), body.to_vec()).await.unwrap();
        assert!(answer.status.is_client_error(), "{:?}: {}", String::from_utf8_lossy(&body[..body.len().min(20)]), answer.status);
    }
    assert_well(&vendors).await;
}

/// Sends a body of a gigabyte until it is not taken any more: the status, and how much was taken.
async fn gigabyte(vendors: &SimulatedVendors, head: &str, piece: &[u8]) -> (String, u64) {
    let stream = plain(&vendors.clay_url()).await;
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(&request(head, "")).await.unwrap();
    let piece = piece.to_vec();
    let writing = tokio::spawn(async move {
        let mut taken = 0;
        while taken < 1_000_000_000 && writer.write_all(&piece).await.is_ok() {
            taken += piece.len() as u64;
        }
        taken
    });
    let mut status = [0; 12];
    in_time(reader.read_exact(&mut status)).await.unwrap();
    (String::from_utf8(status.to_vec()).unwrap(), in_time(writing).await.unwrap())
}

#[tokio::test]
async fn a_gigabyte_is_413_and_not_read() {
    let vendors = vendors().await;
    let (status, taken) = gigabyte(&vendors, "content-length: 1000000000\r\n", &[b'x'; 65_536]).await;
    assert_eq!(status, "HTTP/1.1 413");
    assert!(taken < BUFFERS, "{taken} bytes were taken");

    let chunk = ["10000\r\n".as_bytes(), &[b'x'; 65_536], b"\r\n"].concat();
    let (status, taken) = gigabyte(&vendors, "transfer-encoding: chunked\r\n", &chunk).await;
    assert_eq!(status, "HTTP/1.1 413");
    assert!(taken < BUFFERS, "{taken} bytes were taken");

    // In many small pieces, which cost more than their bytes.
    let (status, taken) =
        gigabyte(&vendors, "transfer-encoding: chunked\r\n", &format!("20\r\n{}\r\n", "x".repeat(32)).repeat(1_000).into_bytes())
            .await;
    assert_eq!(status, "HTTP/1.1 413");
    assert!(taken < BUFFERS, "{taken} bytes were taken");
    assert_well(&vendors).await;
}

#[tokio::test]
async fn a_client_that_waits_for_leave_is_refused_before_it_sends() {
    let vendors = vendors().await;
    let mut stream = plain(&vendors.clay_url()).await;
    stream.write_all(&request("expect: 100-continue\r\ncontent-length: 1000000000\r\n", "")).await.unwrap();
    let mut status = [0; 12];
    in_time(stream.read_exact(&mut status)).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");
}

#[tokio::test]
async fn garbage_after_the_first_byte_of_tls_is_closed() {
    let vendors = vendors().await;
    let hello: [&[u8]; 4] =
        [b"\x16", b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff", b"\x16GET / HTTP/1.1\r\nhost: x\r\n\r\n"];
    for bytes in hello {
        let mut stream = plain(&vendors.clay_url()).await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let (text, _) = read_to_end(&mut stream).await;
        // Nothing, or an alert.
        assert!(text.first().is_none_or(|&first| first == 0x15), "{text:?}");
    }
    let (text, _) = exchange(&mut tls(&vendors, &vendors.clay_url(), &[]).await, b"\0\0\r\n\r\n").await;
    assert!(text.is_empty() || text.starts_with(b"HTTP/1.1 400"), "{text:?}");
    assert_well(&vendors).await;
}

#[tokio::test]
async fn garbage_after_the_preface_of_http2_is_closed() {
    let vendors = vendors().await;
    for garbage in [
        &b"garbage"[..],
        b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\xff\xff\xff\x04\0\0\0\0\0",
        b"\0\0\x04\x01\x05\0\0\0\x01\xff\xff\xff\xff",
    ] {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend_from_slice(garbage);
        let mut stream: TcpStream = plain(&vendors.clay_url()).await;
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        read_to_end(&mut stream).await.1.ok();
    }
    assert_well(&vendors).await;
}
