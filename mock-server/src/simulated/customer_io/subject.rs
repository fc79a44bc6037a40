//! Whose request it is, for faults that hit some customers only.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use super::attributes::{Attributes, text_or_number};
use super::fields::{inner, object};
use super::route::{Api, route};
use crate::simulated::Request;

/// The customer's identifier: in the path, or in the body where each API has it. A batch has many, so it has none.
pub(super) fn of<'a>(request: &Request<'a>) -> Option<Cow<'a, str>> {
    let route = route(request.path)?;
    if route.api() == Api::TrackV1 && request.path.starts_with("/api/v1/customers/") {
        return percent_decode_str(route.id).decode_utf8().ok();
    }
    let fields = object(request.body).ok()?;
    let subject = match route.api() {
        Api::Pipelines => named(&fields, &["userId", "anonymousId"]),
        Api::TrackV1 => {
            named(&fields, &["anonymous_id"]).or_else(|| one_of(fields.get("primary"))).or_else(|| one_of(fields.get("data")))
        }
        Api::TrackV2 | Api::App => one_of(fields.get("identifiers").or_else(|| fields.get("primary"))),
        Api::Open => None,
    };
    subject.map(Cow::Owned)
}

fn one_of(identifiers: Option<&RawValue>) -> Option<String> {
    named(&inner(identifiers?)?, &["id", "email", "cio_id", "object_id"])
}

fn named(fields: &Attributes, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| fields.get(name).and_then(text_or_number))
}
