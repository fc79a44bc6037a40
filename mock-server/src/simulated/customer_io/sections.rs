//! The parts of the workspace's state that can be read back as JSON.

use serde::Serialize;
use serde_json::{Value, json};

use super::CustomerIo;

impl CustomerIo {
    pub(super) fn read_section(&self, name: &str) -> Option<Value> {
        Some(match name {
            "customers" => list(&self.customers()),
            "events" => list(&self.all_events()),
            "devices" => self.devices(),
            "segments" => {
                let segments = self.store.lock().segments();
                segments.into_iter().map(|(id, customers)| json!({ "id": id.to_string(), "customers": customers })).collect()
            }
            "deliveries" => list(&self.deliveries()),
            "broadcasts" => list(&self.broadcasts()),
            "metrics" => list(&self.metrics()),
            "objects" => list(&self.objects()),
            "suppressed" => self.store.lock().suppressed().into(),
            "limits" => self.quotas.read().to_json(),
            "store" => self.store.lock().summary(),
            _ => return None,
        })
    }

    /// Devices of everyone, each with whose it is.
    fn devices(&self) -> Value {
        let customers = self.customers();
        let of = |customer: &super::Customer, device: &super::CustomerDevice| {
            let mut item = json!(device);
            item["customer"] = json!(customer.id);
            item
        };
        customers.iter().flat_map(|customer| customer.devices.iter().map(|device| of(customer, device))).collect()
    }
}

/// A list as JSON, with the numbers that some have for identifiers as strings.
fn list<T: Serialize>(records: &[T]) -> Value {
    let item = |record: &T| {
        let mut item = json!(record);
        if let Some(id) = item.get("id").filter(|id| id.is_number()) {
            item["id"] = id.to_string().into();
        }
        item
    };
    records.iter().map(item).collect()
}
