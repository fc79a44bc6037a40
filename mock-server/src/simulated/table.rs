//! The simulated vendors: one row each, and nothing else that lists them.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clay::{self, Clay, ClaySettings};
use super::customer_io::{self, CustomerIo, CustomerIoSettings};
use super::{RouteName, Vendor};
use crate::clock::DayClock;
use crate::seed::Seed;

/// One of the simulated vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SimulatedVendor {
    /// Clay.
    Clay,
    /// Customer.io.
    CustomerIo,
    /// A vendor that does not exist.
    #[cfg(feature = "third-vendor")]
    Acme,
}

/// What the vendors are started with.
pub(crate) struct VendorSettings<'a> {
    pub(crate) clay: &'a ClaySettings,
    pub(crate) clay_port: u16,
    pub(crate) customer_io: &'a CustomerIoSettings,
    pub(crate) customer_io_port: u16,
}

/// A vendor's row, at the place that its variant has in the enum.
struct Row {
    /// Its name in scenarios, route names and the ledger.
    name: &'static str,
    /// Its name in texts.
    title: &'static str,
    routes: &'static [&'static str],
    /// The option that chooses its port, and the port that was chosen; 0 for any free one.
    port_option: &'static str,
    port: fn(&VendorSettings<'_>) -> u16,
    make: fn(&VendorSettings<'_>, Seed, DayClock) -> Arc<dyn Vendor>,
}

static ROWS: [Row; SimulatedVendor::COUNT] = [
    Row {
        name: "clay",
        title: "Clay",
        routes: clay::ROUTES,
        port_option: "--clay-port (in a test plan: `port` in `[simulation.clay]`)",
        port: |settings| settings.clay_port,
        make: |settings, seed, clock| Arc::new(Clay::new(settings.clay.clone(), seed, clock)),
    },
    Row {
        name: "customer_io",
        title: "Customer.io",
        routes: customer_io::ROUTES,
        port_option: "--customer-io-port (in a test plan: `port` in `[simulation.customer_io]`)",
        port: |settings| settings.customer_io_port,
        make: |settings, seed, clock| Arc::new(CustomerIo::new(settings.customer_io.clone(), seed, clock)),
    },
    #[cfg(feature = "third-vendor")]
    Row {
        name: "acme",
        title: "Acme",
        routes: super::third_vendor::ROUTES,
        port_option: "",
        port: |_| 0,
        make: |_, _, _| Arc::new(super::third_vendor::Acme),
    },
];

impl SimulatedVendor {
    /// How many there are. It is not read off the table: the table has functions in it, and with optimisation the compiler
    /// may need the length to know them, and them to know the length.
    pub const COUNT: usize = if cfg!(feature = "third-vendor") { 3 } else { 2 };

    /// Every vendor, in the order of the table.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Clay,
        Self::CustomerIo,
        #[cfg(feature = "third-vendor")]
        Self::Acme,
    ];

    const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// `clay` or `customer_io`, as in scenarios and route names.
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// `Clay` or `Customer.io`, as in texts.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// The names of its routes (`clay.webhook`).
    pub const fn routes(self) -> &'static [&'static str] {
        self.row().routes
    }

    /// The option that chooses its port.
    pub(crate) fn port_option(self) -> &'static str {
        self.row().port_option
    }

    /// The port to serve it at; 0 for any free one.
    pub(crate) fn port(self, settings: &VendorSettings<'_>) -> u16 {
        (self.row().port)(settings)
    }

    /// A fresh one.
    pub(crate) fn make(self, settings: &VendorSettings<'_>, seed: Seed, clock: DayClock) -> Arc<dyn Vendor> {
        (self.row().make)(settings, seed, clock)
    }
}

/// Every route of every vendor.
pub fn routes() -> impl Iterator<Item = RouteName> {
    let of = |vendor: SimulatedVendor| vendor.routes().iter().map(move |name| RouteName { name, vendor });
    SimulatedVendor::ALL.into_iter().flat_map(of)
}

/// One value for each vendor, by [`per_vendor`].
pub type PerVendor<T> = BTreeMap<SimulatedVendor, T>;

/// What `value` gives for each vendor.
pub fn per_vendor<T>(mut value: impl FnMut(SimulatedVendor) -> T) -> PerVendor<T> {
    SimulatedVendor::ALL.into_iter().map(|vendor| (vendor, value(vendor))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_is_at_its_place_and_has_the_name_that_is_written() {
        for (index, vendor) in SimulatedVendor::ALL.into_iter().enumerate() {
            assert_eq!(vendor as usize, index);
            assert_eq!(serde_json::to_value(vendor).unwrap(), vendor.as_str());
        }
    }
}
