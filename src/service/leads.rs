//! `GET /leads/{id}`, `GET /leads` and `GET /places`: where leads are, and their history.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::intake::store_failed;
use super::lead_form::key_of;
use super::refusal::{Problem, Refusal, json as in_json};
use super::state::Service;
use crate::journal::RestingEntry;
use crate::outcome::RestingState;
use crate::store::{LeadRecord, LeadStore};

/// Leads read from the store at a time.
const PAGE: usize = 500;

/// PageQuery leads are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// Only leads after this key.
    after: Option<String>,
    /// At most this many leads; all when left out.
    limit: Option<usize>,
}

pub(super) async fn one<S: LeadStore>(
    State(service): State<Arc<Service<S>>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    match service.store.lead(&key_of(&id)).await.map_err(|error| store_failed(&service, &error))? {
        Some(record) => Ok(in_json(StatusCode::OK, &view(&record))),
        None => Err(no_such_lead()),
    }
}

pub(super) fn no_such_lead() -> Refusal {
    let problem = Problem::new("there is no such lead").help("it was never acknowledged here, or is settled and forgotten");
    Refusal::new(StatusCode::NOT_FOUND, problem)
}

pub(super) async fn list<S: LeadStore>(State(service): State<Arc<Service<S>>>, Query(which): Query<PageQuery>) -> Response {
    lines(service, which, |record, text| push(text, &view(record)))
}

pub(super) async fn places<S: LeadStore>(State(service): State<Arc<Service<S>>>, Query(which): Query<PageQuery>) -> Response {
    lines(service, which, |record, text| resting_entries(record).iter().for_each(|entry| push(text, entry)))
}

/// A lead as it is shown: its record, with its id and one word on the whole.
#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    status: Option<RestingState>,
    #[serde(flatten)]
    record: &'a LeadRecord,
}

fn view(record: &LeadRecord) -> View<'_> {
    View { id: &record.key, status: status(record), record }
}

/// The state of the operation that is furthest from its end; `None` where one cannot be read.
fn status(record: &LeadRecord) -> Option<RestingState> {
    if record.unreadable > 0 {
        return None;
    }
    let worst = [
        RestingState::Queued,
        RestingState::DeadLettered,
        RestingState::Rejected,
        RestingState::Degraded,
        RestingState::Delivered,
    ];
    worst.into_iter().find(|place| record.operations.iter().any(|operation| operation.place == *place))
}

/// Where each operation of a lead is.
pub fn resting_entries(record: &LeadRecord) -> Vec<RestingEntry> {
    let entry = |operation: &crate::store::OperationRecord| RestingEntry {
        key: operation.key.clone(),
        lead: record.key.clone(),
        user: record.user.clone(),
        operation: operation.kind.as_str().to_owned(),
        place: operation.place,
        // The attempt that succeeded is not among the failed ones.
        attempts: operation.attempts.len() as u32 + u32::from(operation.place == RestingState::Delivered),
        redrives: operation.redrives,
    };
    record.operations.iter().map(entry).collect()
}

fn push(text: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Writing numbers and texts into memory does not fail.
    let _ = serde_json::to_writer(&mut *text, value);
    text.push(b'\n');
}

/// Lines of JSON, read page by page as the client reads them. If the store fails midway, the connection is cut off, so that a partial
/// list does not look complete.
fn lines<S: LeadStore>(service: Arc<Service<S>>, which: PageQuery, write: fn(&LeadRecord, &mut Vec<u8>)) -> Response {
    let start = Some((service, which.after, which.limit.unwrap_or(usize::MAX)));
    let pages = stream::try_unfold(start, move |state| async move {
        let Some((service, after, left)) = state else { return Ok(None) };
        let asked = left.min(PAGE);
        let page = service
            .store
            .leads(after.as_deref(), asked)
            .await
            .inspect_err(|error| service.store_faults.note("leads are not listed to their end", error))?;
        let mut text = Vec::new();
        page.iter().for_each(|record| write(record, &mut text));
        let next = page.last().map(|last| last.key.clone());
        let more = next.filter(|_| page.len() == asked && left > asked);
        let state = more.map(|key| (service, Some(key), left - asked));
        Ok::<_, crate::resilience::StoreError>(Some((Bytes::from(text), state)))
    });
    ndjson(Body::from_stream(pages))
}

/// An answer of lines.
pub(super) fn ndjson(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}

/// What `GET /events` asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// Skip this many events.
    #[serde(default)]
    after: u64,
    /// Also stream events to come: `1` or `true`.
    follow: Option<String>,
}

pub(super) async fn events<S: LeadStore>(State(service): State<Arc<Service<S>>>, Query(what): Query<EventsQuery>) -> Response {
    let follow = matches!(what.follow.as_deref(), Some("1" | "true" | ""));
    let forgotten = service.events.forgotten();
    let events = Arc::clone(&service.events).read(what.after, follow);
    let mut response = ndjson(Body::from_stream(events));
    response.headers_mut().insert("x-events-forgotten", HeaderValue::from(forgotten));
    response
}
