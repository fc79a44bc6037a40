//! POST `/v3/sources/webhook/{id}`: a row enters a table.
//!
//! The order of the checks is not publicly documented. It was chosen so that nothing is learnt without the token and
//! nothing is used up by a request that is refused: 401, 413, 422, 403 past the source's life, 429.

use std::sync::atomic::Ordering;

use http::StatusCode;
use tokio::time::Instant;

use super::{Clay, LARGEST_PAYLOAD};
use crate::vendor::{Answer, Request, Vendor, json};

/// What Clay's own webhook URLs may carry before the UUID.
const PREFIX: &str = "pull-in-data-from-a-webhook-";

/// The header of the source's optional token.
pub(crate) const TOKEN_HEADER: &str = "x-clay-webhook-auth";

/// The body of a success. Not publicly documented; chosen because it is JSON and says what clients look for, if they
/// look at all.
const ACCEPTED: &[u8] = br#"{"success":true}"#;

impl Clay {
    pub(super) fn owns(&self, id: &str) -> bool {
        id.strip_prefix(PREFIX).unwrap_or(id).eq_ignore_ascii_case(&self.settings.webhook_id)
    }

    pub(super) fn submit(&self, request: &Request<'_>, now: Instant) -> Answer {
        if !self.token_is_right(request) {
            return self.error(StatusCode::UNAUTHORIZED, "invalid webhook token");
        }
        if request.body.len() > LARGEST_PAYLOAD {
            return self.error(StatusCode::PAYLOAD_TOO_LARGE, "payload is over 100 KB");
        }
        if !json::is_object(request.body) {
            return self.error(StatusCode::UNPROCESSABLE_ENTITY, "the body must be a JSON object");
        }
        if self.submissions.load(Ordering::Relaxed) >= self.settings.webhook_submissions {
            return self.worn_out();
        }
        if let Err(wait) = self.limit.take(now) {
            return self.too_many(wait);
        }
        if self.use_submission() { Answer::json(StatusCode::OK, ACCEPTED) } else { self.worn_out() }
    }

    fn token_is_right(&self, request: &Request<'_>) -> bool {
        self.settings
            .webhook_token
            .as_ref()
            .is_none_or(|token| request.headers.get(TOKEN_HEADER).is_some_and(|given| given.as_bytes() == token.as_bytes()))
    }

    fn use_submission(&self) -> bool {
        let more = |used: u64| (used < self.settings.webhook_submissions).then_some(used + 1);
        self.submissions.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// 403: reported by one party; another saw submissions vanish silently. The loud one was chosen because a simulator
    /// that loses leads in silence proves nothing.
    fn worn_out(&self) -> Answer {
        self.error(StatusCode::FORBIDDEN, "the webhook source has reached its submission limit")
    }
}
