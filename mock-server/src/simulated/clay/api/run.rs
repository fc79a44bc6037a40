//! POST `/public/v0/routines/{id}/run`: a routine is run on up to 100 items.
//!
//! Every item is a row that is enriched like any other. There is no idempotency key: the same request sent twice runs, and is
//! charged, twice.

use std::sync::Arc;

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio::time::Instant;

use super::super::row::{Kept, Origin, run_id};
use super::super::setup::key;
use super::super::{Clay, one_effect};
use super::run_request::{Item, read};
use crate::json::Json;
use crate::simulated::{Answer, Request, Vendor, own_limit};

/// The largest body, in bytes. That there is a 413 is documented, the size is not: 1 MiB lets 100 items have 10 KB each.
pub(in super::super) const LARGEST_RUN: usize = 1024 * 1024;

impl Clay {
    pub(super) fn run(&self, routine: &str, request: &Request<'_>, now: Instant) -> Answer {
        let api = &self.setup.settings.public_api;
        let id = percent_decode_str(routine).decode_utf8_lossy();
        let Some(routine) = api.routines.iter().find(|routine| routine.id == id) else {
            return self.error(StatusCode::NOT_FOUND, "Routine not found");
        };
        if !routine.allowed {
            return self.error(StatusCode::FORBIDDEN, "You do not have access to this routine");
        }
        if request.body.len() > LARGEST_RUN {
            return self.error(StatusCode::PAYLOAD_TOO_LARGE, "Request body is over 1 MiB").refused_by(&own_limit::SIZE);
        }
        let run = match read(request.body) {
            Ok(run) => run,
            Err(problem) => return self.error(StatusCode::BAD_REQUEST, &format!("Validation failed: {problem}")),
        };
        let webhook = match &run.webhook_id {
            None => None,
            Some(id) => match api.webhooks.iter().position(|webhook| webhook.id == *id) {
                Some(number) => Some(number),
                // Not publicly documented; a missing resource is 404 elsewhere.
                None => return self.error(StatusCode::NOT_FOUND, "Webhook not found"),
            },
        };
        match self.begin(&routine.id, run.items, webhook, now) {
            Some((id, credits)) => {
                let body = json!({ "routine_run_id": id, "status": "in_progress" });
                // Named by the run's id, under which its rows can be found.
                Answer {
                    effects: vec![one_effect("routine.run", id, None, credits)],
                    ..Answer::json(StatusCode::ACCEPTED, body.to_string())
                }
            }
            None => self.error(StatusCode::PAYMENT_REQUIRED, "Credits exhausted").refused_by(&own_limit::CREDITS),
        }
    }

    /// Begins a run, with what its items cost together; `None` where not even the cheapest provider can be paid.
    fn begin(&self, routine: &str, items: Vec<Item>, webhook: Option<usize>, now: Instant) -> Option<(String, u32)> {
        let rows: Vec<(Arc<str>, Arc<[u8]>)> =
            items.into_iter().map(|item| (item.id.into(), Json::of(&item.inputs).get().as_bytes().into())).collect();
        let identity =
            rows.iter().fold(self.setup.seed.hash("run"), |hash, (id, body)| hash.part(id.as_bytes()).part(body)).finish();
        let run = self.with_workspace(now, |workspace| {
            if !workspace.account.covers(self.setup.waterfall.cheapest(), now) {
                return None;
            }
            let run = workspace.begin_run(routine, identity, rows.len() as u64, webhook);
            let mut credits = 0_u32;
            for (id, body) in rows {
                let lead = self.setup.lead(&body).unwrap_or_default();
                let outcome = self.setup.waterfall.outcome(key(&lead, &body));
                credits = credits.saturating_add(outcome.credits);
                let origin = Origin::Item { run, id };
                workspace.add(Kept { origin, at: now, outcome, end: None, callback: None, body }, &self.setup);
            }
            Some((run_id(run), credits))
        });
        if webhook.is_some() {
            self.deliveries.changed.notify_one();
        }
        run
    }
}
