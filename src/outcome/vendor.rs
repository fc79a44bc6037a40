//! The vendors, the routes of their APIs that are called, and the operations that are carried out there: one row each, and
//! nothing else that lists them.

use std::fmt;

use http::Method;
use mock_server::fault::SimulatedVendor;
use mock_server::settings::SimulationSettings;
use serde::{Deserialize, Serialize};

use super::failure::FailureKind;

/// A vendor whose API is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Clay, data enrichment.
    Clay,
    /// Customer.io, messaging.
    CustomerIo,
    /// A vendor that does not exist.
    #[cfg(feature = "third-vendor")]
    Acme,
}

/// What is known of a vendor, at the place that its variant has in the enum.
struct VendorRow {
    /// Its name in scenarios, tags and results, and the key of its base URL in `[target]`.
    name: &'static str,
    /// Its name in prose.
    title: &'static str,
    charges_credits: bool,
    access: &'static [AccessKey],
}

const VENDORS: [VendorRow; Vendor::COUNT] = [
    VendorRow {
        name: "clay",
        title: "Clay",
        charges_credits: true,
        access: &[
            AccessKey::secret("clay_api_key", "Clay's key, for `clay.resource`.", |settings| Some(settings.clay.api_key.clone())),
            AccessKey::path(
                "clay_webhook_path",
                "Path of the webhook source under Clay's base URL, for `clay.enrich` and `lead`.",
                |settings| Some(format!("/v3/sources/webhook/{}", settings.clay.webhook_id)),
            ),
            AccessKey::secret("clay_webhook_token", "Token of the webhook source, if it has one.", |settings| {
                settings.clay.webhook_token.clone()
            }),
        ],
    },
    VendorRow {
        name: "customer_io",
        title: "Customer.io",
        charges_credits: false,
        access: &[
            AccessKey::secret("customer_io_site_id", "Customer.io's site ID.", |settings| {
                Some(settings.customer_io.site_id.clone())
            }),
            AccessKey::secret("customer_io_api_key", "Customer.io's API key.", |settings| {
                Some(settings.customer_io.api_key.clone())
            }),
        ],
    },
    #[cfg(feature = "third-vendor")]
    VendorRow { name: "acme", title: "Acme", charges_credits: false, access: &[] },
];

/// What the simulated vendor takes as the value of an access key.
type Simulated = fn(&SimulationSettings) -> Option<String>;

/// Something that a vendor is called with beside its base URL: a key of `[target]`.
#[derive(Debug)]
pub struct AccessKey {
    /// The key.
    pub name: &'static str,
    /// What it is, for the schema of scenarios.
    pub about: &'static str,
    /// Whether it is a credential, which a file takes from the environment. Else it is a path under the base URL.
    pub is_secret: bool,
    /// What the simulated vendor takes for it.
    pub simulated: Simulated,
}

impl AccessKey {
    const fn secret(name: &'static str, about: &'static str, simulated: Simulated) -> Self {
        Self { name, about, is_secret: true, simulated }
    }

    const fn path(name: &'static str, about: &'static str, simulated: Simulated) -> Self {
        Self { name, about, is_secret: false, simulated }
    }
}

impl Vendor {
    /// How many there are. It is not read off the table: the table has functions in it, and with optimisation the compiler
    /// would need the length to know them, and them to know the length.
    pub const COUNT: usize = if cfg!(feature = "third-vendor") { 3 } else { 2 };

    /// Every vendor, in the order of the table.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Clay,
        Self::CustomerIo,
        #[cfg(feature = "third-vendor")]
        Self::Acme,
    ];

    /// The vendor of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.as_str() == name)
    }

    /// The name used in scenarios, tags and results.
    pub const fn as_str(self) -> &'static str {
        VENDORS[self as usize].name
    }

    /// The name used in prose.
    pub const fn display_name(self) -> &'static str {
        VENDORS[self as usize].title
    }

    /// Whether its calls cost credits.
    pub fn charges_credits(self) -> bool {
        VENDORS[self as usize].charges_credits
    }

    /// What it is called with, beside its base URL.
    pub fn access_keys(self) -> &'static [AccessKey] {
        VENDORS[self as usize].access
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The vendor that a simulated one stands for.
impl From<SimulatedVendor> for Vendor {
    fn from(simulated: SimulatedVendor) -> Self {
        Self::ALL[simulated as usize]
    }
}

/// A request that a vendor's API takes.
#[derive(Debug)]
pub struct Route {
    /// The name used in samples and metrics.
    pub name: &'static str,
    /// Whose it is.
    pub vendor: Vendor,
    /// The method.
    pub method: Method,
    /// Where it is under the vendor's base URL.
    pub path: RoutePath,
    /// What lets it in.
    pub credential: Credential,
    /// The statuses that the vendor's API defines as success.
    pub success: &'static [u16],
    /// What it defines as the body of a success.
    pub says: Says,
}

/// What an answer that is a success says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// JSON.
    Json,
    /// The vendor does not document it: anything, but not a page for people, nor broken JSON.
    Undocumented,
}

/// Where a route is under its vendor's base URL.
#[derive(Debug)]
pub enum RoutePath {
    /// Here. `{user}` stands for the user that the request is about.
    Fixed(&'static str),
    /// Where this access key says.
    Given(&'static str),
}

/// The header that lets a request in, made of the values of access keys.
#[derive(Debug)]
pub enum Credential {
    /// None is asked for.
    None,
    /// A bearer token.
    Bearer(&'static str),
    /// Basic authentication: user and password.
    Basic([&'static str; 2]),
    /// The value of this header, for those who set it up; with whose it is, in prose.
    Optional(&'static str, &'static str, &'static str),
}

const CUSTOMER_IO: Credential = Credential::Basic(["customer_io_site_id", "customer_io_api_key"]);

/// Clay's sample request.
pub const CLAY_RESOURCE: &Route = &Route {
    name: "clay.resource",
    vendor: Vendor::Clay,
    method: Method::POST,
    path: RoutePath::Fixed("/v1/resource"),
    credential: Credential::Bearer("clay_api_key"),
    // The load-scale document's script checks it.
    success: &[200],
    says: Says::Undocumented,
};

impl Route {
    /// Every route.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        OPERATIONS.iter().map(|row| &row.route).chain([CLAY_RESOURCE])
    }

    /// Why an answer with this status is no success; `None` when it is one.
    pub fn failure_of(&self, status: u16) -> Option<FailureKind> {
        (!self.success.contains(&status)).then(|| FailureKind::of_unexpected(status))
    }

    /// The keys of `[target]` without which it cannot be called.
    pub fn required_keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.keys().into_iter().filter_map(|(key, is_required)| is_required.then_some(key))
    }

    /// The keys of `[target]` that it is called with, and whether it cannot be called without.
    pub fn keys(&self) -> Vec<(&'static str, bool)> {
        let mut keys = vec![(self.vendor.as_str(), true)];
        if let RoutePath::Given(key) = self.path {
            keys.push((key, true));
        }
        match self.credential {
            Credential::None => {}
            Credential::Bearer(key) => keys.push((key, true)),
            Credential::Basic(pair) => keys.extend(pair.map(|key| (key, true))),
            Credential::Optional(_, key, _) => keys.push((key, false)),
        }
        keys
    }
}

/// What to do at a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Post a lead to Clay's webhook source.
    Enrich,
    /// Create or update a person at Customer.io.
    Identify,
    /// Record an event of a person at Customer.io.
    Track,
    /// Push a thing to Acme.
    #[cfg(feature = "third-vendor")]
    Push,
}

/// What an operation sends of a lead, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// What is known of the lead, as it is.
    Data,
    /// The same as a row, with the operation's key and the lead's.
    Row,
    /// An event with what is known of the lead, and an `id` made of the operation's key.
    Event,
}

/// What is known of a kind of operations, at the place that its variant has in the enum.
struct OperationRow {
    /// Its name in keys, journals and tables.
    name: &'static str,
    payload: Payload,
    /// What the vendor's ledger calls its effect.
    effects: &'static [&'static str],
    route: Route,
}

static OPERATIONS: [OperationRow; OperationKind::COUNT] = [
    OperationRow {
        name: "enrich",
        payload: Payload::Row,
        effects: &["row.added"],
        route: Route {
            name: "clay.webhook",
            vendor: Vendor::Clay,
            method: Method::POST,
            path: RoutePath::Given("clay_webhook_path"),
            credential: Credential::Optional("x-clay-webhook-auth", "clay_webhook_token", "Clay's webhook"),
            // Clay does not document it: done, or accepted to be done.
            success: &[200, 202],
            says: Says::Undocumented,
        },
    },
    OperationRow {
        name: "identify",
        payload: Payload::Data,
        effects: &["customer.identified"],
        route: Route {
            name: "customer_io.identify",
            vendor: Vendor::CustomerIo,
            method: Method::PUT,
            path: RoutePath::Fixed("/api/v1/customers/{user}"),
            credential: CUSTOMER_IO,
            success: &[200],
            says: Says::Json,
        },
    },
    OperationRow {
        name: "track",
        payload: Payload::Event,
        effects: &["event.recorded", "anonymous_event.recorded"],
        route: Route {
            name: "customer_io.track",
            vendor: Vendor::CustomerIo,
            method: Method::POST,
            path: RoutePath::Fixed("/api/v1/customers/{user}/events"),
            credential: CUSTOMER_IO,
            success: &[200],
            says: Says::Json,
        },
    },
    #[cfg(feature = "third-vendor")]
    OperationRow {
        name: "push",
        payload: Payload::Data,
        effects: &["thing.pushed"],
        route: Route {
            name: "acme.things",
            vendor: Vendor::Acme,
            method: Method::POST,
            path: RoutePath::Fixed("/v1/things"),
            credential: Credential::None,
            success: &[200],
            says: Says::Json,
        },
    },
];

impl OperationKind {
    /// How many there are: see [`Vendor::COUNT`].
    pub const COUNT: usize = if cfg!(feature = "third-vendor") { 4 } else { 3 };

    /// Every kind, in the order of the table.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Enrich,
        Self::Identify,
        Self::Track,
        #[cfg(feature = "third-vendor")]
        Self::Push,
    ];

    /// The operations that a lead comes to, in their order.
    pub const OF_A_LEAD: [Self; 3] = [Self::Enrich, Self::Identify, Self::Track];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The kind whose effect a vendor's ledger calls so.
    pub fn of_effect(effect: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| OPERATIONS[*kind as usize].effects.contains(&effect))
    }

    /// The name used in keys, journals and tables.
    pub fn as_str(self) -> &'static str {
        OPERATIONS[self as usize].name
    }

    /// The route that its requests take.
    pub fn route(self) -> &'static Route {
        &OPERATIONS[self as usize].route
    }

    /// The vendor that carries it out.
    pub fn vendor(self) -> Vendor {
        self.route().vendor
    }

    /// What it sends of a lead.
    pub fn payload(self) -> Payload {
        OPERATIONS[self as usize].payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_statuses_that_a_route_names_are_its_success() {
        for route in Route::all() {
            for status in 100..=999 {
                assert_eq!(route.failure_of(status).is_none(), route.success.contains(&status), "{} {status}", route.name);
            }
            let failures = [204, 302, 404, 503].map(|status| route.failure_of(status));
            use FailureKind::{BadAnswer, ClientError, ServerError};
            assert_eq!(failures, [BadAnswer, BadAnswer, ClientError, ServerError].map(Some), "{}", route.name);
        }
    }

    #[test]
    fn a_simulated_vendor_is_called_as_the_one_that_it_stands_for() {
        for simulated in SimulatedVendor::ALL {
            assert_eq!(Vendor::from(simulated).as_str(), simulated.as_str());
        }
    }

    #[test]
    fn vendors_and_operations_are_at_their_places_and_have_the_names_that_are_written() {
        for (index, vendor) in Vendor::ALL.into_iter().enumerate() {
            assert_eq!((vendor as usize, serde_json::to_value(vendor).unwrap()), (index, vendor.as_str().into()));
        }
        for (index, kind) in OperationKind::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, serde_json::to_value(kind).unwrap()), (index, kind.as_str().into()));
        }
    }
}
