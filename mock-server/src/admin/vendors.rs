//! `/vendors`: where the simulated vendors are, and what faults and counts can name.

use schemars::JsonSchema;
use serde::Serialize;

use super::operation::Call;
use super::refusal::Refusal;
use super::reply::Json;
use crate::counts::Count;
use crate::fault::SimulatedVendor;
use crate::vendor::routes;

/// Both vendors.
pub(super) const VENDORS: [SimulatedVendor; 2] = [SimulatedVendor::Clay, SimulatedVendor::CustomerIo];

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
    routes: Vec<&'static str>,
    /// The names of the parts of its state.
    sections: Vec<&'static str>,
}

pub(super) async fn list(call: Call) -> Result<Json<Vec<VendorInfo>>, Refusal> {
    let simulation = &call.admin.simulation;
    let info = |vendor| VendorInfo {
        vendor,
        url: simulation.edge(vendor).url(),
        https_url: simulation.edge(vendor).url().replacen("http://", "https://", 1),
        routes: routes().filter(|route| route.vendor == vendor).map(|route| route.name).collect(),
        sections: simulation.vendor(vendor).sections().to_vec(),
    };
    Ok(Json(VENDORS.map(info).into()))
}

pub(super) async fn counts(call: Call) -> Result<Json<Vec<Count>>, Refusal> {
    Ok(Json(call.admin.simulation.counts()))
}
