//! Which endpoint a request is for.
//!
//! The vendor's three APIs have hosts of their own. Here they share one port, which they can, because no path is in two of
//! them.

use http::Method;

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

/// Declares every endpoint once: its constant, its name and its API.
macro_rules! endpoints {
    ($($(#[$doc:meta])* $constant:ident $variant:ident $api:ident $name:literal,)*) => {
        $($(#[$doc])* pub const $constant: &str = $name;)*

        /// Every route.
        pub(in crate::simulated) const ROUTES: &[&str] = &[$($constant),*];

        /// An endpoint.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Endpoint { $($variant),* }

        impl Endpoint {
            /// Its name, as faults and counts know it.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$variant => $constant),* }
            }

            /// The API that it belongs to.
            pub(super) fn api(self) -> Api {
                match self { $(Self::$variant => Api::$api),* }
            }
        }
    };
}

endpoints! {
    /// The route that creates or updates a customer: PUT `/api/v1/customers/{id}`.
    IDENTIFY Identify TrackV1 "customer_io.identify",
    /// The route that records an event of a customer: POST `/api/v1/customers/{id}/events`.
    TRACK Track TrackV1 "customer_io.track",
    /// DELETE `/api/v1/customers/{id}`.
    DELETE Delete TrackV1 "customer_io.delete",
    /// POST `/api/v1/customers/{id}/suppress`.
    SUPPRESS Suppress TrackV1 "customer_io.suppress",
    /// POST `/api/v1/customers/{id}/unsuppress`.
    UNSUPPRESS Unsuppress TrackV1 "customer_io.unsuppress",
    /// PUT `/api/v1/customers/{id}/devices`.
    ADD_DEVICE AddDevice TrackV1 "customer_io.add_device",
    /// DELETE `/api/v1/customers/{id}/devices/{device}`.
    DELETE_DEVICE DeleteDevice TrackV1 "customer_io.delete_device",
    /// The route that records an event of an unknown person: POST `/api/v1/events`.
    TRACK_ANONYMOUS TrackAnonymous TrackV1 "customer_io.track_anonymous",
    /// POST `/api/v1/merge_customers`.
    MERGE Merge TrackV1 "customer_io.merge",
    /// POST `/api/v1/segments/{id}/add_customers`.
    ADD_TO_SEGMENT AddToSegment TrackV1 "customer_io.add_to_segment",
    /// POST `/api/v1/segments/{id}/remove_customers`.
    REMOVE_FROM_SEGMENT RemoveFromSegment TrackV1 "customer_io.remove_from_segment",
    /// POST `/api/v1/metrics`.
    METRICS Metrics TrackV1 "customer_io.metrics",
    /// POST `/api/v1/push/events`.
    PUSH_EVENTS PushEvents TrackV1 "customer_io.push_events",
    /// POST `/api/v1/forms/{id}/submit`.
    SUBMIT_FORM SubmitForm TrackV1 "customer_io.submit_form",
    /// GET `/api/v1/accounts/region`.
    REGION FindRegion TrackV1 "customer_io.region",
    /// POST `/unsubscribe/{delivery}`.
    UNSUBSCRIBE Unsubscribe Open "customer_io.unsubscribe",
    /// POST `/api/v2/entity`.
    ENTITY Entity TrackV2 "customer_io.entity",
    /// POST `/api/v2/batch`.
    BATCH Batch TrackV2 "customer_io.batch",
    /// POST `/v1/send/email`.
    SEND_EMAIL SendEmail App "customer_io.send_email",
    /// POST `/v1/send/push`.
    SEND_PUSH SendPush App "customer_io.send_push",
    /// POST `/v1/send/sms`.
    SEND_SMS SendSms App "customer_io.send_sms",
    /// POST `/v1/send/whatsapp`.
    SEND_WHATSAPP SendWhatsApp App "customer_io.send_whatsapp",
    /// POST `/v1/send/in_app`.
    SEND_IN_APP SendInApp App "customer_io.send_in_app",
    /// POST `/v1/send/inbox_message`.
    SEND_INBOX_MESSAGE SendInboxMessage App "customer_io.send_inbox_message",
    /// POST `/v1/campaigns/{id}/triggers`.
    TRIGGER_BROADCAST TriggerBroadcast App "customer_io.trigger_broadcast",
    /// GET `/v1/customers?email=`.
    FIND_CUSTOMERS FindCustomers App "customer_io.find_customers",
    /// GET `/v1/customers/{id}/attributes`.
    CUSTOMER_ATTRIBUTES CustomerAttributes App "customer_io.customer_attributes",
    /// POST `/v1/identify`.
    PIPELINES_IDENTIFY PipelinesIdentify Pipelines "customer_io.pipelines_identify",
    /// POST `/v1/track`.
    PIPELINES_TRACK PipelinesTrack Pipelines "customer_io.pipelines_track",
    /// POST `/v1/page`.
    PIPELINES_PAGE PipelinesPage Pipelines "customer_io.pipelines_page",
    /// POST `/v1/screen`.
    PIPELINES_SCREEN PipelinesScreen Pipelines "customer_io.pipelines_screen",
    /// POST `/v1/group`.
    PIPELINES_GROUP PipelinesGroup Pipelines "customer_io.pipelines_group",
    /// POST `/v1/alias`.
    PIPELINES_ALIAS PipelinesAlias Pipelines "customer_io.pipelines_alias",
    /// POST `/v1/batch`.
    PIPELINES_BATCH PipelinesBatch Pipelines "customer_io.pipelines_batch",
}

/// What a path leads to, whatever the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route<'a> {
    /// The one or two endpoints of the path, each with its method.
    choices: &'static [(&'static str, Endpoint)],
    /// The variable part of the path, still percent-encoded; empty where there is none.
    pub(super) id: &'a str,
    /// A second variable part: the device.
    pub(super) device: &'a str,
}

impl Route<'_> {
    /// The endpoint for a method.
    pub(super) fn endpoint(&self, method: &Method) -> Option<Endpoint> {
        self.choices.iter().find(|(allowed, _)| method.as_str() == *allowed).map(|(_, endpoint)| *endpoint)
    }

    /// The API of the path.
    pub(super) fn api(&self) -> Api {
        self.choices[0].1.api()
    }

    /// The methods that the path takes, for the header that says so.
    pub(super) fn allowed(&self) -> &'static str {
        match self.choices {
            [_, _] => "PUT, DELETE",
            [("PUT", _)] => "PUT",
            [("DELETE", _)] => "DELETE",
            [("GET", _)] => "GET",
            _ => "POST",
        }
    }
}

/// The API that a path without an endpoint would belong to, for the form of its error.
pub(super) fn api_of(path: &str) -> Api {
    if path.starts_with("/v1/") { Api::App } else { Api::TrackV1 }
}

/// Segments of the longest path.
const LONGEST: usize = 6;

/// Where a path leads.
pub(super) fn route(path: &str) -> Option<Route<'_>> {
    use Endpoint::*;
    let mut segments = [""; LONGEST];
    let mut count = 0;
    for segment in path.strip_prefix('/')?.split('/') {
        *segments.get_mut(count)? = segment;
        count += 1;
    }
    let (choices, id, device): (&'static [(&'static str, Endpoint)], &str, &str) = match &segments[..count] {
        ["api", "v1", rest @ ..] => match rest {
            ["customers", id] => (&[("PUT", Identify), ("DELETE", Delete)], id, ""),
            ["customers", id, "events"] => (&[("POST", Track)], id, ""),
            ["customers", id, "suppress"] => (&[("POST", Suppress)], id, ""),
            ["customers", id, "unsuppress"] => (&[("POST", Unsuppress)], id, ""),
            ["customers", id, "devices"] => (&[("PUT", AddDevice)], id, ""),
            ["customers", id, "devices", device] if !device.is_empty() => (&[("DELETE", DeleteDevice)], id, device),
            ["segments", id, "add_customers"] => (&[("POST", AddToSegment)], id, ""),
            ["segments", id, "remove_customers"] => (&[("POST", RemoveFromSegment)], id, ""),
            ["forms", id, "submit"] => (&[("POST", SubmitForm)], id, ""),
            ["events"] => return fixed(&[("POST", TrackAnonymous)]),
            ["merge_customers"] => return fixed(&[("POST", Merge)]),
            ["metrics"] => return fixed(&[("POST", Metrics)]),
            ["push", "events"] => return fixed(&[("POST", PushEvents)]),
            ["accounts", "region"] => return fixed(&[("GET", FindRegion)]),
            _ => return None,
        },
        ["api", "v2", "entity"] => return fixed(&[("POST", Entity)]),
        ["api", "v2", "batch"] => return fixed(&[("POST", Batch)]),
        ["unsubscribe", id] => (&[("POST", Unsubscribe)], id, ""),
        ["v1", rest @ ..] => match rest {
            ["campaigns", id, "triggers"] => (&[("POST", TriggerBroadcast)], id, ""),
            ["customers", id, "attributes"] => (&[("GET", CustomerAttributes)], id, ""),
            ["customers"] => return fixed(&[("GET", FindCustomers)]),
            ["send", "email"] => return fixed(&[("POST", SendEmail)]),
            ["send", "push"] => return fixed(&[("POST", SendPush)]),
            ["send", "sms"] => return fixed(&[("POST", SendSms)]),
            ["send", "whatsapp"] => return fixed(&[("POST", SendWhatsApp)]),
            ["send", "in_app"] => return fixed(&[("POST", SendInApp)]),
            ["send", "inbox_message"] => return fixed(&[("POST", SendInboxMessage)]),
            ["identify"] => return fixed(&[("POST", PipelinesIdentify)]),
            ["track"] => return fixed(&[("POST", PipelinesTrack)]),
            ["page"] => return fixed(&[("POST", PipelinesPage)]),
            ["screen"] => return fixed(&[("POST", PipelinesScreen)]),
            ["group"] => return fixed(&[("POST", PipelinesGroup)]),
            ["alias"] => return fixed(&[("POST", PipelinesAlias)]),
            ["batch"] => return fixed(&[("POST", PipelinesBatch)]),
            _ => return None,
        },
        _ => return None,
    };
    (!id.is_empty()).then_some(Route { choices, id, device })
}

fn fixed(choices: &'static [(&'static str, Endpoint)]) -> Option<Route<'static>> {
    Some(Route { choices, id: "", device: "" })
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
