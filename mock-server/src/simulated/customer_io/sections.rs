//! The parts of the workspace's state that can be read back as JSON.

use serde_json::{Value, json};

use super::CustomerIo;

/// The name of a part of the state, and how it is read.
type Section = (&'static str, fn(&CustomerIo) -> Value);

impl CustomerIo {
    /// The parts of the state that the admin API reads.
    pub(super) const SECTIONS: [Section; 11] = [
        ("customers", |workspace| json!(workspace.customers())),
        ("events", |workspace| json!(workspace.all_events())),
        ("devices", devices),
        ("segments", segments),
        ("deliveries", |workspace| workspace.store.lock().deliveries()),
        ("broadcasts", |workspace| workspace.store.lock().broadcasts()),
        ("metrics", |workspace| workspace.store.lock().metrics()),
        ("objects", |workspace| workspace.store.lock().objects()),
        ("suppressed", |workspace| workspace.store.lock().suppressed()),
        ("limits", |workspace| workspace.quotas.read().to_json()),
        ("store", |workspace| workspace.store.lock().summary()),
    ];
}

/// Devices of everyone, each with whose it is.
fn devices(workspace: &CustomerIo) -> Value {
    let customers = workspace.customers();
    let of = |customer: &super::Customer, device: &Value| {
        let mut item = device.clone();
        item["customer"] = json!(customer.id);
        item
    };
    customers.iter().flat_map(|customer| customer.devices.iter().map(|device| of(customer, device))).collect()
}

fn segments(workspace: &CustomerIo) -> Value {
    let segments = workspace.store.lock().segments();
    segments.into_iter().map(|(id, customers)| json!({ "id": id.to_string(), "customers": customers })).collect()
}
