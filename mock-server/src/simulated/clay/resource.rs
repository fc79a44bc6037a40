//! POST `/v1/resource`: the target of the load-scale document's k6 script.
//!
//! It is not part of Clay's published API. It takes a Bearer token and a JSON object and answers 200 with JSON, which is
//! all that the script asks of it.

use http::StatusCode;

use super::{Clay, LARGEST_PAYLOAD};
use crate::simulated::{Answer, Request, Vendor, json, own_limit};

/// The body of a success; not publicly documented, chosen because it is the shortest JSON that says so.
const DONE: &[u8] = br#"{"status":"ok"}"#;

impl Clay {
    pub(super) fn resource(&self, request: &Request<'_>) -> Answer {
        if !self.bearer_is_right(request.headers) {
            self.error(StatusCode::UNAUTHORIZED, "invalid API key")
        } else if request.body.len() > LARGEST_PAYLOAD {
            self.error(StatusCode::PAYLOAD_TOO_LARGE, "payload is over 100 KB").refused_by(&own_limit::SIZE)
        } else if !json::is_object(request.body) {
            self.error(StatusCode::UNPROCESSABLE_ENTITY, "the body must be a JSON object")
        } else {
            Answer::json(StatusCode::OK, DONE)
        }
    }
}
