//! What an iteration does, and the leads that it does it with.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::KeyPath;
use crate::config::Secret;
use crate::journey::HTTP;
use crate::measure::UserTags;
use crate::scenario::leads;
use crate::scenario::model::{HttpJourney, Journey, LeadData, LeadUse, WeightedJourney};
use crate::scenario::raw::{RawHeader, RawJourney, RawTestPlan, RawUse};

use crate::config::Checker;

/// The longest wait for an answer when none is given: the reliability-patterns documents' timeout.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
const HTTP_KEYS: &[&str] = &["name", "method", "url", "headers", "body", "timeout", "expect_status", "expect_latency"];
/// Headers about the connection, or where a request is and ends: the client writes them, and others would break the protocol.
const FRAMING_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Methods that are no request for a resource: one opens a tunnel, the other asks for what was sent.
const NO_REQUESTS: [http::Method; 2] = [http::Method::CONNECT, http::Method::TRACE];
/// Parts of a header's name that mark it as a credential.
const CREDENTIAL_HEADERS: [&str; 7] = ["authorization", "cookie", "token", "secret", "api-key", "apikey", "password"];

impl Checker<'_> {
    /// The journeys at `place`; `tags` are those of their scenario.
    pub(super) fn journeys(
        &mut self,
        raw: Option<&[RawJourney]>,
        place: &KeyPath,
        tags: &UserTags,
    ) -> Option<Vec<WeightedJourney>> {
        let raw_journeys = raw?;
        if raw_journeys.is_empty() && !self.document.is_damaged(place) {
            self.error(place, "no journeys: users would have nothing to do", "add one, as in [{ journey = \"lead\" }]");
            return None;
        }
        let mut journeys = Vec::new();
        let mut labels = BTreeSet::new();
        let mut all_known = !self.document.is_damaged(place);
        for (index, raw) in raw_journeys.iter().enumerate() {
            let place = place.item(index);
            let journey = self.journey(raw, &place);
            let tags = self.tags(raw.tags.as_ref(), &place.key("tags"), tags);
            if let Some(label) = journey.as_ref().map(|journey| journey.label().to_owned())
                && !labels.insert((label.clone(), tags.clone()))
            {
                let (key, help) = if *raw.journey.0 == HTTP {
                    ("name", "give each `http` journey a `name` of its own")
                } else {
                    ("journey", "list it once, with the sum of the weights")
                };
                self.error(&place.key(key), format!("there are two journeys `{label}`: their samples would be mixed"), help);
            }
            match journey {
                Some(journey) => journeys.push(WeightedJourney { journey, weight: raw.weight.unwrap_or(1), tags }),
                None => all_known = false,
            }
        }
        self.bound_tag_sets(&journeys, place);
        all_known.then_some(journeys)
    }

    fn journey(&mut self, raw: &RawJourney, place: &KeyPath) -> Option<Journey> {
        let kind = raw.journey.0;
        if *kind == HTTP {
            return self.http(raw, place).map(|http| Journey::Http(Box::new(http)));
        }
        self.refuse_keys(place, &format!("journey `{}`", kind.name), HTTP_KEYS, &[]);
        Some(Journey::Named(kind))
    }

    fn http(&mut self, raw: &RawJourney, place: &KeyPath) -> Option<HttpJourney> {
        let name = raw.name.clone().unwrap_or_else(|| "http".to_owned());
        if name.trim().is_empty() {
            self.error(&place.key("name"), "this cannot label samples", "write a name, or leave it out for `http`");
        }
        let method = self.method(raw, place);
        let url = match &raw.url {
            Some(url) => self.url(url, &place.key("url")),
            None if self.document.is_damaged(&place.key("url")) => None,
            None => {
                let help = format!("add `url = \"http://127.0.0.1:8080/leads\"`; it takes {}", HTTP_KEYS.join(", "));
                self.error(&place.key("url"), "journey `http` needs a `url`", help);
                None
            }
        };
        let headers = self.headers(raw, place);
        let urls_and_body = [("url", &raw.url), ("body", &raw.body)];
        let texts = urls_and_body.into_iter().filter_map(|(key, text)| Some((place.key(key), text.as_deref()?)));
        let headers_texts = raw.headers.iter().flatten().filter_map(|(name, value)| match value {
            RawHeader::Text(text) => Some((place.key("headers").key(name), text.as_str())),
            RawHeader::Env(_) => None,
        });
        for (place, text) in texts.chain(headers_texts) {
            if let Some(name) = placeholder(text) {
                let message = format!("`${{{name}}}` would be sent as it stands: nothing fills it in");
                self.error(&place, message, "write the value itself; journeys about leads take theirs from `[data]`");
            }
        }
        if raw.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            self.error(&place.key("timeout"), "the timeout must be longer than zero", "give a timeout above \"0s\"");
        }
        Some(HttpJourney {
            name,
            method: method?,
            url: url?,
            headers,
            body: raw.body.clone().unwrap_or_default(),
            timeout: raw.timeout.map_or(HTTP_TIMEOUT, |timeout| timeout.0),
            expect_status: raw.expect_status.map(|status| status.0),
            expect_latency: raw.expect_latency.map(|latency| latency.0),
        })
    }

    fn method(&mut self, raw: &RawJourney, place: &KeyPath) -> Option<http::Method> {
        let Some(text) = &raw.method else { return Some(http::Method::GET) };
        let (reason, help) = match text.parse::<http::Method>() {
            Err(_) => ("is not an HTTP method", "use letters, without spaces: GET, POST, PUT, PATCH, DELETE"),
            Ok(_) if text.contains(|c: char| c.is_ascii_lowercase()) => {
                ("is in lower case, and methods are case-sensitive", "write it in capitals: GET, POST, PUT, PATCH, DELETE")
            }
            Ok(method) if NO_REQUESTS.contains(&method) => {
                ("is a method for proxies and cannot load a service", "use GET, POST, PUT, PATCH or DELETE")
            }
            Ok(method) => return Some(method),
        };
        self.error(&place.key("method"), format!("`{}` {reason}", text.escape_debug()), help);
        None
    }

    fn headers(&mut self, raw: &RawJourney, place: &KeyPath) -> Vec<(http::HeaderName, Secret)> {
        let mut headers = Vec::new();
        for (name, value) in raw.headers.iter().flatten() {
            let place = place.key("headers").key(name);
            let value = self.header_value(name, value, &place);
            let wrong = match name.parse::<http::HeaderName>() {
                Err(_) => ("is not a header's name", "use letters, digits and `-`"),
                Ok(name) if FRAMING_HEADERS.contains(&name.as_str()) => {
                    ("is written by the client, from the URL, the body and the connection", "leave it out")
                }
                Ok(name) => {
                    headers.extend(value.map(|value| (name, value)));
                    continue;
                }
            };
            let span = self.document.key_span(&place);
            self.error_at(span, format!("`{}` {}", name.escape_debug(), wrong.0), wrong.1);
        }
        headers
    }

    fn header_value(&mut self, name: &str, value: &RawHeader, place: &KeyPath) -> Option<Secret> {
        let secret = match value {
            RawHeader::Env(variable) => self.secret_words(variable, place),
            RawHeader::Text(text) => {
                let name = name.to_lowercase();
                if CREDENTIAL_HEADERS.iter().any(|part| name.contains(part)) {
                    let span = self.document.value_span(place);
                    self.diagnostics.redact(span);
                    let help =
                        "name the environment variable that holds it: { env = \"NAME\" }, with `prefix = \"Bearer \"` if need be";
                    self.error(place, "a credential does not belong in this file", help);
                    return None;
                }
                Secret::new(text.clone())
            }
        };
        if http::HeaderValue::from_str(secret.expose()).is_err() {
            self.error(place, "a header's value cannot hold this", "use one line of visible characters");
            return None;
        }
        Some(secret)
    }

    pub(super) fn data(&mut self, raw: &RawTestPlan, journeys: Option<&[WeightedJourney]>) -> Option<LeadData> {
        let data = raw.data.as_ref()?;
        let place = KeyPath::of("data").key("file");
        let need = leads::needed(journeys.unwrap_or_default().iter().map(|weighted| &weighted.journey));
        if journeys.is_some() && need.is_empty() {
            self.warning(
                &place,
                "no journey uses leads",
                "leave out `[data]`, or add a journey that does: `lead`, `clay.enrich`",
            );
        }
        let path = self.directory.join(&data.file);
        match leads::read(&path, need) {
            Ok(rows) => {
                let usage = match data.usage {
                    None | Some(RawUse::Ring) => LeadUse::Ring,
                    Some(RawUse::Random) => LeadUse::Random,
                    Some(RawUse::Once) => LeadUse::Once,
                };
                Some(LeadData { path, usage, rows })
            }
            Err(problems) => {
                for problem in problems {
                    self.error(&place, format!("{}: {}", data.file, problem.message), problem.help);
                }
                None
            }
        }
    }
}

/// The name in a `${name}` of the text, as k6's scripts and shells write what is to be filled in.
fn placeholder(text: &str) -> Option<&str> {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut candidates = text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.trim()));
    candidates.find(|name| !name.is_empty() && name.chars().all(of_a_name))
}
