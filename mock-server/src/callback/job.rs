//! A callback on its way: what is still to be done, and what has been.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use tokio::time::Instant;

use super::Disturbance;
use super::post;
use super::signature::{sign, sign_badly};
use crate::duration::micros;
use crate::fault::effect::CallbackVerdict;
use crate::simulated::clay::CallbackSettings;
use crate::simulated::clay::{Attempt, Callback, Delivery, DeliveryStatus};

/// A callback that was judged.
pub(super) struct Job {
    /// Its place in the order in which callbacks came.
    pub(super) number: u64,
    pub(super) disturbance: Disturbance,
    /// It was held back, and may go.
    pub(super) was_held: bool,
    was_overtaken: bool,
    callback: Callback,
    uri: Option<Uri>,
    /// Copies that are still to be delivered.
    copies: u32,
    /// Attempts that are left for the copy under way.
    attempts_left: u32,
    delivered: bool,
    delivery: Delivery,
}

/// What comes after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one, after a pause.
    Again(Duration),
    /// Nothing.
    End,
}

impl Job {
    pub(super) fn new(callback: Callback, disturbance: Disturbance, number: u64, settings: &CallbackSettings) -> Self {
        let (uri, refused) = match settings.check_url(&callback.url) {
            Ok(uri) => (Some(uri), None),
            Err(problem) => (None, Some(problem)),
        };
        let delivery = Delivery {
            id: String::new(),
            about: callback.about.clone(),
            url: callback.url.to_string(),
            status: DeliveryStatus::Failed,
            attempts: Vec::new(),
            intended: names(&disturbance, |_| true),
            actual: Vec::new(),
            refused,
        };
        Self {
            number,
            was_held: false,
            was_overtaken: false,
            copies: if disturbance.twice { 2 } else { 1 },
            attempts_left: settings.attempts,
            delivered: false,
            disturbance,
            callback,
            uri,
            delivery,
        }
    }

    /// Whether nothing is to be sent: the address is refused, or a fault lets it vanish.
    pub(super) fn is_over(&self) -> bool {
        self.uri.is_none() || self.disturbance.lost
    }

    /// Bytes that it takes, but for what all take.
    pub(super) fn bytes(&self) -> usize {
        self.callback.body.len()
    }

    /// Another one has been sent that came later.
    pub(super) fn overtaken(&mut self) {
        self.was_overtaken = true;
    }

    /// What is posted now.
    pub(super) fn request(&self) -> Option<Request<Bytes>> {
        let body = self.callback.body.clone();
        let sign = if self.disturbance.badly_signed { sign_badly } else { sign };
        let signature = self.callback.secret.as_ref().and_then(|secret| sign(secret, &body));
        Some(post::request(self.uri.clone()?, body, signature))
    }

    /// Takes down how an attempt ended, `since` the workspace's start.
    pub(super) fn attempted(&mut self, result: Result<u16, String>, since: Duration, settings: &CallbackSettings) -> Next {
        let is_success = matches!(result, Ok(200..=299));
        let (status, error) = match result {
            Ok(status) => (Some(status), None),
            Err(error) => (None, Some(error)),
        };
        self.delivery.attempts.push(Attempt { at_us: micros(since), status, error });
        self.delivered |= is_success;
        self.attempts_left -= 1;
        if !is_success && self.attempts_left > 0 {
            return Next::Again(settings.retry_after);
        }
        self.copies -= 1;
        self.attempts_left = settings.attempts;
        if self.copies > 0 { Next::Again(Duration::ZERO) } else { Next::End }
    }

    /// How it went.
    pub(super) fn ended(mut self) -> Delivery {
        let (lost, was_overtaken) = (self.disturbance.lost, self.was_overtaken);
        let has_secret = self.callback.secret.is_some();
        self.delivery.status = match (self.delivery.refused.is_some(), lost, self.delivered) {
            (true, ..) => DeliveryStatus::Refused,
            (_, true, _) => DeliveryStatus::Lost,
            (.., true) => DeliveryStatus::Delivered,
            (.., false) => DeliveryStatus::Failed,
        };
        let is_refused = self.delivery.status == DeliveryStatus::Refused;
        self.delivery.actual = names(&self.disturbance, |verdict| match verdict {
            _ if is_refused => false,
            CallbackVerdict::Lose => true,
            // One that never came was neither late nor double.
            _ if lost => false,
            CallbackVerdict::Swap => was_overtaken,
            CallbackVerdict::BadSignature => has_secret,
            CallbackVerdict::Delay(_) | CallbackVerdict::Twice => true,
            CallbackVerdict::Pass => false,
        });
        self.delivery
    }
}

fn names(disturbance: &Disturbance, which: impl Fn(CallbackVerdict) -> bool) -> Vec<Arc<str>> {
    disturbance.faults.iter().filter(|(_, verdict)| which(*verdict)).map(|(name, _)| name.clone()).collect()
}

/// A job in the queue; the one that is due first is the greatest.
pub(super) struct Queued {
    pub(super) due: Instant,
    pub(super) job: Job,
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.due, other.job.number).cmp(&(self.due, self.job.number))
    }
}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Queued {}
