//! The parts of the workspace's state that can be read back as JSON.

use serde_json::{Value, json};

use super::CustomerIo;

impl CustomerIo {
    pub(super) fn read_section(&self, name: &str) -> Option<Value> {
        Some(match name {
            "customers" => json!(self.customers()),
            "events" => json!(self.all_events()),
            "devices" => self.devices(),
            "segments" => {
                let segments = self.store.lock().segments();
                segments.into_iter().map(|(id, customers)| json!({ "id": id.to_string(), "customers": customers })).collect()
            }
            "deliveries" => self.store.lock().deliveries(),
            "broadcasts" => self.store.lock().broadcasts(),
            "metrics" => self.store.lock().metrics(),
            "objects" => self.store.lock().objects(),
            "suppressed" => self.store.lock().suppressed().into(),
            "limits" => self.quotas.read().to_json(),
            "store" => self.store.lock().summary(),
            _ => return None,
        })
    }

    /// Devices of everyone, each with whose it is.
    fn devices(&self) -> Value {
        let customers = self.customers();
        let of = |customer: &super::Customer, device: &Value| {
            let mut item = device.clone();
            item["customer"] = json!(customer.id);
            item
        };
        customers.iter().flat_map(|customer| customer.devices.iter().map(|device| of(customer, device))).collect()
    }
}
