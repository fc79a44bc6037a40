//! The paths that there are, and the one method that each takes.

use http::Method;

use super::{ME, RESOURCE, RESULTS, RUN, WEBHOOK};

/// A path of Clay's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path<'a> {
    /// `/v3/sources/webhook/{id}`
    Webhook(&'a str),
    /// `/v1/resource`
    Resource,
    /// `/public/v0/me`
    Me,
    /// `/public/v0/routines/{id}/run`
    Run(&'a str),
    /// `/public/v0/routines/run/{id}/results`
    Results(&'a str),
}

impl<'a> Path<'a> {
    /// The path in a request's target. Ids are still percent-encoded.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        if let Some(id) = path.strip_prefix("/v3/sources/webhook/") {
            return is_segment(id).then_some(Self::Webhook(id));
        }
        if path == "/v1/resource" {
            return Some(Self::Resource);
        }
        let path = path.strip_prefix("/public/v0/")?;
        if path == "me" {
            return Some(Self::Me);
        }
        let path = path.strip_prefix("routines/")?;
        let results = path.strip_prefix("run/").and_then(|path| path.strip_suffix("/results"));
        if let Some(id) = results.filter(|id| is_segment(id)) {
            return Some(Self::Results(id));
        }
        path.strip_suffix("/run").filter(|id| is_segment(id)).map(Self::Run)
    }

    pub(super) fn method(self) -> Method {
        match self {
            Self::Webhook(_) | Self::Resource | Self::Run(_) => Method::POST,
            Self::Me | Self::Results(_) => Method::GET,
        }
    }

    pub(super) fn route(self) -> &'static str {
        match self {
            Self::Webhook(_) => WEBHOOK,
            Self::Resource => RESOURCE,
            Self::Me => ME,
            Self::Run(_) => RUN,
            Self::Results(_) => RESULTS,
        }
    }
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_whole() {
        let expected = [
            ("/v3/sources/webhook/a", Some(Path::Webhook("a"))),
            ("/v1/resource", Some(Path::Resource)),
            ("/public/v0/me", Some(Path::Me)),
            ("/public/v0/routines/function%3At_1/run", Some(Path::Run("function%3At_1"))),
            ("/public/v0/routines/run/run_1/results", Some(Path::Results("run_1"))),
            ("/public/v0/routines/run/run", Some(Path::Run("run"))),
            ("/v3/sources/webhook/", None),
            ("/v3/sources/webhook/a/b", None),
            ("/v1/resource/", None),
            ("/public/v0/me/", None),
            ("/public/v0/routines//run", None),
            ("/public/v0/routines/a/b/run", None),
            ("/public/v0/routines/run//results", None),
            ("/public/v1/me", None),
        ];
        for (path, is) in expected {
            assert_eq!(Path::of(path), is, "{path}");
        }
    }
}
