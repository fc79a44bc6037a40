//! Outages as a client sees them, through real sockets.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use common::{Client, FOR_EVER, clay_fault, in_time, settings};
use mock_server::counts::Count;
use mock_server::fault::{FaultKind, Outage, SimulatedVendor};
use mock_server::latency::LatencyModel;
use mock_server::simulation::SimulatedVendors;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn outage(how: Outage) -> FaultKind {
    FaultKind::Outage { how }
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// Starts vendors, runs `before` without faults, and returns when Clay's outage is in force.
async fn gone(how: Outage, before: impl AsyncFnOnce(&SimulatedVendors)) -> SimulatedVendors {
    let vendors = SimulatedVendors::start(settings(vec![clay_fault(FOR_EVER, outage(how))])).await.unwrap();
    before(&vendors).await;
    let mut changes = vendors.subscribe();
    vendors.start_timetable();
    let change = in_time(changes.recv()).await.unwrap();
    assert!(change.active && change.name == "fault");
    vendors
}

fn clay_count(status: u16, by_fault: bool, count: u64) -> Count {
    Count { vendor: SimulatedVendor::Clay, route: "clay.webhook".to_owned(), status, by_fault, limit: None, count }
}

#[tokio::test]
async fn no_fault_is_active_before_the_load_begins() {
    let client = Client::new();
    gone(Outage::Refuse, async |vendors| {
        assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
    })
    .await;
}

#[tokio::test]
async fn refused_connections_are_refused_and_open_ones_closed() {
    let mut open = None;
    let vendors = gone(Outage::Refuse, async |vendors| {
        open = Some(TcpStream::connect(address(&vendors.clay_url())).await.unwrap());
    })
    .await;
    let clay = address(&vendors.clay_url());

    // The end of the stream, or a reset: nothing more comes in either case.
    let read = in_time(open.unwrap().read(&mut [0; 1])).await;
    assert!(matches!(&read, Ok(0)) || read.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset), "{read:?}");
    assert_eq!(in_time(TcpStream::connect(clay)).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);

    // The other vendor knows nothing of it.
    assert_eq!(Client::new().identify(&vendors.customer_io_url(), "ada").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_refusal_lasts() {
    let refuse = clay_fault(FOR_EVER, outage(Outage::Refuse));
    // Only to tell that time has passed, and at the other vendor, so that it does not touch this port.
    let mut later = clay_fault(FOR_EVER, FaultKind::Latency { model: common::NO_DELAY, jitter: Duration::ZERO });
    later.vendor = Some(SimulatedVendor::CustomerIo);
    (later.name, later.at) = ("later".to_owned(), Duration::from_millis(100));
    let vendors = SimulatedVendors::start(settings(vec![refuse, later])).await.unwrap();
    let mut changes = vendors.subscribe();
    vendors.start_timetable();
    while in_time(changes.recv()).await.unwrap().name != "later" {}
    let refused = in_time(TcpStream::connect(address(&vendors.clay_url()))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_request_that_a_refusal_cuts_off_is_counted() {
    let mut settings = settings(vec![clay_fault(FOR_EVER, outage(Outage::Refuse))]);
    settings.clay.latency = LatencyModel::Fixed { delay: Duration::from_secs(600) };
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    let mut stream = TcpStream::connect(address(&vendors.clay_url())).await.unwrap();
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n", common::WEBHOOK);
    stream.write_all(head.as_bytes()).await.unwrap();
    // "100 Continue" says that the vendor has the request in hand.
    let mut interim = [0; 25];
    in_time(stream.read_exact(&mut interim)).await.unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"));

    let mut changes = vendors.subscribe();
    vendors.start_timetable();
    in_time(changes.recv()).await.unwrap();
    let mut rest = Vec::new();
    // Either way of ending is fine.
    let _ = in_time(stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
    assert_eq!(vendors.counts(), [clay_count(0, true, 1)]);
}

#[tokio::test]
async fn after_a_refusal_the_same_port_answers_again() {
    let kind = outage(Outage::Refuse);
    let vendors = SimulatedVendors::start(settings(vec![clay_fault(Duration::from_millis(50), kind)])).await.unwrap();
    let mut changes = vendors.subscribe();
    vendors.start_timetable();
    let (begun, ended) = (in_time(changes.recv()).await.unwrap(), in_time(changes.recv()).await.unwrap());
    assert!(begun.active && !ended.active);
    assert!(ended.at_us >= begun.at_us && ended.at_us >= 50_000, "{begun:?} {ended:?}");
    assert_eq!(Client::new().submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_closing_vendor_accepts_and_does_not_answer() {
    let vendors = gone(Outage::Close, async |_| {}).await;
    let mut stream = TcpStream::connect(address(&vendors.clay_url())).await.unwrap();
    let request = format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}", common::WEBHOOK);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    in_time(stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty(), "{answer:?}");
    assert_eq!(vendors.counts(), [clay_count(0, true, 1)]);
}

#[tokio::test]
async fn an_unavailable_vendor_says_so_in_json() {
    let vendors = gone(Outage::Unavailable, async |_| {}).await;
    let answer = Client::new().submit(&vendors.clay_url(), "{}").await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (503, &br#"{"message":"service unavailable"}"#[..]));
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(vendors.counts(), [clay_count(503, true, 1)]);
}

#[tokio::test]
async fn a_shutdown_closes_ports_and_connections() {
    let vendors = SimulatedVendors::start(settings(Vec::new())).await.unwrap();
    let (clay, customer_io) = (address(&vendors.clay_url()), address(&vendors.customer_io_url()));
    let mut open = TcpStream::connect(clay).await.unwrap();
    vendors.shutdown().await;
    let read = in_time(open.read(&mut [0; 1])).await;
    assert!(read.is_err() || matches!(read, Ok(0)), "{read:?}");
    for address in [clay, customer_io] {
        assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
