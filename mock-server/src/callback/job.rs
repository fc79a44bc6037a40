//! A callback on its way: what is still to be done, and what has been.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};

use super::post;
use super::signature::{sign, sign_badly};
use crate::duration::micros;
use crate::fault::{CallbackFaults, WebhookFault};
use crate::simulated::clay::CallbackSettings;
use crate::simulated::clay::{Attempt, Callback, Delivery, DeliveryStatus};

/// A callback that was judged.
pub(super) struct Job {
    /// Its place in the order in which callbacks came.
    pub(super) number: u64,
    pub(super) faults: CallbackFaults,
    /// It was held back, and may go.
    pub(super) was_held: bool,
    /// Another one has been sent that came later.
    pub(super) was_overtaken: bool,
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
    pub(super) fn new(callback: Callback, faults: CallbackFaults, number: u64, settings: &CallbackSettings) -> Self {
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
            intended: names(&faults, |_| true),
            actual: Vec::new(),
            refused,
        };
        Self {
            number,
            was_held: false,
            was_overtaken: false,
            copies: if faults.has(WebhookFault::Twice) { 2 } else { 1 },
            attempts_left: settings.attempts,
            delivered: false,
            faults,
            callback,
            uri,
            delivery,
        }
    }

    /// Whether nothing is to be sent: the address is refused, or a fault lets it vanish.
    pub(super) fn is_over(&self) -> bool {
        self.uri.is_none() || self.faults.has(WebhookFault::Lost)
    }

    /// Bytes that it takes, but for what all take.
    pub(super) fn bytes(&self) -> usize {
        self.callback.body.len()
    }

    /// What is posted now.
    pub(super) fn request(&self) -> Option<Request<Bytes>> {
        let body = self.callback.body.clone();
        let sign = if self.faults.has(WebhookFault::BadlySigned) { sign_badly } else { sign };
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
        let (lost, was_overtaken) = (self.faults.has(WebhookFault::Lost), self.was_overtaken);
        let has_secret = self.callback.secret.is_some();
        self.delivery.status = match (self.delivery.refused.is_some(), lost, self.delivered) {
            (true, ..) => DeliveryStatus::Refused,
            (_, true, _) => DeliveryStatus::Lost,
            (.., true) => DeliveryStatus::Delivered,
            (.., false) => DeliveryStatus::Failed,
        };
        let is_refused = self.delivery.status == DeliveryStatus::Refused;
        self.delivery.actual = names(&self.faults, |fault| match fault {
            _ if is_refused => false,
            WebhookFault::Lost => true,
            // One that never came was neither late nor double.
            _ if lost => false,
            WebhookFault::OutOfOrder => was_overtaken,
            WebhookFault::BadlySigned => has_secret,
            WebhookFault::Late { .. } | WebhookFault::Twice => true,
        });
        self.delivery
    }
}

fn names(faults: &CallbackFaults, which: impl Fn(WebhookFault) -> bool) -> Vec<Arc<str>> {
    faults.0.iter().filter(|(_, fault)| which(*fault)).map(|(name, _)| name.clone()).collect()
}
