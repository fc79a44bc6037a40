//! The public API, version 0, as its OpenAPI document has it.
//!
//! Every answer to a request with the right key reports the rate limit where there is one. The order of the checks is not publicly documented: 401
//! first, so that nothing is learnt without a key, then 429, then what is wrong with the request.

mod results;
mod run;
mod run_request;

use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

pub(super) use run_request::first_subject;

use super::Clay;
use super::path::Path;
use crate::simulated::{Answer, Request, Vendor};

impl Clay {
    /// Answers a request to the public API.
    pub(super) fn api(&self, path: Path<'_>, request: &Request<'_>, now: Instant) -> Answer {
        if !self.key_is_right(request.headers) {
            return self.error(StatusCode::UNAUTHORIZED, "Authentication failed");
        }
        let taken = self.with_workspace(now, |workspace| {
            let since = now.saturating_duration_since(workspace.start);
            workspace.api_limit.as_mut().map(|limit| (limit.bucket.take(since), limit.clone(), since))
        });
        let mut answer = match (&taken, path) {
            (Some((Err(wait), ..)), _) => self.too_many(*wait),
            (_, Path::Run(routine)) => self.run(routine, request, now),
            (_, Path::Results(run)) => self.results(run, request.query, now),
            _ => self.me(),
        };
        if let Some((_, limit, since)) = taken {
            limit.report(since, &mut answer.headers);
        }
        answer
    }

    /// GET `/public/v0/me`: whose key it is.
    fn me(&self) -> Answer {
        let api = &self.setup.settings.public_api;
        let body = json!({
            "user": { "id": api.user_id, "name": api.user_name },
            "workspace": { "id": api.workspace_id },
        });
        Answer::json(StatusCode::OK, body.to_string())
    }
}
