//! The public API: its user, its routines, and the webhooks that get notices of finished runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limit::RateLimit;
use crate::secret::Secret;

/// The public API, version 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublicApiSettings {
    /// The workspace's limit, requests a second and burst; `None` for none. That there is one is documented, its figure is
    /// not.
    pub rate_limit: Option<RateLimit>,
    /// The routines of the workspace.
    pub routines: Vec<Routine>,
    /// Webhooks that a run can name, to be called at its end. Clay's own are registered with its command line.
    pub webhooks: Vec<RegisteredWebhook>,
    /// Id of the key's user, as `/me` gives it.
    pub user_id: String,
    /// Name of the key's user.
    pub user_name: Option<String>,
    /// Id of the workspace.
    pub workspace_id: String,
}

/// A routine: a saved function that enriches the items it is run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Routine {
    /// Its id, 1 to 64 characters (`function:t_…`).
    pub id: String,
    /// Whether the key's user may run it; otherwise a run is 403.
    #[serde(default = "yes")]
    pub allowed: bool,
}

/// An address that is called when a run has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisteredWebhook {
    /// Its id (`wh_…`), which a run names.
    pub id: String,
    /// Where the notice is posted.
    pub url: String,
    /// What it is signed with; `None` for [`CallbackSettings::signing_secret`](super::CallbackSettings::signing_secret).
    #[serde(default)]
    pub signing_secret: Option<Secret>,
}

const fn yes() -> bool {
    true
}

/// The longest id that the API takes, in characters (as in its OpenAPI document).
pub(crate) const LONGEST_ID: usize = 64;

impl PublicApiSettings {
    /// The setting that makes no sense, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let ids = self.routines.iter().map(|routine| ("clay.public_api.routines", &routine.id));
        let ids = ids.chain(self.webhooks.iter().map(|webhook| ("clay.public_api.webhooks", &webhook.id)));
        for (setting, id) in ids {
            let length = id.chars().count();
            if !(1..=LONGEST_ID).contains(&length) {
                return Err((setting, format!("the id `{id}` has {length} characters; it must have 1 to {LONGEST_ID}")));
            }
        }
        Ok(())
    }
}

impl Default for PublicApiSettings {
    fn default() -> Self {
        Self {
            rate_limit: None,
            routines: vec![Routine { id: "function:t_simulated".to_owned(), allowed: true }],
            webhooks: Vec::new(),
            user_id: "1".to_owned(),
            user_name: Some("Simulated User".to_owned()),
            workspace_id: "1".to_owned(),
        }
    }
}
