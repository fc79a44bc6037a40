//! The body of a request to run a routine.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::setup::Setup;
use crate::json::Json;
use crate::simulated::clay::settings::LONGEST_ID;

/// Items that one run takes (documented).
const MOST_ITEMS: usize = 100;

/// The body of a request to run a routine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunRequest {
    pub(super) items: Vec<Item>,
    pub(super) webhook_id: Option<String>,
}

/// An item of a run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) inputs: BTreeMap<String, Json>,
}

/// The subject of the first item.
pub(in super::super) fn first_subject(setup: &Setup, body: &[u8]) -> Option<String> {
    let first = read(body).ok()?.items.into_iter().next()?;
    setup.lead(Json::of(&first.inputs).get().as_bytes())?.subject().map(|subject| subject.to_string())
}

/// The request, or what is wrong with it.
pub(super) fn read(body: &[u8]) -> Result<RunRequest, String> {
    let value: Json = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    // A struct would also be read from an array of its fields' values.
    let items = value.field("items").and_then(|items| serde_json::from_str::<Vec<Json>>(items.get()).ok());
    let items = items.ok_or("items: an array is required")?;
    if let Some(place) = items.iter().position(|item| !item.get().starts_with('{')) {
        return Err(format!("items[{place}]: an object with `id` and `inputs` is required"));
    }
    let run: RunRequest = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let count = run.items.len();
    if !(1..=MOST_ITEMS).contains(&count) {
        return Err(format!("items: {count} were given, from 1 to {MOST_ITEMS} are allowed"));
    }
    let ids = run.items.iter().map(|item| ("items[].id", &item.id));
    for (field, id) in ids.chain(run.webhook_id.iter().map(|id| ("webhook_id", id))) {
        let length = id.chars().count();
        if !(1..=LONGEST_ID).contains(&length) {
            return Err(format!("{field}: has {length} characters, from 1 to {LONGEST_ID} are allowed"));
        }
    }
    Ok(run)
}
