//! The client that submits the leads: it keeps a journal, and submits again what got no answer.
//!
//! A lead without an answer is submitted again under the same key in the service's next life, or it is left as it is. Real clients
//! do both, and the audit must be right about both.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Request, Uri};
use http_body_util::Full;
use parking_lot::Mutex;
use rand::RngCore;
use serde_json::json;
use tokio::time::sleep;

use crate::clock::LoadClock;
use crate::journal::{Answered, DriverEntry, JournalSender};
use crate::journey::{not_taken, of_answer};
use crate::seed::Seed;
use crate::transport::{Body, HttpClient, SendError};
use crate::units::micros;
use crate::vendor_api::LONGEST_ANSWER_KEPT;

/// Longest wait for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Leads submitted at once.
pub(super) const CLIENTS: u32 = 6;
/// Leads that a life begins with at full speed.
const AT_FULL_SPEED: u64 = 120;
/// A client's pause between two leads at full speed, and after that.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(100)];
/// Of so many leads, one is of a user that has others.
const SHARED: u64 = 5;
/// So many users have several leads.
const SHARED_USERS: u64 = 7;
/// Of so many leads without an answer, one is left as it is.
const LEFT: u64 = 4;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The submitter.
pub(super) struct Driver {
    client: HttpClient,
    leads: Uri,
    authorization: Option<HeaderValue>,
    journal: JournalSender<DriverEntry>,
    clock: LoadClock,
    seed: Seed,
    shares_users: bool,
    next: AtomicU64,
    acknowledged: AtomicU64,
    /// Leads that got no answer, to be submitted again.
    unanswered: Mutex<VecDeque<u64>>,
}

impl Driver {
    /// Where `shares_users`, some users have several leads. Which of these an effect is of, a service must say by the key that
    /// it forwards; one that forwards none is audited by its users, so each of its leads has one of its own.
    pub(super) fn new(
        client: HttpClient,
        leads: Uri,
        authorization: Option<HeaderValue>,
        journal: JournalSender<DriverEntry>,
        seed: Seed,
        shares_users: bool,
    ) -> Self {
        Self {
            client,
            leads,
            authorization,
            journal,
            clock: LoadClock::start(),
            seed,
            shares_users,
            next: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            unanswered: Mutex::default(),
        }
    }

    /// Submissions that were acknowledged so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Submits leads for as long as it is polled, or until the service is gone.
    pub(super) async fn load(&self) {
        let of_life = AtomicU64::new(0);
        let client = || async {
            loop {
                let number = self.again().unwrap_or_else(|| self.next.fetch_add(1, Ordering::Relaxed));
                if !self.submit(number).await {
                    return;
                }
                sleep(PAUSES[usize::from(of_life.fetch_add(1, Ordering::Relaxed) >= AT_FULL_SPEED)]).await;
            }
        };
        futures_util::future::join_all((0..CLIENTS).map(|_| client())).await;
    }

    /// Submits what has had no answer, all but what is left as it is. Gives how many still have none.
    pub(super) async fn ask_again(&self) -> usize {
        while let Some(number) = self.again() {
            if !self.submit(number).await {
                break;
            }
        }
        self.unanswered.lock().len()
    }

    fn again(&self) -> Option<u64> {
        self.unanswered.lock().pop_front()
    }

    /// Submits one lead; false when there is no service.
    async fn submit(&self, number: u64) -> bool {
        let (key, user) = (self.key(number), self.user(number));
        let Some(request) = self.request(number, &key, &user) else { return false };
        self.journal.write(DriverEntry::Submitted { key: key.clone(), user, what: "lead".to_owned(), at_us: self.now_us() });
        let answer = self.client.send(request, ANSWER_WITHIN, Body::Keep(LONGEST_ANSWER_KEPT)).await;
        let failure = match &answer {
            Ok(answer) => not_taken(answer),
            Err(error) => Some(error.kind()),
        };
        let said = of_answer(answer.as_ref().ok().map(|answer| answer.status), failure);
        self.journal.write(DriverEntry::Answered { key, at_us: self.now_us(), answer: said });
        match said {
            Answered::Acknowledged | Answered::Duplicate => drop(self.acknowledged.fetch_add(1, Ordering::Relaxed)),
            Answered::Refused { .. } | Answered::Unknown => {
                if !number.is_multiple_of(LEFT) {
                    self.unanswered.lock().push_back(number);
                }
            }
        }
        !matches!(answer, Err(SendError::Refused | SendError::Lost))
    }

    fn request(&self, number: u64, key: &str, user: &str) -> Option<Request<Full<Bytes>>> {
        let data = json!({ "email": user, "company": format!("Company {number}"), "number": number });
        let body = Bytes::from(json!({ "user": user, "data": data }).to_string());
        let mut request = Request::post(self.leads.clone()).body(Full::new(body)).ok()?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key).ok()?);
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Some(request)
    }

    /// 64 hex digits, the same for the same seed and number.
    fn key(&self, number: u64) -> String {
        let mut rng = self.seed.numbered_stream("leads", number);
        (0..4).map(|_| format!("{:016x}", rng.next_u64())).collect()
    }

    fn user(&self, number: u64) -> String {
        if self.shares_users && number.is_multiple_of(SHARED) {
            format!("shared-{}@kill.test", number / SHARED % SHARED_USERS)
        } else {
            format!("lead-{number}@kill.test")
        }
    }

    fn now_us(&self) -> u64 {
        micros(self.clock.now())
    }
}
