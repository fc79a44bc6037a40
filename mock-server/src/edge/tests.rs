//! The gate, where another program is quicker.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::*;
use crate::exchange::testing::clay_with;
use crate::fault::{ActiveFault, Fault, FaultKind, Outage};
use crate::seed::Seed;

#[tokio::test]
async fn a_port_that_was_taken_during_an_outage_opens_when_it_is_free_again() {
    let tls = Arc::new(Tls::new(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap());
    let edge = Edge::start(clay_with(Vec::new()), 0, tls).await.unwrap();
    let outage = Fault::new("outage", FaultKind::Outage { how: Outage::Refuse }).lasting(Duration::from_secs(1));
    let refusing = ActiveFaults::default().with(ActiveFault::begin(&outage, 0, Seed(1), edge.name(), Instant::now()));
    edge.apply(refusing).await;
    let thief = std::net::TcpListener::bind(edge.address).unwrap();
    edge.apply(ActiveFaults::default()).await;
    // The thief's listener accepts for as long as it is there.
    drop(TcpStream::connect(edge.address).await.unwrap());
    drop(thief);
    let opened = async {
        while TcpStream::connect(edge.address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), opened).await.unwrap();
}
