//! The workspace as the admin API reads it.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::row::run_id;
use super::workspace::{Run, Workspace};
use super::{Clay, LARGEST_PAYLOAD};
use crate::json::Json;
use crate::limit::RateLimit;

/// Rows that are shown, the latest ones: as JSON they take some ten times the memory in which they are kept.
const ROWS_SHOWN: usize = 10_000;

impl Clay {
    pub(super) fn section_at(&self, name: &str, now: Instant) -> Option<Json> {
        let with = |look: &dyn Fn(&mut Workspace) -> Value| Json::from(self.with_workspace(now, |workspace| look(workspace)));
        Some(match name {
            "sources" => with(&|workspace| self.sources(workspace)),
            "rows" => Json::of(&self.latest_rows(now, ROWS_SHOWN)),
            "routines" => Json::of(&self.setup.settings.public_api.routines),
            "runs" => with(&|workspace| workspace.runs().map(|(number, run)| view(number, run)).collect()),
            "credits" => with(&|workspace| self.credits_view(workspace, now)),
            "limits" => with(&|workspace| self.limits(workspace, now)),
            "callbacks" => Json::of(&self.callbacks()),
            _ => return None,
        })
    }

    fn sources(&self, workspace: &Workspace) -> Value {
        let life = self.setup.settings.webhook_submissions;
        let view = |(source, &used): (&super::setup::Source, &u64)| {
            json!({
                "id": source.id,
                "asks_for_token": source.token.is_some(),
                "submissions": used,
                "submissions_left": life.saturating_sub(used),
            })
        };
        self.setup.sources.iter().zip(&workspace.used).map(view).collect()
    }

    fn credits_view(&self, workspace: &mut Workspace, now: Instant) -> Value {
        let state = workspace.account.state(now);
        let mut view = json!(state);
        view["plan"] = json!(self.setup.settings.credits.plan);
        view["monthly"] = json!(self.setup.settings.credits.plan.monthly());
        view
    }

    fn limits(&self, workspace: &Workspace, now: Instant) -> Value {
        let since = now.saturating_duration_since(workspace.start);
        let settings = &self.setup.settings;
        json!({
            "webhook": settings.rate_limit.map(|RateLimit { rate, burst }| json!({
                "rate": rate,
                "burst": burst,
                "left": workspace.limit.as_ref().map(|limit| limit.level(since).0),
            })),
            "public_api": settings.public_api.rate_limit.map(|RateLimit { rate, burst }| json!({
                "rate": rate,
                "burst": burst,
                "left": workspace.api_limit.as_ref().map(|limit| limit.bucket.level(since).0),
            })),
            "webhook_submissions": settings.webhook_submissions,
            "largest_payload_bytes": LARGEST_PAYLOAD,
            "further_secrets_accepted": self.further_keys.len(),
            "store_bytes": settings.store_bytes,
            "rows_ever": workspace.rows_ever(),
            "rows_kept": workspace.rows_kept(),
            "rows_shown_at_most": ROWS_SHOWN,
            "rows_forgotten": workspace.forgotten(),
            "rows_enriched_early_to_be_forgotten": workspace.hurried,
            "callbacks_waiting": workspace.outbox.waiting.len(),
            "callbacks_given_up": workspace.outbox.given_up,
            "callbacks_ever": self.deliveries.ever(),
        })
    }
}

fn view(number: u64, run: &Run) -> Value {
    json!({
        "id": run_id(number),
        "routine": run.routine,
        "status": if run.ended.is_some() { "complete" } else { "in_progress" },
        "total": run.total,
        "finished": run.finished,
        "has_webhook": run.webhook.is_some(),
    })
}
