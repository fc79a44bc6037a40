//! The workspace as the admin API reads it.

use std::sync::PoisonError;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::row::run_id;
use super::workspace::{Run, Workspace};
use super::{Clay, LARGEST_PAYLOAD};

/// The parts of the state.
pub(super) const NAMES: &[&str] = &["sources", "rows", "routines", "runs", "credits", "limits", "callbacks"];

/// Rows that are shown, the latest ones: as JSON they take some ten times the memory in which they are kept.
const ROWS_SHOWN: usize = 10_000;

impl Clay {
    pub(super) fn section_at(&self, name: &str, now: Instant) -> Option<Value> {
        let with = |look: &dyn Fn(&mut Workspace) -> Value| self.with_workspace(now, |workspace| look(workspace));
        Some(match name {
            "sources" => with(&|workspace| self.sources(workspace)),
            "rows" => json!(self.latest_rows(now, ROWS_SHOWN)),
            "routines" => self.routines(),
            "runs" => with(&|workspace| workspace.runs().map(|(number, run)| told(number, run)).collect()),
            "credits" => with(&|workspace| self.credits_told(workspace, now)),
            "limits" => with(&|workspace| self.limits(workspace, now)),
            "callbacks" => json!(self.callbacks()),
            _ => return None,
        })
    }

    fn sources(&self, workspace: &Workspace) -> Value {
        let life = self.setup.settings.webhook_submissions;
        let told = |(source, &used): (&super::setup::Source, &u64)| {
            json!({
                "id": source.id,
                "asks_for_token": source.token.is_some(),
                "submissions": used,
                "submissions_left": life.saturating_sub(used),
            })
        };
        self.setup.sources.iter().zip(&workspace.used).map(told).collect()
    }

    fn routines(&self) -> Value {
        let told = |routine: &crate::simulated::clay::settings::Routine| json!({ "id": routine.id, "allowed": routine.allowed });
        self.setup.settings.public_api.routines.iter().map(told).collect()
    }

    fn credits_told(&self, workspace: &mut Workspace, now: Instant) -> Value {
        let state = workspace.account.state(now);
        json!({
            "plan": self.setup.settings.credits.plan,
            "monthly": self.setup.settings.credits.plan.monthly(),
            "balance": state.balance,
            "charged": state.charged,
            "charged_rows": state.charged_rows,
            "unpaid_rows": state.unpaid_rows,
            "unpaid": state.unpaid,
            "renewals": state.renewals,
        })
    }

    fn limits(&self, workspace: &Workspace, now: Instant) -> Value {
        let since = now.saturating_duration_since(workspace.start);
        let settings = &self.setup.settings;
        let also = self.also.read().unwrap_or_else(PoisonError::into_inner).len();
        json!({
            "webhook": settings.rate_limit.map(|(rate, burst)| json!({
                "rate": rate,
                "burst": burst,
                "left": workspace.limit.as_ref().map(|limit| limit.level(since).0),
            })),
            "public_api": settings.public_api.rate_limit.map(|(rate, burst)| json!({
                "rate": rate,
                "burst": burst,
                "left": workspace.api_limit.as_ref().map(|limit| limit.left(since)),
            })),
            "webhook_submissions": settings.webhook_submissions,
            "largest_payload_bytes": LARGEST_PAYLOAD,
            "further_secrets_accepted": also,
            "store_bytes": settings.store_bytes,
            "rows_ever": workspace.rows_ever(),
            "rows_kept": workspace.rows_kept(),
            "rows_shown_at_most": ROWS_SHOWN,
            "rows_forgotten": workspace.forgotten(),
            "rows_enriched_early_to_be_forgotten": workspace.hurried(),
            "callbacks_waiting": workspace.outbox.waiting(),
            "callbacks_given_up": workspace.outbox.given_up(),
            "callbacks_ever": self.deliveries.ever(),
        })
    }
}

fn told(number: u64, run: &Run) -> Value {
    json!({
        "id": run_id(number),
        "routine": run.routine,
        "status": if run.ended.is_some() { "complete" } else { "in_progress" },
        "total": run.total,
        "finished": run.finished,
        "has_webhook": run.webhook.is_some(),
    })
}
