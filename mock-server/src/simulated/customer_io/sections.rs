//! The parts of the workspace's state that can be read back as JSON.

use serde_json::json;

use super::CustomerIo;
use crate::json::Json;

/// The name of a part of the state, and how it is read.
type Section = (&'static str, fn(&CustomerIo) -> Json);

impl CustomerIo {
    /// The parts of the state that the admin API reads.
    pub(super) const SECTIONS: [Section; 11] = [
        ("customers", |workspace| Json::of(&workspace.customers())),
        ("events", |workspace| Json::of(&workspace.all_events())),
        ("devices", devices),
        ("segments", segments),
        ("deliveries", |workspace| workspace.store.lock().deliveries()),
        ("broadcasts", |workspace| workspace.store.lock().broadcasts()),
        ("metrics", |workspace| workspace.store.lock().metrics()),
        ("objects", |workspace| workspace.store.lock().objects()),
        ("suppressed", |workspace| Json::of(&workspace.store.lock().suppressed())),
        ("limits", |workspace| workspace.quotas.read().to_json().into()),
        ("store", |workspace| workspace.store.lock().summary().into()),
    ];
}

/// Devices of everyone, each with whose it is.
fn devices(workspace: &CustomerIo) -> Json {
    let customers = workspace.customers();
    let of = |customer: &super::Customer, device: &Json| device.with(&[("customer", &customer.id)]);
    let all = customers.iter().flat_map(|customer| customer.devices.iter().map(|device| of(customer, device)));
    Json::of(&all.collect::<Vec<_>>())
}

fn segments(workspace: &CustomerIo) -> Json {
    let segments = workspace.store.lock().segments();
    let segment = |(id, customers): (u64, Vec<String>)| json!({ "id": id.to_string(), "customers": customers });
    Json::of(&segments.into_iter().map(segment).collect::<Vec<_>>())
}
