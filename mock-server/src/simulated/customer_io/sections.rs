//! The parts of the workspace's state that can be read back as JSON.

use serde_json::json;

use super::CustomerIo;
use crate::json::Json;

impl CustomerIo {
    pub(super) fn read_section(&self, name: &str) -> Option<Json> {
        let store = || self.store.lock();
        Some(match name {
            "customers" => Json::of(&self.customers()),
            "events" => Json::of(&self.all_events()),
            "devices" => self.devices(),
            "segments" => {
                let segments = store().segments();
                let segment = |(id, customers): (u64, Vec<String>)| json!({ "id": id.to_string(), "customers": customers });
                Json::of(&segments.into_iter().map(segment).collect::<Vec<_>>())
            }
            "deliveries" => store().deliveries(),
            "broadcasts" => store().broadcasts(),
            "metrics" => store().metrics(),
            "objects" => store().objects(),
            "suppressed" => Json::of(&store().suppressed()),
            "limits" => self.quotas.read().to_json().into(),
            "store" => store().summary().into(),
            _ => return None,
        })
    }

    /// Devices of everyone, each with whose it is.
    fn devices(&self) -> Json {
        let customers = self.customers();
        let of = |customer: &super::Customer, device: &Json| device.with(&[("customer", &customer.id)]);
        let all = customers.iter().flat_map(|customer| customer.devices.iter().map(|device| of(customer, device)));
        Json::of(&all.collect::<Vec<_>>())
    }
}
