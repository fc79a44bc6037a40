//! GET `/public/v0/me`: whose key it is.

use http::StatusCode;
use serde_json::json;

use super::super::Clay;
use crate::simulated::Answer;

impl Clay {
    pub(super) fn me(&self) -> Answer {
        let api = &self.setup.settings.public_api;
        let body = json!({
            "user": { "id": api.user_id, "name": api.user_name },
            "workspace": { "id": api.workspace_id },
        });
        Answer::json(StatusCode::OK, body.to_string())
    }
}
