//! What does not change while a workspace lives: its settings in the form in which they are used, and what follows from them.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::callback::Callback;
use super::enrich::Waterfall;
use super::lead::{Lead, NamedFields};
use super::profile::Profile;
use super::row::{Kept, Origin, Row, RowStatus, row_id, run_id};
use super::settings::ClaySettings;
use super::workspace::{Notices, Run};
use crate::clock::{DayClock, iso_8601};
use crate::secret::Secret;
use crate::seed::Seed;

/// A workspace's settings.
pub(super) struct Setup {
    pub(super) settings: ClaySettings,
    pub(super) seed: Seed,
    clock: DayClock,
    pub(super) sources: Vec<Source>,
    pub(super) waterfall: Waterfall,
}

/// A webhook source.
pub(super) struct Source {
    pub(super) id: String,
    pub(super) token: Option<Secret>,
    callback_url: Option<Arc<str>>,
}

/// The longest address of its own that a row may name, in bytes. Longer ones are none that a server would take.
const LONGEST_URL: usize = 2_048;

impl Setup {
    pub(super) fn new(settings: ClaySettings, seed: Seed, clock: DayClock) -> Self {
        let shared: Option<Arc<str>> = settings.callbacks.url.as_deref().map(Arc::from);
        let source = |source: crate::simulated::clay::settings::WebhookSource| Source {
            id: source.id,
            token: source.token,
            callback_url: source.callback_url.as_deref().map(Arc::from).or_else(|| shared.clone()),
        };
        let sources = settings.all_sources().into_iter().map(source).collect();
        let waterfall = Waterfall::new(settings.enrichment.clone(), seed);
        Self { settings, seed, clock, sources, waterfall }
    }

    /// Reads a lead from what was submitted.
    pub(super) fn lead<'a>(&self, body: &'a [u8]) -> Option<Lead<'a>> {
        let url = self.settings.callbacks.url_field.as_deref();
        Lead::read(body, NamedFields { url, dedupe: self.settings.auto_dedupe.as_deref() })
    }

    /// Where the result of a lead goes that came by this source.
    pub(super) fn callback_url(&self, lead: &Lead<'_>, source: usize) -> Option<Arc<str>> {
        let own = lead.callback_url.as_deref().filter(|url| !url.is_empty() && url.len() <= LONGEST_URL);
        own.map(Arc::from).or_else(|| self.sources.get(source)?.callback_url.clone())
    }

    /// What there is to know of a row.
    pub(super) fn view(&self, number: u64, row: &Kept, status: RowStatus) -> Row {
        let lead = self.lead(&row.body).unwrap_or_default();
        let (source, item) = match &row.origin {
            Origin::Source(source) => (self.sources.get(*source).map(|source| source.id.clone()), None),
            Origin::Item { run, id } => (None, Some((run_id(*run), id.to_string()))),
        };
        let found = (status == RowStatus::Enriched).then_some(row.outcome.provider).flatten();
        let (routine_run_id, item) = item.unzip();
        Row {
            id: row_id(number),
            source,
            routine_run_id,
            item,
            status,
            subject: lead.subject().map(|subject| subject.to_string()).unwrap_or_default(),
            provider: found.map(|provider| self.waterfall.name(provider).to_owned()),
            credits: row.charged(),
            // It was read before it was kept.
            submitted: serde_json::from_slice(&row.body).unwrap_or_else(|_| Value::Null.into()),
            enriched: found.map(|_| Profile::of(&lead, key(&lead, &row.body), self.seed)),
        }
    }
}

/// What decides over the fate of a lead: what names it, or all that is known where nothing does.
pub(super) fn key<'a>(lead: &'a Lead<'_>, body: &'a [u8]) -> &'a [u8] {
    lead.subject().map_or(body, |subject| subject.as_bytes())
}

impl Notices for Setup {
    /// The row as it can be read back. In Clay the body is the user's own design; this one has all there is.
    fn of_row(&self, number: u64, row: &Kept) -> Option<Callback> {
        let url = row.callback.clone()?;
        let view = self.view(number, row, row.end?);
        let body = serde_json::to_vec(&view).ok()?;
        let lead = self.lead(&row.body).unwrap_or_default();
        let secret = self.settings.callbacks.signing_secret.clone();
        Some(Callback { about: view.id, identity: key(&lead, &row.body).into(), url, secret, body: Bytes::from(body) })
    }

    /// The notice in its documented form.
    fn of_run(&self, number: u64, run: &Run) -> Option<Callback> {
        let webhook = self.settings.public_api.webhooks.get(run.webhook?)?;
        let about = run_id(number);
        let body = json!({
            "webhookId": webhook.id,
            "createdAt": iso_8601(self.clock.date(Instant::now())),
            "data": { "routine_run_id": about },
        });
        let secret = webhook.signing_secret.clone().or_else(|| self.settings.callbacks.signing_secret.clone());
        let (identity, url) = (Box::from(run.identity.to_le_bytes()), webhook.url.as_str().into());
        Some(Callback { about, identity, url, secret, body: Bytes::from(body.to_string()) })
    }
}
