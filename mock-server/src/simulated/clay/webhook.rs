//! POST `/v3/sources/webhook/{id}`: a row enters a table.
//!
//! The order of the checks is not publicly documented. It was chosen so that nothing is learnt without the token and
//! nothing is used up by a request that is refused: 401, 413, 422, 403 past the source's life, 402 where that is asked for,
//! 429.

use http::StatusCode;
use tokio::time::Instant;

use super::row::{Kept, Origin};
use super::setup::key;
use super::workspace::Workspace;
use super::{Clay, LARGEST_PAYLOAD, one_effect};
use crate::simulated::clay::settings::WhenExhausted;
use crate::simulated::json::addresses;
use crate::simulated::{Answer, Request, Vendor, own_limit};

/// What Clay's own webhook URLs may carry before the UUID.
const PREFIX: &str = "pull-in-data-from-a-webhook-";

/// Characters up to which auto-dedupe compares a cell. Documented: longer ones, and blank ones, are left alone.
const LONGEST_COMPARED: usize = 200;

/// The body of a success. Not publicly documented; chosen because it is JSON and says what clients look for, if they
/// look at all.
const ACCEPTED: &[u8] = br#"{"success":true}"#;

impl Clay {
    /// The number of the source with this id.
    pub(super) fn source(&self, id: &str) -> Option<usize> {
        let id = id.strip_prefix(PREFIX).unwrap_or(id);
        self.setup.sources.iter().position(|source| source.id.eq_ignore_ascii_case(id))
    }

    pub(super) fn submit(&self, source: usize, request: &Request<'_>, now: Instant) -> Answer {
        if !self.token_is_right(request.headers, source) {
            return self.error(StatusCode::UNAUTHORIZED, "invalid webhook token");
        }
        if request.body.len() > LARGEST_PAYLOAD {
            return self.error(StatusCode::PAYLOAD_TOO_LARGE, "payload is over 100 KB").refused_by(&own_limit::SIZE);
        }
        let Some(lead) = self.setup.lead(request.body) else {
            return self.error(StatusCode::UNPROCESSABLE_ENTITY, "the body must be a JSON object");
        };
        let callback = self.setup.callback_url(&lead, source);
        let is_awaited = callback.is_some();
        let outcome = self.setup.waterfall.outcome(key(&lead, request.body));
        let credits = outcome.credits;
        let row = Kept { origin: Origin::Source(source), at: now, outcome, end: None, callback, body: request.body.into() };
        let dedupe = lead.dedupe.as_deref().filter(|value| !value.is_empty() && value.chars().nth(LONGEST_COMPARED).is_none());
        match self.with_workspace(now, |workspace| self.take_row(workspace, source, row, dedupe, now)) {
            Taken::Added => {}
            Taken::Duplicate => return Answer::json(StatusCode::OK, ACCEPTED),
            Taken::Refused(refusal) => return refusal,
        }
        if is_awaited {
            self.deliveries.changed.notify_one();
        }
        let subject = lead.subject().map(|subject| subject.to_string()).unwrap_or_default();
        let id = lead.id.map(|id| id.into_owned());
        let names = id.clone().into_iter().chain(addresses(std::str::from_utf8(request.body).unwrap_or_default()));
        let row = one_effect("row.added", subject, id, credits).named(names);
        Answer { effects: vec![row], ..Answer::json(StatusCode::OK, ACCEPTED) }
    }

    /// Adds the row, or returns why not. `dedupe` is its value in the column that must be unique in the table.
    fn take_row(&self, workspace: &mut Workspace, source: usize, row: Kept, dedupe: Option<&str>, now: Instant) -> Taken {
        if workspace.used.get(source).is_none_or(|used| *used >= self.setup.settings.webhook_submissions) {
            // Reported by one party; another saw submissions vanish silently. The loud one was chosen because a simulator
            // that loses leads in silence proves nothing.
            let refusal = self.error(StatusCode::FORBIDDEN, "the webhook source has reached its submission limit");
            return Taken::Refused(refusal.refused_by(&own_limit::SUBMISSIONS));
        }
        let refuses = self.setup.settings.credits.when_exhausted == WhenExhausted::Refuse;
        if refuses && !workspace.account.covers(self.setup.waterfall.cheapest(), now) {
            let refusal = self.error(StatusCode::PAYMENT_REQUIRED, "credits exhausted");
            return Taken::Refused(refusal.refused_by(&own_limit::CREDITS));
        }
        let since = now.saturating_duration_since(workspace.start);
        if let Some(Err(wait)) = workspace.limit.as_mut().map(|limit| limit.take(since)) {
            return Taken::Refused(self.too_many(wait));
        }
        if let Some(used) = workspace.used.get_mut(source) {
            *used += 1;
        }
        // Clay removes a duplicate once it is in the table, so its submission is used up all the same.
        let column = self.setup.seed.hash("dedupe").part(&source.to_le_bytes());
        if dedupe.is_some_and(|value| !workspace.seen.is_new(column.part(value.as_bytes()).finish(), now)) {
            return Taken::Duplicate;
        }
        workspace.add(row, &self.setup);
        Taken::Added
    }
}

/// What became of a submission.
enum Taken {
    /// It is a row.
    Added,
    /// Its row was there already.
    Duplicate,
    /// It was refused.
    Refused(Answer),
}
