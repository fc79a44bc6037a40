//! `/vendors`: where the simulated vendors are, and what faults and counts can name.

use schemars::JsonSchema;
use serde::Serialize;

use super::operation::Call;
use super::reply::Json;
use crate::counts::Count;
use crate::refusal::Refusal;
use crate::simulated::SimulatedVendor;

/// Where a vendor is.
#[derive(Serialize, JsonSchema)]
pub(super) struct VendorInfo {
    /// Which one.
    vendor: SimulatedVendor,
    /// Its base URL for plain HTTP, without a trailing slash.
    url: String,
    /// Its base URL for TLS, by a certificate of the authority at `/ca.pem`. The port is the same.
    https_url: String,
    /// The names of its routes, as faults and the ledger use them.
    routes: &'static [&'static str],
    /// The names of the parts of its state.
    sections: Vec<&'static str>,
}

pub(super) async fn list(call: Call) -> Result<Json<Vec<VendorInfo>>, Refusal> {
    let simulation = &call.context.simulation;
    let info = |vendor: SimulatedVendor| {
        let url = simulation.vendors[&vendor].url();
        VendorInfo {
            vendor,
            https_url: crate::text::over_tls(&url),
            url,
            routes: vendor.routes(),
            sections: simulation.vendor(vendor).sections(),
        }
    };
    Ok(Json(SimulatedVendor::ALL.map(info).into()))
}

pub(super) async fn counts(call: Call) -> Result<Json<Vec<Count>>, Refusal> {
    Ok(Json(call.context.simulation.counts()))
}
