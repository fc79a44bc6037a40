//! Which endpoint a request is for.
//!
//! The vendor's three APIs have hosts of their own. Here they share one port, which they can, because no path is in two of
//! them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::Method;
use matchit::Router;

/// One of the vendor's APIs: each has its own credentials, errors and limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// Version 1 of the Track API.
    TrackV1,
    /// Version 2 of the Track API.
    TrackV2,
    /// The App API.
    App,
    /// The Pipelines API.
    Pipelines,
    /// No credentials at all.
    Open,
}

/// Declares every endpoint once: its constant, its API, its name, its method and its path.
macro_rules! endpoints {
    ($($constant:ident $variant:ident $api:ident $name:literal $method:literal $path:literal,)*) => {
        $(
            #[doc = concat!("The route of ", $method, " `", $path, "`.")]
            pub const $constant: &str = $name;
        )*

        /// Every route.
        pub(in crate::simulated) const ROUTES: &[&str] = &[$($constant),*];

        /// An endpoint.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Endpoint { $($variant),* }

        impl Endpoint {
            const ALL: [Self; ROUTES.len()] = [$(Self::$variant),*];

            /// Its name, as faults and counts know it.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$variant => $constant),* }
            }

            /// The API that it belongs to.
            pub(super) fn api(self) -> Api {
                match self { $(Self::$variant => Api::$api),* }
            }

            fn method(self) -> &'static str {
                match self { $(Self::$variant => $method),* }
            }

            /// Its path, with variable parts in braces.
            pub(super) fn path(self) -> &'static str {
                match self { $(Self::$variant => $path),* }
            }
        }
    };
}

endpoints! {
    IDENTIFY Identify TrackV1 "customer_io.identify" "PUT" "/api/v1/customers/{id}",
    TRACK Track TrackV1 "customer_io.track" "POST" "/api/v1/customers/{id}/events",
    DELETE Delete TrackV1 "customer_io.delete" "DELETE" "/api/v1/customers/{id}",
    SUPPRESS Suppress TrackV1 "customer_io.suppress" "POST" "/api/v1/customers/{id}/suppress",
    UNSUPPRESS Unsuppress TrackV1 "customer_io.unsuppress" "POST" "/api/v1/customers/{id}/unsuppress",
    ADD_DEVICE AddDevice TrackV1 "customer_io.add_device" "PUT" "/api/v1/customers/{id}/devices",
    DELETE_DEVICE DeleteDevice TrackV1 "customer_io.delete_device" "DELETE" "/api/v1/customers/{id}/devices/{device}",
    TRACK_ANONYMOUS TrackAnonymous TrackV1 "customer_io.track_anonymous" "POST" "/api/v1/events",
    MERGE Merge TrackV1 "customer_io.merge" "POST" "/api/v1/merge_customers",
    ADD_TO_SEGMENT AddToSegment TrackV1 "customer_io.add_to_segment" "POST" "/api/v1/segments/{id}/add_customers",
    REMOVE_FROM_SEGMENT RemoveFromSegment TrackV1 "customer_io.remove_from_segment" "POST" "/api/v1/segments/{id}/remove_customers",
    METRICS Metrics TrackV1 "customer_io.metrics" "POST" "/api/v1/metrics",
    PUSH_EVENTS PushEvents TrackV1 "customer_io.push_events" "POST" "/api/v1/push/events",
    SUBMIT_FORM SubmitForm TrackV1 "customer_io.submit_form" "POST" "/api/v1/forms/{id}/submit",
    REGION FindRegion TrackV1 "customer_io.region" "GET" "/api/v1/accounts/region",
    UNSUBSCRIBE Unsubscribe Open "customer_io.unsubscribe" "POST" "/unsubscribe/{id}",
    ENTITY Entity TrackV2 "customer_io.entity" "POST" "/api/v2/entity",
    BATCH Batch TrackV2 "customer_io.batch" "POST" "/api/v2/batch",
    SEND_EMAIL SendEmail App "customer_io.send_email" "POST" "/v1/send/email",
    SEND_PUSH SendPush App "customer_io.send_push" "POST" "/v1/send/push",
    SEND_SMS SendSms App "customer_io.send_sms" "POST" "/v1/send/sms",
    SEND_WHATSAPP SendWhatsApp App "customer_io.send_whatsapp" "POST" "/v1/send/whatsapp",
    SEND_IN_APP SendInApp App "customer_io.send_in_app" "POST" "/v1/send/in_app",
    SEND_INBOX_MESSAGE SendInboxMessage App "customer_io.send_inbox_message" "POST" "/v1/send/inbox_message",
    TRIGGER_BROADCAST TriggerBroadcast App "customer_io.trigger_broadcast" "POST" "/v1/campaigns/{id}/triggers",
    FIND_CUSTOMERS FindCustomers App "customer_io.find_customers" "GET" "/v1/customers",
    CUSTOMER_ATTRIBUTES CustomerAttributes App "customer_io.customer_attributes" "GET" "/v1/customers/{id}/attributes",
    PIPELINES_IDENTIFY PipelinesIdentify Pipelines "customer_io.pipelines_identify" "POST" "/v1/identify",
    PIPELINES_TRACK PipelinesTrack Pipelines "customer_io.pipelines_track" "POST" "/v1/track",
    PIPELINES_PAGE PipelinesPage Pipelines "customer_io.pipelines_page" "POST" "/v1/page",
    PIPELINES_SCREEN PipelinesScreen Pipelines "customer_io.pipelines_screen" "POST" "/v1/screen",
    PIPELINES_GROUP PipelinesGroup Pipelines "customer_io.pipelines_group" "POST" "/v1/group",
    PIPELINES_ALIAS PipelinesAlias Pipelines "customer_io.pipelines_alias" "POST" "/v1/alias",
    PIPELINES_BATCH PipelinesBatch Pipelines "customer_io.pipelines_batch" "POST" "/v1/batch",
}

/// What a path leads to, whatever the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route<'a> {
    /// The one or two endpoints of the path.
    choices: &'static [Endpoint],
    /// The variable part of the path, still percent-encoded; empty where there is none.
    pub(super) id: &'a str,
    /// A second variable part: the device.
    pub(super) device: &'a str,
}

impl Route<'_> {
    /// The endpoint for a method.
    pub(super) fn endpoint(&self, method: &Method) -> Option<Endpoint> {
        self.choices.iter().copied().find(|endpoint| method.as_str() == endpoint.method())
    }

    /// The API of the path.
    pub(super) fn api(&self) -> Api {
        self.choices[0].api()
    }

    /// The methods that the path takes, for the header that says so.
    pub(super) fn allowed(&self) -> &'static str {
        if let [only] = self.choices { only.method() } else { "PUT, DELETE" }
    }
}

/// The API that a path without an endpoint would belong to, for the form of its error.
pub(super) fn api_of(path: &str) -> Api {
    if path.starts_with("/v1/") { Api::App } else { Api::TrackV1 }
}

/// The endpoints of each path.
static PATHS: LazyLock<Router<Vec<Endpoint>>> = LazyLock::new(|| {
    let mut paths: BTreeMap<&str, Vec<Endpoint>> = BTreeMap::new();
    for endpoint in Endpoint::ALL {
        paths.entry(endpoint.path()).or_default().push(endpoint);
    }
    let mut router = Router::new();
    for (path, endpoints) in paths {
        router.insert(path, endpoints).unwrap_or_else(|error| unreachable!("{path} is in the table: {error}"));
    }
    router
});

/// Where a path leads.
pub(super) fn route(path: &str) -> Option<Route<'_>> {
    let found = PATHS.at(path).ok()?;
    let part = |name| found.params.get(name).unwrap_or_default();
    // The router takes an empty part for one.
    let is_whole = found.params.iter().all(|(_, part)| !part.is_empty());
    is_whole.then(|| Route { choices: found.value, id: part("id"), device: part("device") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_has_one_path() {
        let paths = [
            ("PUT", "/api/v1/customers/a%2Fb", IDENTIFY),
            ("DELETE", "/api/v1/customers/ada", DELETE),
            ("POST", "/api/v1/customers/ada/events", TRACK),
            ("POST", "/api/v1/customers/ada/suppress", SUPPRESS),
            ("POST", "/api/v1/customers/ada/unsuppress", UNSUPPRESS),
            ("PUT", "/api/v1/customers/ada/devices", ADD_DEVICE),
            ("DELETE", "/api/v1/customers/ada/devices/t", DELETE_DEVICE),
            ("POST", "/api/v1/events", TRACK_ANONYMOUS),
            ("POST", "/api/v1/merge_customers", MERGE),
            ("POST", "/api/v1/segments/7/add_customers", ADD_TO_SEGMENT),
            ("POST", "/api/v1/segments/7/remove_customers", REMOVE_FROM_SEGMENT),
            ("POST", "/api/v1/metrics", METRICS),
            ("POST", "/api/v1/push/events", PUSH_EVENTS),
            ("POST", "/api/v1/forms/f/submit", SUBMIT_FORM),
            ("GET", "/api/v1/accounts/region", REGION),
            ("POST", "/unsubscribe/d", UNSUBSCRIBE),
            ("POST", "/api/v2/entity", ENTITY),
            ("POST", "/api/v2/batch", BATCH),
            ("POST", "/v1/send/email", SEND_EMAIL),
            ("POST", "/v1/send/push", SEND_PUSH),
            ("POST", "/v1/send/sms", SEND_SMS),
            ("POST", "/v1/send/whatsapp", SEND_WHATSAPP),
            ("POST", "/v1/send/in_app", SEND_IN_APP),
            ("POST", "/v1/send/inbox_message", SEND_INBOX_MESSAGE),
            ("POST", "/v1/campaigns/3/triggers", TRIGGER_BROADCAST),
            ("GET", "/v1/customers", FIND_CUSTOMERS),
            ("GET", "/v1/customers/ada/attributes", CUSTOMER_ATTRIBUTES),
            ("POST", "/v1/identify", PIPELINES_IDENTIFY),
            ("POST", "/v1/track", PIPELINES_TRACK),
            ("POST", "/v1/page", PIPELINES_PAGE),
            ("POST", "/v1/screen", PIPELINES_SCREEN),
            ("POST", "/v1/group", PIPELINES_GROUP),
            ("POST", "/v1/alias", PIPELINES_ALIAS),
            ("POST", "/v1/batch", PIPELINES_BATCH),
        ];
        for (method, path, name) in paths {
            let route = route(path).unwrap_or_else(|| panic!("{path}"));
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(route.endpoint(&method).map(Endpoint::name), Some(name), "{path}");
            assert!(route.allowed().contains(method.as_str()), "{path}");
            assert_eq!(route.endpoint(&Method::PATCH), None, "{path}");
        }
        assert!(ROUTES.iter().all(|name| paths.iter().filter(|path| path.2 == *name).count() == 1));
        assert_eq!(paths.len(), ROUTES.len());
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "",
            "/",
            "api/v1/events",
            "/api/v1",
            "/api/v1/customers/",
            "/api/v1/customers//events",
            "/api/v1/customers/ada/else",
            "/api/v1/customers/ada/devices/",
            "/api/v1/customers/ada/devices/t/u",
            "/api/v1/customers/ada/devices/t/u/v/w",
            "/api/v3/entity",
            "/v1/send/fax",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }
}
