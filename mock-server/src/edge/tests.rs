//! The gate, where another program is quicker.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::*;
use crate::fault::{Fault, FaultKind, Outage};
use crate::ledger::Ledger;
use crate::seed::Seed;
use crate::settings::ClaySettings;
use crate::timetable::ActiveFault;
use crate::tls::Tls;
use crate::vendor::clay::Clay;

#[tokio::test]
async fn a_port_that_was_taken_during_an_outage_opens_when_it_is_free_again() {
    let clay = Arc::new(Clay::new(ClaySettings::default(), Seed(1)));
    let edge = Edge::start(clay, 0, Arc::new(Ledger::new()), Arc::new(Tls::new().unwrap())).await.unwrap();
    let outage = Fault::new("outage", FaultKind::Outage { how: Outage::Refuse }).lasting(Duration::from_secs(1));
    let refusing = ActiveFaults::default().with(ActiveFault::begin(&outage, 0, Seed(1), edge.vendor(), Instant::now()));
    edge.set_active(refusing).await;
    let thief = std::net::TcpListener::bind(edge.address).unwrap();
    edge.set_active(ActiveFaults::default()).await;
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
