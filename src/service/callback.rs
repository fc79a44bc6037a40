//! `POST /callbacks/clay`: an enriched row comes back.
//!
//! Clay delivers a callback once or twice, late or never, and anyone can post to a public address. So the signature over the
//! raw body is checked before the body is looked at; the enrichment, and the operation that sends it to Customer.io, are durable
//! in one commit before the answer; and a repetition changes nothing.
//!
//! The row carries the key of its lead and the key of the operation that made it, in the fields that the service wrote into it
//! (`plimsoll_lead`, `idempotency_key`), at the top of the body or in its object `submitted`. What was found is the object
//! `enriched`; a body without one is itself what was found. Where its field `credits` says what the row cost, the budget learns of it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, Mac};
use http::{HeaderMap, StatusCode};
use mock_server::json::{Fields, Json, fields_of, text_of};
use serde_json::json;
use sha2::Sha256;

use super::intake::store_failed;
use super::leads::no_such_lead;
use super::metrics::Callback;
use super::refusal::{Problem, Refusal, json as in_json};
use super::state::Service;
use super::{body, strict_json};
use crate::config::Secret;
use crate::outcome::Vendor;
use crate::resilience::{OperationKind, Source};
use crate::store::{Enrichment, LeadStore, Recorded};
use crate::text::unhex;
use crate::vendor_api::{ENRICHED_BY, IDEMPOTENCY_KEY_FIELD, LEAD_FIELD, RESERVED_FIELDS, finding, lead_operations};

const SIGNATURE: &str = "x-clay-signature";

pub(super) async fn clay<S: LeadStore>(State(service): State<Arc<Service<S>>>, request: Request) -> Response {
    let (outcome, answer) = match take(&service, request).await {
        Ok(outcome) => (outcome, in_json(StatusCode::OK, &json!({ "status": word(outcome) }))),
        Err((outcome, refusal)) => (outcome, refusal.into_response()),
    };
    service.metrics.callback(outcome);
    answer
}

fn word(outcome: Callback) -> &'static str {
    match outcome {
        Callback::Recorded => "recorded",
        Callback::Repeated => "repeated",
        _ => "nothing found",
    }
}

type Refused = (Callback, Refusal);

async fn take<S: LeadStore>(service: &Service<S>, request: Request) -> Result<Callback, Refused> {
    let (head, body) = request.into_parts();
    let body = body::read(&head.headers, body, &service.limits).await.map_err(|refusal| (Callback::Refused, refusal))?;
    check_signature(service.callback_secret.as_ref(), &head.headers, &body)
        .map_err(|refusal| (Callback::BadSignature, refusal))?;
    let text = body::decoded(&head.headers, body, &service.limits).map_err(|refusal| (Callback::Refused, refusal))?;
    let body = strict_json::read(&text).map_err(|refusal| (Callback::Refused, refusal))?;
    let row = body.fields().ok_or_else(|| refused(Problem::new("a callback is an object").at(1, 1)))?;
    let lead = &written(&row, LEAD_FIELD).ok_or_else(|| {
        refused(
            Problem::of(LEAD_FIELD, format!("no `{LEAD_FIELD}` in the row"))
                .help("let Clay send the row's columns back as they came"),
        )
    })?;
    let unknown = || (Callback::UnknownLead, no_such_lead());
    let unavailable = |error| (Callback::Unavailable, store_failed(service, &error));
    let record = service.store.lead(lead).await.map_err(unavailable)?.ok_or_else(unknown)?;
    let enrich = lead_operations(lead, &record.user, &record.data).into_iter().find(|made| made.kind == OperationKind::Enrich);
    if let Some(enrich) = enrich {
        if written(&row, IDEMPOTENCY_KEY_FIELD).is_some_and(|key| key != enrich.key) {
            return Err(unknown());
        }
        if let Some(credits) = cost(&row) {
            service.pipelines[Vendor::Clay].charged(&enrich.key, &text, credits).await;
        }
    }
    let Some(found) = found(&row) else { return Ok(Callback::NothingFound) };
    let follow_up = vec![finding(lead, &record.user, &found.with(&[(ENRICHED_BY, Source::Vendor.as_str())]))];
    let enrichment = Enrichment { at: service.now(), source: Source::Vendor, data: found };
    match service.store.enrich(lead, enrichment, follow_up).await.map_err(unavailable)? {
        Recorded::New => {
            service.wake();
            Ok(Callback::Recorded)
        }
        Recorded::Repeated => Ok(Callback::Repeated),
        Recorded::UnknownLead => Err(unknown()),
    }
}

fn refused(problem: Problem) -> Refused {
    (Callback::Refused, Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, problem))
}

fn check_signature(secret: Option<&Secret>, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal::new(StatusCode::UNAUTHORIZED, Problem::of("X-Clay-Signature", message)));
    let Some(secret) = secret else { return refuse("no callback is taken: the service knows no signing secret") };
    let Some(given) = headers.get(SIGNATURE) else { return refuse("the signature is missing") };
    let digest = given.to_str().ok().and_then(|text| text.strip_prefix("sha256=")).and_then(unhex::<32>);
    // HMAC takes keys of any length.
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok();
    let matches = mac.zip(digest).is_some_and(|(mut mac, digest)| {
        mac.update(body);
        // In constant time.
        mac.verify_slice(&digest).is_ok()
    });
    if matches { Ok(()) } else { refuse("this is not the signature of this body") }
}

/// A field that the service wrote into the row.
fn written(row: &Fields<'_>, field: &str) -> Option<String> {
    let submitted = || fields_of(row.get("submitted")?)?.get(field).copied();
    row.get(field).copied().or_else(submitted).and_then(text_of)
}

/// What the row cost, in whole credits; `None` where it does not say so.
fn cost(row: &Fields<'_>) -> Option<u64> {
    let credits: f64 = row.get("credits")?.get().trim_matches('"').parse().ok()?;
    (credits >= 0.0).then_some(credits.ceil() as u64)
}

/// What was found out; `None` when nothing was.
fn found(row: &Fields<'_>) -> Option<Json> {
    let mut found = match row.get("enriched") {
        Some(found) => fields_of(found)?,
        None => row.clone(),
    };
    if !row.contains_key("enriched") {
        found.retain(|name, _| !RESERVED_FIELDS.contains(&&**name));
    }
    // What a provider does not know must not wipe out what is known.
    found.retain(|_, value| value.get() != "null");
    (!found.is_empty()).then(|| Json::of(&found))
}
