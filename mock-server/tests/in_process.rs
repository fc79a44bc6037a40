//! The vendors without sockets, in paused time.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, StatusCode};
use mock_server::clock::DayClock;
use mock_server::exchange::NoAnswer;
use mock_server::fault::{Fault, FaultKind, LostAnswer, Outage, SimulatedVendor};
use mock_server::settings::SimulationSettings;
use mock_server::simulation::SimulatedVendors;
use tokio::sync::mpsc;
use tokio::time::Instant;

const WEBHOOK: &str = "/v3/sources/webhook/7f2c1d9e-3b5a-4c8d-9e6f-0a1b2c3d4e5f";

fn submission(number: u64) -> Request<Bytes> {
    Request::post(WEBHOOK).body(Bytes::from(format!(r#"{{"email":"lead-{number}@example.com"}}"#))).unwrap()
}

/// Twelve minutes of a lead every half second, with an outage of ten of them and an answer lost now and then. Every outcome,
/// and every line of the ledger.
async fn twelve_minutes() -> (Vec<String>, Vec<String>) {
    let outage = Fault {
        vendor: Some(SimulatedVendor::Clay),
        at: Duration::from_secs(60),
        lasts: Some(Duration::from_secs(600)),
        ..Fault::new("outage", FaultKind::Outage { how: Outage::Refuse })
    };
    let lost = Fault { share: 0.1, ..Fault::new("lost", FaultKind::LostAnswer { how: LostAnswer::Close }) };
    let settings = SimulationSettings { faults: vec![outage, lost], ..SimulationSettings::default() };
    let clock = DayClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let vendors = SimulatedVendors::in_process(settings, clock, |_| async { Ok(StatusCode::OK) }).unwrap();
    vendors.start_timetable();
    let clay = vendors.vendor(SimulatedVendor::Clay);
    let begun = Instant::now();
    let mut outcomes = Vec::new();
    for number in 0..1_440 {
        tokio::time::sleep_until(begun + Duration::from_millis(number * 500)).await;
        let outcome = clay.send(submission(number)).await.map(|answered| answered.head.status.as_u16());
        outcomes.push(format!("{} ms: {outcome:?}", begun.elapsed().as_millis()));
    }
    let refused = outcomes.iter().filter(|outcome| outcome.ends_with("Err(Refused)")).count();
    assert_eq!(refused, 1_200, "one every half second of ten minutes");
    let ledger = vendors.ledger().entries();
    assert_eq!(ledger.len(), 240, "what is refused never arrives");
    let lost = ledger.iter().filter(|entry| entry.answer_was_lost()).count();
    assert_eq!(lost, outcomes.iter().filter(|outcome| outcome.ends_with("Err(Closed)")).count());
    assert_eq!(vendors.clay().rows().len(), 240, "also of a lost answer");
    assert!(vendors.shutdown().await.is_empty());
    (outcomes, ledger.iter().map(|entry| serde_json::to_string(&**entry).unwrap()).collect())
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_ten_minutes_takes_no_time_and_repeats_to_the_letter() {
    assert_eq!(twelve_minutes().await, twelve_minutes().await);
}

#[tokio::test(start_paused = true)]
async fn callbacks_go_to_a_receiver_in_the_process() {
    let mut settings = SimulationSettings::default();
    settings.clay.callbacks.url = Some("http://127.0.0.1:9/hook".to_owned());
    let (sender, mut received) = mpsc::unbounded_channel();
    let receiver = move |request: Request<Bytes>| {
        sender.send(request.uri().to_string()).unwrap();
        async { Ok(StatusCode::NO_CONTENT) }
    };
    let vendors = SimulatedVendors::in_process(settings, DayClock::machine(), receiver).unwrap();
    vendors.vendor(SimulatedVendor::Clay).send(submission(1)).await.unwrap();
    assert_eq!(received.recv().await.unwrap(), "http://127.0.0.1:9/hook");
}

#[tokio::test(start_paused = true)]
async fn a_fault_by_hand_is_in_force_when_it_has_been_added() {
    let vendors =
        SimulatedVendors::in_process(SimulationSettings::default(), DayClock::machine(), |_| async { Ok(StatusCode::OK) })
            .unwrap();
    vendors.add_fault(Fault::new("drop", FaultKind::Outage { how: Outage::Drop })).await.unwrap();
    let customer_io = vendors.vendor(SimulatedVendor::CustomerIo);
    let region = || Request::get("/api/v1/accounts/region").body(Bytes::new()).unwrap();
    assert_eq!(customer_io.send(region()).await.unwrap_err(), NoAnswer::Dropped);
    assert!(vendors.remove_fault("drop").await);
    assert_eq!(customer_io.send(region()).await.unwrap().head.status, StatusCode::UNAUTHORIZED);
    assert_eq!(vendors.counts().iter().map(|count| count.status).collect::<Vec<_>>(), [401]);
}

fn gzip(text: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, text).unwrap();
    encoder.finish().unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn a_compressed_body_is_decoded_or_refused_by_both_vendors() {
    let vendors =
        SimulatedVendors::in_process(SimulationSettings::default(), DayClock::machine(), |_| async { Ok(StatusCode::OK) })
            .unwrap();
    // The Pipelines API answers 200 to whatever else is wrong.
    let basic = "Basic c2ltdWxhdGVkLWN1c3RvbWVyLWlvLXdyaXRlLWtleTo=";
    let call: &[u8] = br#"{"userId":"ada","traits":{"plan":"pro"}}"#;
    for (vendor, path, body) in [
        (SimulatedVendor::Clay, WEBHOOK, br#"{"email":"ada@example.com"}"#.as_slice()),
        (SimulatedVendor::CustomerIo, "/v1/identify", call),
    ] {
        let send = async |encoding: &str, body: Bytes| {
            let request = Request::post(path).header("content-encoding", encoding).header("authorization", basic);
            vendors.vendor(vendor).send(request.body(body).unwrap()).await.unwrap().head
        };
        assert_eq!(send("gzip", gzip(body)).await.status, 200, "{path}");
        let refused = send("br", gzip(body)).await;
        assert_eq!((refused.status.as_u16(), &refused.headers["accept-encoding"]), (415, &"gzip".parse().unwrap()), "{path}");
        assert_eq!(send("gzip", Bytes::copy_from_slice(body)).await.status, 400, "{path}");
        assert_eq!(send("gzip", gzip(&vec![b' '; 5_000_000])).await.status, 413, "{path}");
    }
    assert_eq!(vendors.clay().rows().len(), 1);
    assert_eq!(vendors.customer_io().customer("ada").unwrap().attributes["plan"].get(), "\"pro\"");
    let statuses: Vec<_> = vendors.ledger().entries().iter().filter_map(|entry| entry.status).collect();
    assert_eq!(statuses, [200, 415, 400, 413, 200, 415, 400, 413]);
}
