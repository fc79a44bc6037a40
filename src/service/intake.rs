//! `POST /leads`: a lead is answered 202 only when it is durable, and never otherwise.
//!
//! One lead: 202 `accepted`, 200 `duplicate` (the same lead is here already), 422 when its key is
//! that of another lead, 4xx with what is wrong, 503 with Retry-After when there is no room or the store failed. After a 503 for
//! room nothing was kept; after a failure of the store the lead may have been kept, and sent again with the same key it is
//! accepted once.
//!
//! A batch (`application/x-ndjson`) has an answer for each line, in their order, and all leads of it that are right are made
//! durable in one commit. Its status is 202 when a lead was accepted, else 200 when one was known, else that of the first
//! refusal. When the store fails, the whole batch is answered 503. A lead is in it whole or not at all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::body;
use super::lead_form;
use super::metrics::Intake;
use super::refusal::{self, Problem, Refusal};
use super::state::Service;
use crate::resilience::key::is_of_content;
use crate::resilience::{StoreError, lead_key};
use crate::store::{Acceptance, LeadStore, NewLead};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key that a submitter may give a lead, in bytes.
const LONGEST_KEY: usize = 1_024;
/// Seconds after which a client may retry when the queue is full.
pub(super) const FULL_RETRY_AFTER: u32 = 5;
/// Seconds after which a client may retry when the store failed.
pub(super) const STORE_RETRY_AFTER: u32 = 1;

enum Form {
    One,
    Batch,
}

pub(super) async fn leads<S: LeadStore>(State(service): State<Arc<Service<S>>>, request: Request) -> Response {
    let began = Instant::now();
    let answer = submit(&service, request).await.unwrap_or_else(IntoResponse::into_response);
    service.metrics.intake(began.elapsed());
    answer
}

async fn submit<S: LeadStore>(service: &Service<S>, request: Request) -> Result<Response, Refusal> {
    if service.is_closing() {
        service.metrics.leads(Intake::Unavailable, 1);
        let problem = Problem::new("the service is shutting down").help("send the lead to another replica, or again later");
        return Err(Refusal::unavailable(problem, FULL_RETRY_AFTER).closing());
    }
    let (head, body) = request.into_parts();
    let form = form(&head.headers)?;
    let key = given_key(&head.headers)?;
    let body = body::read(&head.headers, body, &service.limits)
        .await
        .and_then(|body| body::decoded(&head.headers, body, &service.limits));
    let body = body.inspect_err(|_| service.metrics.leads(Intake::Refused, 1))?;
    match form {
        Form::One => one(service, &body, key).await,
        Form::Batch if key.is_some() => {
            let problem = Problem::of("Idempotency-Key", "a key is of one lead, and this is a batch");
            Err(Refusal::new(StatusCode::BAD_REQUEST, problem.help("leave the header out: each line is known by its content")))
        }
        Form::Batch => batch(service, &body).await,
    }
}

async fn one<S: LeadStore>(service: &Service<S>, body: &[u8], key: Option<&str>) -> Result<Response, Refusal> {
    let lead = lead_form::read(body, key).inspect_err(|_| service.metrics.leads(Intake::Refused, 1))?;
    let id = lead.key.clone();
    let content = lead_key(&lead.user, &lead.data);
    let mut accepted = Acceptance::Known;
    // A lead that was forgotten before it could be compared is settled, and unknown when it is submitted once more.
    for _ in 0..2 {
        let leads = vec![lead.clone()];
        let answers = accept(service, leads).await.inspect_err(|_| service.metrics.leads(Intake::Unavailable, 1))?;
        accepted = answers.first().copied().unwrap_or(Acceptance::Full);
        if accepted != Acceptance::Known || is_kept(service, &id, &content).await? {
            break;
        }
    }
    match accepted {
        Acceptance::New => {
            service.metrics.leads(Intake::Accepted, 1);
            Ok(answer(StatusCode::ACCEPTED, &id, "accepted"))
        }
        Acceptance::Known => {
            service.metrics.leads(Intake::Duplicate, 1);
            Ok(answer(StatusCode::OK, &id, "duplicate"))
        }
        Acceptance::Full => {
            service.metrics.leads(Intake::Unavailable, 1);
            Err(Refusal::unavailable(full(), FULL_RETRY_AFTER))
        }
    }
}

/// Whether the lead of this key is kept with this content. Another lead under the key is refused: as a duplicate, its submitter
/// would believe that it was kept.
async fn is_kept<S: LeadStore>(service: &Service<S>, id: &str, content: &str) -> Result<bool, Refusal> {
    let kept = service.store.lead(id).await.map_err(|error| {
        service.metrics.leads(Intake::Unavailable, 1);
        store_failed(service, &error)
    })?;
    if kept.as_ref().is_none_or(|kept| lead_key(&kept.user, &kept.data) == content) {
        return Ok(kept.is_some());
    }
    service.metrics.leads(Intake::Refused, 1);
    let problem = Problem::of("Idempotency-Key", "another lead was accepted under this key; this one was not taken");
    Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, problem.help("give each lead a key of its own")))
}

/// The answer to one lead. Its id is hexadecimal and its status a word, so nothing needs escaping.
fn answer(status: StatusCode, id: &str, word: &'static str) -> Response {
    let mut response = Response::new(axum::body::Body::from(format!(r#"{{"id":"{id}","status":"{word}"}}"#)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A line of a batch: the lead that it holds, or its refusal.
struct Line {
    number: usize,
    outcome: Result<String, Refusal>,
}

async fn batch<S: LeadStore>(service: &Service<S>, body: &[u8]) -> Result<Response, Refusal> {
    let mut lines = Vec::new();
    let mut leads = Vec::new();
    for (index, text) in body.split(|byte| *byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        if lines.len() >= service.limits.batch_leads {
            service.metrics.leads(Intake::Refused, lines.len() as u64);
            let problem = Problem::new(format!("a batch holds at most {} leads; none was taken", service.limits.batch_leads));
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, problem.help("split it")));
        }
        let outcome = lead_form::read(text, None).map(|lead| {
            let id = lead.key.clone();
            leads.push(lead);
            id
        });
        lines.push(Line { number: index + 1, outcome });
    }
    if lines.is_empty() {
        let problem = Problem::new("the batch is empty").help("send one lead a line");
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, problem));
    }
    let submitted = leads.len() as u64;
    let accepted = if leads.is_empty() {
        Vec::new()
    } else {
        accept(service, leads).await.inspect_err(|_| service.metrics.leads(Intake::Unavailable, submitted))?
    };
    Ok(batch_answer(service, lines, &accepted))
}

fn batch_answer<S: LeadStore>(service: &Service<S>, lines: Vec<Line>, accepted: &[Acceptance]) -> Response {
    let mut accepted = accepted.iter();
    let mut counts = [0_u64; 4];
    let mut first_refusal = None;
    let mut text = String::new();
    for Line { number, outcome } in lines {
        let (which, line) = match outcome {
            Ok(id) => {
                let (which, status) = match accepted.next() {
                    Some(Acceptance::New) => (Intake::Accepted, "accepted"),
                    Some(Acceptance::Known) => (Intake::Duplicate, "duplicate"),
                    Some(Acceptance::Full) | None => (Intake::Unavailable, "full"),
                };
                (which, json!({ "line": number, "id": id, "status": status }))
            }
            Err(refusal) => {
                first_refusal.get_or_insert(refusal.status);
                (Intake::Refused, refused(number, refusal))
            }
        };
        counts[which as usize] += 1;
        text.push_str(&line.to_string());
        text.push('\n');
    }
    for which in [Intake::Accepted, Intake::Duplicate, Intake::Refused, Intake::Unavailable] {
        service.metrics.leads(which, counts[which as usize]);
    }
    let [new, known, _, full] = counts;
    let status = match first_refusal {
        _ if new > 0 => StatusCode::ACCEPTED,
        _ if known > 0 => StatusCode::OK,
        _ if full > 0 => StatusCode::SERVICE_UNAVAILABLE,
        Some(status) => status,
        None => StatusCode::OK,
    };
    let mut response = (status, [(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))], text).into_response();
    if full > 0 {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(FULL_RETRY_AFTER));
    }
    response
}

/// A refused line, with line numbers of the batch.
fn refused(number: usize, mut refusal: Refusal) -> Value {
    for problem in &mut refusal.errors {
        problem.line = problem.line.map(|line| line - 1 + number);
    }
    json!({ "line": number, "status": "refused", "errors": refusal.errors })
}

/// Makes leads durable, and wakes the workers.
async fn accept<S: LeadStore>(service: &Service<S>, leads: Vec<NewLead>) -> Result<Vec<Acceptance>, Refusal> {
    let accepted = service.store.accept(leads, service.now()).await.map_err(|error| store_failed(service, &error))?;
    if accepted.contains(&Acceptance::New) {
        service.wake();
    }
    Ok(accepted)
}

fn full() -> Problem {
    Problem::new("the queue is full; the lead was not taken").help("send it again when the vendors have caught up")
}

/// 503 for a store that failed. The cause is for the operator, in the log and in `/health/ready`; only what must be mended
/// before anything is acknowledged again is said to everybody.
pub(super) fn store_failed<S: LeadStore>(service: &Service<S>, error: &StoreError) -> Refusal {
    service.store_faults.note("a request was refused", error);
    service.store_check.doubt();
    let why = service.store.refusal().unwrap_or_else(|| "the store failed".to_owned());
    let problem = Problem::new(format!("{why}; it was not acknowledged")).help("send it again with the same key");
    Refusal::unavailable(problem, STORE_RETRY_AFTER)
}

fn form(headers: &HeaderMap) -> Result<Form, Refusal> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (media_type, parameters) = given.split_once(';').unwrap_or((given, ""));
    let charset = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
    let mut charset = charset.filter(|(name, _)| name.eq_ignore_ascii_case("charset")).map(|(_, value)| value.trim_matches('"'));
    let form = match media_type.trim().to_ascii_lowercase().as_str() {
        "application/json" => Form::One,
        "application/x-ndjson" => Form::Batch,
        other => {
            let said = if other.is_empty() {
                "there is no content type".to_owned()
            } else {
                format!("`{}` is not taken", other.escape_debug())
            };
            let problem =
                Problem::of("Content-Type", said).help("send application/json for one lead, application/x-ndjson for many");
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
        }
    };
    if let Some(other) = charset.find(|value| !value.eq_ignore_ascii_case("utf-8")) {
        let problem = Problem::of("Content-Type", format!("charset `{}` is not taken", other.escape_debug())).help("send UTF-8");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
    }
    Ok(form)
}

fn given_key(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let refuse = |message: &str| {
        let problem = Problem::of("Idempotency-Key", message).help("give one key of 1 to 1024 visible ASCII characters, or none");
        Err(Refusal::new(StatusCode::BAD_REQUEST, problem))
    };
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return refuse("there are several keys");
    }
    match key.to_str() {
        Ok(key) if is_of_content(key) => refuse("keys of this form are made by the service, of a lead's content"),
        Ok(key) if !key.is_empty() && key.len() <= LONGEST_KEY => Ok(Some(key)),
        _ => refuse("this is not a key"),
    }
}

/// 404 and 405 in the service's form.
pub(super) async fn nothing_here() -> Refusal {
    let problem = Problem::new("there is nothing here").help("leads are taken at POST /leads");
    Refusal::new(StatusCode::NOT_FOUND, problem)
}

pub(super) async fn not_this_way() -> Refusal {
    refusal::Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Problem::new("this path does not take this method"))
}
