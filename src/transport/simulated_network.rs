//! The transport without sockets: requests go to simulated vendors in the same process, in tokio's time.
//!
//! In paused time an hour of load takes seconds, and with the same seed it repeats to the letter. Each request goes over a
//! connection of its own that is there already; a request and its answer each take a delay, drawn in the order of sending.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use mock_server::exchange::{Answered, FaultyVendor, NoAnswer};
use mock_server::fault::SimulatedVendor;
use mock_server::latency::LatencyModel;
use mock_server::simulation::SimulatedVendors;
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use super::error::SendError;
use super::exchange::{Answer, Body, Transport, within};
use super::origin::Origin;
use super::trace::Trace;
use crate::seed::Seed;

/// A network on which there is nothing but the simulated vendors.
pub struct SimulatedNetwork {
    vendors: Vec<(Origin, Arc<FaultyVendor>)>,
    delay: LatencyModel,
    rng: Mutex<ChaCha8Rng>,
}

impl SimulatedNetwork {
    /// The network that leads to `vendors` at their URLs. `delay` is the time that a request takes, and an answer.
    pub fn new(vendors: &SimulatedVendors, delay: LatencyModel, seed: Seed) -> Self {
        let origin = |vendor| Origin::of(&vendors.url(vendor).parse::<Uri>().ok()?);
        let served =
            SimulatedVendor::ALL.into_iter().filter_map(|vendor| Some((origin(vendor)?, vendors.vendor(vendor).clone())));
        Self { vendors: served.collect(), delay, rng: Mutex::new(seed.stream("network")) }
    }

    fn delays(&self) -> [Duration; 2] {
        let mut rng = self.rng.lock();
        [self.delay.sample(&mut *rng), self.delay.sample(&mut *rng)]
    }

    async fn exchange(&self, mut request: Request<Full<Bytes>>, keep: Body, trace: &Trace) -> Result<Answer, SendError> {
        let to = self.vendors.iter().find(|(origin, _)| origin.serves(request.uri()));
        let (origin, vendor) = to.ok_or(SendError::Refused)?;
        origin.address_request(&mut request);
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await;
        let [there, back] = self.delays();
        sleep(there).await;
        let answered = vendor.send(Request::from_parts(head, body.to_bytes())).await;
        sleep(back).await;
        let Answered { head, body, .. } = answered.map_err(send_error)?;
        trace.answered();
        let body_bytes = body.len() as u64;
        let body = body.slice(..body.len().min(keep.limit()));
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, body_bytes })
    }
}

impl Transport for SimulatedNetwork {
    fn send<'a>(
        &'a self,
        request: Request<Full<Bytes>>,
        timeout: Duration,
        body: Body,
        trace: &'a Trace,
    ) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(within(timeout, self.exchange(request, body, trace)))
    }
}

impl fmt::Debug for SimulatedNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedNetwork").field("delay", &self.delay).finish_non_exhaustive()
    }
}

/// The name that a client over sockets has for it.
fn send_error(no_answer: NoAnswer) -> SendError {
    match no_answer {
        NoAnswer::Refused => SendError::Refused,
        NoAnswer::Dropped | NoAnswer::Closed | NoAnswer::Reset | NoAnswer::Incomplete => SendError::Lost,
        NoAnswer::Malformed => SendError::BadAnswer,
    }
}
