//! What must not be taken, and what must not fell the service: each refused with what is wrong and where.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fixture::{Fixture, LONG, start};

/// Sends bytes as they are, and reads to the end of the connection.
async fn raw(service: &Fixture, parts: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(service.running.address()).await.unwrap();
    for part in parts {
        stream.write_all(part).await.unwrap();
    }
    let mut answer = Vec::new();
    tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("an end").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(length: usize) -> String {
    format!("POST /leads HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_lead_is_refused_with_its_place_and_the_service_goes_on() {
    let service = start(None, "", "").await;
    let deep = format!("{{\"user\":\"a\",\"data\":{}1{}}}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let long = format!("{{\"user\":\"{}\",\"data\":{{}}}}", "u".repeat(151));
    let large = format!("{{\"user\":\"a\",\"data\":{{\"x\":\"{}\"}}}}", "x".repeat(100_001));
    let cases: [(&[u8], u16, &str); 13] = [
        (br#"{"user":"a","data":{},"emial":1}"#, 422, "no field `emial`"),
        (br#"{"usr":"a","data":{}}"#, 422, "no field `usr`"),
        (b"{\"user\":\"a\",\"data\":{\"n\":\"\xff\xfe\"}}", 400, "not UTF-8"),
        (br#"{"user":"a","user":"b","data":{}}"#, 400, "the key `user` is there twice"),
        (br#"{"user":"a","data":{"b":{"c":1,"c":1}}}"#, 400, "the key `c` is there twice"),
        (deep.as_bytes(), 400, "deeper than 32"),
        (b"[]", 422, "an object, not a list"),
        (b"null", 422, "an object, not null"),
        (b"{\"user\":\"\",\"data\":{}}", 422, "`user` is empty"),
        (long.as_bytes(), 422, "151 bytes"),
        (large.as_bytes(), 422, "and an event of Customer.io holds 100000"),
        (b"{\"user\":\"a\",\"data\":{}", 400, "EOF"),
        (b"", 400, "the body is empty"),
    ];
    for (body, status, says) in cases {
        let answer = service.raw_lead(body.to_vec()).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status, status, "{shown}: {answer:?}");
        let problem = answer.problem();
        assert!(problem["message"].as_str().unwrap().contains(says), "{shown}: {problem}");
        assert!(status != 400 || problem["line"].is_u64() && problem["column"].is_u64(), "{shown}: {problem}");
    }
    assert_eq!(service.raw_lead("{\"usr\":\"a\",\"data\":{}}").await.problem()["help"], "did you mean `user`?");
    assert_eq!(service.get("/places").await.text, "", "nothing was kept");
    assert_eq!(service.lead(&json!({"user": "a", "data": {"n\u{0}": "\u{1F600}"}})).await.status, 202, "odd is not wrong");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_10_mb_is_refused_before_it_is_read() {
    let service = start(None, "", "").await;
    // Nothing of the body is sent: whoever reads it would wait for ever.
    let announced = raw(&service, &[head(10 << 20).as_bytes()]).await;
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("1048576 bytes"), "{announced}");
    assert!(announced.contains("connection: close"), "{announced}");
    // All of it is sent, and the answer is seen all the same.
    let body = vec![b' '; 10 << 20];
    let sent = raw(&service, &[head(body.len()).as_bytes(), &body]).await;
    assert!(sent.starts_with("HTTP/1.1 413"), "{sent}");
    // Its length is not announced.
    let mut chunked = b"POST /leads HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
                        transfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..20 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.resize(chunked.len() + 0x10000, b' ');
        chunked.extend_from_slice(b"\r\n");
    }
    let answer = raw(&service, &[&chunked]).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_slow_is_not_waited_for() {
    let limits = "[limits]\nheader_timeout = \"200ms\"\nbody_timeout = \"200ms\"\nconnections = 4";
    let service = start(None, "", limits).await;
    let no_end = raw(&service, &[b"POST /leads HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: "]).await;
    assert!(no_end.is_empty() || no_end.starts_with("HTTP/1.1 408"), "{no_end}");
    let no_body = raw(&service, &[head(100).as_bytes(), b"{"]).await;
    assert!(no_body.starts_with("HTTP/1.1 408") && no_body.contains("did not come within 200ms"), "{no_body}");
    // All connections are held by clients that say nothing; the next is served when they are given up.
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(TcpStream::connect(service.running.address()).await.unwrap());
    }
    let answer = tokio::time::timeout(LONG, service.get("/health/live")).await.unwrap();
    assert_eq!(answer.status, 200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_another_form_are_told_the_right_one() {
    let service = start(None, "", "").await;
    let lead = r#"{"user":"a","data":{}}"#;
    for (content_type, status) in [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=latin-1", 415),
        ("application/json; charset=UTF-8", 202),
        ("Application/JSON", 200),
    ] {
        let answer = service.send("POST", "/leads", &[("content-type", content_type)], lead).await;
        assert_eq!(answer.status, status, "{content_type}: {answer:?}");
    }
    assert_eq!(service.send("POST", "/leads", &[], lead).await.status, 415);
    assert_eq!(service.send("PUT", "/leads", &[], lead).await.status, 405);
    assert_eq!(service.get("/lead").await.status, 404);
    let json = ("content-type", "application/json");
    for key in ["", &"k".repeat(1_025)] {
        assert_eq!(service.send("POST", "/leads", &[json, ("idempotency-key", key)], lead).await.status, 400);
    }
    let two = [json, ("idempotency-key", "a"), ("idempotency-key", "b")];
    assert_eq!(service.send("POST", "/leads", &two, lead).await.status, 400);
    assert!(raw(&service, &[b"what is this\r\n\r\n"]).await.starts_with("HTTP/1.1 400"));
    let foreign = service.send("POST", "/leads", &[json, ("origin", "https://evil.example")], lead).await;
    assert_eq!(foreign.status, 403, "another site's page");
    let renamed = service.send("GET", "/leads", &[("host", "evil.example")], "").await;
    assert_eq!(renamed.status, 403, "a name that was made to resolve here");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_in_the_middle_leaves_nothing() {
    let service = start(None, "", "").await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(service.running.address()).await.unwrap();
        stream.write_all(head(1_000).as_bytes()).await.unwrap();
        stream.write_all(br#"{"user":"gone","data":{"#).await.unwrap();
    }
    assert_eq!(service.lead(&json!({"user": "here", "data": {}})).await.status, 202);
    assert_eq!(service.get("/leads").await.lines().len(), 1);
    tokio::time::timeout(Duration::from_secs(20), service.stop()).await.expect("an end");
}
