//! `/state`: what requests have changed at the vendors, read back.

use std::collections::BTreeMap;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::operation::Call;
use super::reply::Json as InJson;
use super::unknown::not_found;
use crate::json::{Json, text_of};
use crate::refusal::{Problem, Refusal};
use crate::running::Simulation;
use crate::simulated::{SimulatedVendor, Vendor};

/// Items of a page where the query asks for no other number.
const PAGE: u32 = 100;
/// Items of a page at most.
const LARGEST_PAGE: u32 = 1_000;

/// A part of a vendor's state at a glance: how many items a list has, or the whole of anything else.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Glance {
    /// A list.
    Items {
        /// How many items it has.
        items: usize,
    },
    /// Anything else.
    Whole(Json),
}

/// A vendor's state at a glance, by section.
type Overview = BTreeMap<&'static str, Glance>;

/// Which items of a list to show.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// How many items at most, up to 1,000; 100 where it is left out.
    limit: Option<u32>,
    /// Only items after the one of this `id`: `next` of the page before.
    after: Option<String>,
    /// Only items of this `id`.
    id: Option<String>,
    /// Only items in which a field has a value, as `field:value` (`customer:ada`).
    r#where: Option<String>,
}

/// Items of a list, oldest first, or anything else as a whole.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Section {
    /// A page of a list.
    Page {
        /// The items.
        items: Vec<Json>,
        /// How many there are that fit the query, whatever the page.
        total: usize,
        /// What to give as `after` for the next page; null on the last one.
        next: Option<String>,
    },
    /// Anything else.
    Whole(Json),
}

pub(super) async fn all(call: Call) -> Result<InJson<BTreeMap<&'static str, Overview>>, Refusal> {
    let overviews = apart(&call.context, |simulation| {
        SimulatedVendor::ALL.map(|vendor| (vendor.as_str(), overview(simulation.vendor(vendor))))
    });
    Ok(InJson(overviews.await?.into()))
}

pub(super) async fn of_vendor(call: Call) -> Result<InJson<Overview>, Refusal> {
    let vendor = named(call.path::<1>()[0])?;
    apart(&call.context, move |simulation| overview(simulation.vendor(vendor))).await.map(InJson)
}

pub(super) async fn section(call: Call<Paging>) -> Result<InJson<Section>, Refusal> {
    let [vendor, section] = call.path().map(str::to_owned);
    let Call { context, query: paging, .. } = call;
    let read = move |simulation: &Simulation| match items_of(value(simulation, &vendor, &section)?) {
        Ok(items) => page(items, &paging),
        Err(whole) => Ok(Section::Whole(whole)),
    };
    apart(&context, read).await?.map(InJson)
}

pub(super) async fn item(call: Call) -> Result<InJson<Json>, Refusal> {
    let [vendor, section, id] = call.path().map(str::to_owned);
    let find = move |simulation: &Simulation| {
        let Ok(items) = items_of(value(simulation, &vendor, &section)?) else {
            let problem = Problem::new(format!("`{section}` of `{vendor}` is not a list, so its parts have no ids"));
            return Err(Refusal::new(StatusCode::NOT_FOUND, problem.help(format!("read /state/{vendor}/{section}"))));
        };
        items.into_iter().find(|item| has(item, "id", &id)).ok_or_else(|| {
            let problem = Problem::new(format!("there is no item `{id}` in `{section}` of `{vendor}`"));
            Refusal::new(StatusCode::NOT_FOUND, problem)
        })
    };
    apart(&call.context, find).await?.map(InJson)
}

/// Reads apart from the tasks that serve requests: a vendor may know a great deal.
async fn apart<T: Send + 'static>(context: &Context, read: impl FnOnce(&Simulation) -> T + Send + 'static) -> Result<T, Refusal> {
    let simulation = context.simulation.clone();
    let ended = |_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Problem::new("the simulation is being shut down"));
    tokio::task::spawn_blocking(move || read(&simulation)).await.map_err(ended)
}

fn overview(vendor: &dyn Vendor) -> Overview {
    let glance = |name: &'static str| {
        let glance = match items_of(vendor.section(name)?) {
            Ok(items) => Glance::Items { items: items.len() },
            Err(whole) => Glance::Whole(whole),
        };
        Some((name, glance))
    };
    vendor.sections().into_iter().filter_map(glance).collect()
}

fn named(name: &str) -> Result<SimulatedVendor, Refusal> {
    let found = SimulatedVendor::ALL.into_iter().find(|vendor| vendor.as_str() == name);
    found.ok_or_else(|| not_found("vendor", name, &SimulatedVendor::ALL.map(SimulatedVendor::as_str)))
}

fn value(simulation: &Simulation, vendor: &str, section: &str) -> Result<Json, Refusal> {
    let vendor = simulation.vendor(named(vendor)?);
    vendor.section(section).ok_or_else(|| not_found("section", section, &vendor.sections()))
}

fn page(items: Vec<Json>, paging: &Paging) -> Result<Section, Refusal> {
    let limit = paging.limit.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(wrong("limit", format!("{limit} is not a page size; it must be from 1 to {LARGEST_PAGE}")));
    }
    let pair = match &paging.r#where {
        Some(text) => Some(text.split_once(':').ok_or_else(|| {
            wrong("where", format!("`{text}` is not a condition; write it as `field:value`, like `customer:ada`"))
        })?),
        None => None,
    };
    let mut items: Vec<Json> = items
        .into_iter()
        .filter(|item| paging.id.as_deref().is_none_or(|id| has(item, "id", id)))
        .filter(|item| pair.is_none_or(|(field, value)| has(item, field, value)))
        .collect();
    let total = items.len();
    if let Some(after) = &paging.after {
        let place = items.iter().position(|item| has(item, "id", after));
        let place = place.ok_or_else(|| wrong("after", format!("there is no item `{after}` to start after")))?;
        items.drain(..=place);
    }
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| has_more).and_then(|item| text(item, "id"));
    Ok(Section::Page { items, total, next })
}

fn wrong(field: &str, message: String) -> Refusal {
    Refusal::unprocessable(vec![Problem::of(field, message)])
}

/// The items of a list, or what is none.
fn items_of(section: Json) -> Result<Vec<Json>, Json> {
    serde_json::from_str(section.get()).map_err(|_| section)
}

/// Whether a field has this value.
fn has(item: &Json, field: &str, wanted: &str) -> bool {
    text(item, field).is_some_and(|text| text == wanted)
}

/// The text of a field, or what else its value is written as.
fn text(item: &Json, field: &str) -> Option<String> {
    let value = item.field(field)?;
    Some(text_of(value).unwrap_or_else(|| value.get().to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paged(query: &str) -> Result<(Vec<String>, usize, Option<String>), Refusal> {
        let items = (1..=5).map(|id| json!({"id": format!("i{id}"), "odd": id % 2 == 1, "of": "ada"}).into()).collect();
        let Section::Page { items, total, next } = page(items, &super::super::read::query(query)?)? else { panic!("no list") };
        Ok((items.iter().filter_map(|item| text(item, "id")).collect(), total, next))
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
        loop {
            let (ids, total, next) = paged(&query).unwrap();
            assert_eq!(total, 5);
            seen.extend(ids);
            let Some(next) = next else { break };
            query = format!("limit=2&after={next}");
        }
        assert_eq!(seen, ["i1", "i2", "i3", "i4", "i5"]);
        assert_eq!(paged("limit=5").unwrap().2, None, "the last page says so although it is full");
    }

    #[test]
    fn items_are_found_by_id_and_by_field() {
        assert_eq!(paged("id=i3").unwrap().0, ["i3"]);
        assert_eq!(paged("where=odd:false").unwrap().0, ["i2", "i4"]);
        assert_eq!(paged("where=of:ada&limit=1").unwrap(), (vec!["i1".to_owned()], 5, Some("i1".to_owned())));
        assert!(paged("where=of:bob").unwrap().0.is_empty());
    }

    #[test]
    fn queries_that_make_no_sense_are_refused_with_their_field() {
        for (query, field) in [("limit=0", "limit"), ("limit=1001", "limit"), ("after=i9", "after"), ("where=odd", "where")] {
            assert_eq!(paged(query).unwrap_err().errors[0].field.as_deref(), Some(field), "{query}");
        }
    }
}
