//! GET `/public/v0/routines/run/{id}/results`: 202 while a run goes on, then 200 with what came of each item.
//!
//! An item is `complete` also where no provider knew the lead: its `result` then says so with `found: false`. It has `failed`
//! where it could not be paid. How long results can be read is not publicly documented: as long as their rows are kept.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::super::Clay;
use super::super::row::{Kept, Origin, RowStatus, number, run_id};
use super::super::setup::Setup;
use super::super::workspace::{Run, Workspace};
use crate::simulated::{Answer, Vendor};

/// Items a page where the request does not say (documented).
const PAGE: u64 = 20;
/// Items a page at most (documented).
const LARGEST_PAGE: u64 = 100;

/// What part of the items is asked for.
struct Page {
    from: u64,
    limit: u64,
}

impl Clay {
    pub(super) fn results(&self, id: &str, query: Option<&str>, now: Instant) -> Answer {
        let page = match page(query.unwrap_or_default()) {
            Ok(page) => page,
            Err(problem) => return self.error(StatusCode::BAD_REQUEST, &format!("Validation failed: {problem}")),
        };
        let id = percent_decode_str(id).decode_utf8_lossy();
        let found = self.with_workspace(now, |workspace| {
            let number = number(&id, "run_")?;
            let run = workspace.run(number).filter(|run| run_id(number) == id && workspace.is_whole(run))?;
            Some(body_of(&self.setup, workspace, &id, run, &page))
        });
        match found {
            Some((status, body)) => Answer::json(status, body.to_string()),
            None => self.error(StatusCode::NOT_FOUND, "Routine run not found"),
        }
    }
}

fn body_of(setup: &Setup, workspace: &Workspace, id: &str, run: &Run, page: &Page) -> (StatusCode, Value) {
    let mut body = json!({ "routine_run_id": id, "total": run.total, "finished": run.finished });
    if run.ended.is_none() {
        body["status"] = "in_progress".into();
        return (StatusCode::ACCEPTED, body);
    }
    let end = page.from.saturating_add(page.limit).min(run.total);
    let rows = (page.from..end).map(|item| run.first_row + item);
    body["status"] = "complete".into();
    body["data"] = rows.filter_map(|number| Some(item(setup, number, workspace.row(number)?))).collect();
    if end < run.total {
        body["cursor"] = end.to_string().into();
    }
    (StatusCode::OK, body)
}

fn item(setup: &Setup, number: u64, row: &Kept) -> Value {
    let id = if let Origin::Item { id, .. } = &row.origin { id.as_ref() } else { "" };
    let view = setup.view(number, row, row.end.unwrap_or(RowStatus::Enriching));
    if view.status == RowStatus::OutOfCredits {
        return json!({ "id": id, "status": "failed", "error": { "message": "Credits exhausted" } });
    }
    let mut result = Map::from_iter([("found".to_owned(), Value::from(view.enriched.is_some()))]);
    if let Ok(Value::Object(profile)) = serde_json::to_value(&view.enriched) {
        result.extend(profile);
    }
    result.extend(view.provider.map(|provider| ("provider".to_owned(), Value::from(provider))));
    json!({ "id": id, "status": "complete", "result": result })
}

fn page(query: &str) -> Result<Page, String> {
    let mut page = Page { from: 0, limit: PAGE };
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "limit" => {
                page.limit = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=LARGEST_PAGE).contains(limit))
                    .ok_or_else(|| format!("limit: `{value}` was given, a number from 1 to {LARGEST_PAGE} is allowed"))?;
            }
            "cursor" => page.from = value.parse().map_err(|_| format!("cursor: `{value}` is none that was given"))?,
            _ => {}
        }
    }
    Ok(page)
}
